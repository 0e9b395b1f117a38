/* Cookie headers, taken apart.  Knows no name of a cookie. */
#include "operator/cookie.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/span.h"
#include "operator/request.h"

/* What stands before the first of these characters, which is taken, too. */
static struct span take_until(struct span *rest, const char *ends, bool has_quotes)
{
	bool is_quoted = false;
	struct span part;
	size_t i = 0;

	for (; i < rest->len && (is_quoted || strchr(ends, rest->at[i]) == NULL); i++) {
		if (is_quoted && rest->at[i] == '\\' && i + 1 < rest->len)
			i++;
		else if (has_quotes && rest->at[i] == '"')
			is_quoted = !is_quoted;
	}
	part = (struct span){rest->at, i};
	i += i < rest->len;
	*rest = (struct span){rest->at + i, rest->len - i};
	return part;
}

/* The next one of that name; false: there is none.  At the end of a line, HAProxy does not see one
 * without a value. */
static bool take_cookie(struct span *rest, const char *name, struct span *ret_value)
{
	size_t n = strlen(name);

	while (rest->len > n + 1) {
		struct span all = *rest, key = take_until(rest, "=;,", false);

		if (key.len == all.len || all.at[key.len] != '=')
			continue;
		*ret_value = span_trim(take_until(rest, ";,", true));
		if (span_is(span_trim(key), name))
			return true;
	}
	return false;
}

/* *ret stays NULL, or the first; or each takes its place, which leaves the last. */
static void find_in(const char *header, const char *name, bool is_first, char **ret)
{
	struct span rest = span_of(header), value;

	while (rest.len > 0) {
		/* Lines of one header may be one line, with commas between them. */
		struct span line = span_trim(take_until(&rest, ",", true));

		while (take_cookie(&line, name, &value) && (*ret == NULL || !is_first)) {
			free(*ret);
			*ret = mem_dup_bytes(value.at, value.len);
		}
	}
}

static char *find(char *const *headers, const char *name, bool is_first)
{
	char *found = NULL;

	for (; headers != NULL && *headers != NULL; headers++) {
		mem_auto_free char *header = request_header_value(*headers, "cookie");

		find_in(header, name, is_first, &found);
	}
	return found;
}

char *cookie_find_first(char *const *headers, const char *name)
{
	return find(headers, name, true);
}

char *cookie_find_last(char *const *headers, const char *name)
{
	return find(headers, name, false);
}
