/* Values of headers, cookies and query parameters.  Knows no environment. */
#include "operator/conditions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/route.h"
#include "model/when.h"

static char *trim(const char *text, size_t len)
{
	size_t skip = strspn(text, " \t");

	skip = skip > len ? len : skip;
	while (len > skip && strchr(" \t", text[len - 1]) != NULL)
		len--;
	return mem_dup_bytes(text + skip, len - skip);
}

/* Of several the last; to be freed; NULL: none. */
static char *find_header(char *const *headers, const char *name)
{
	const char *last = NULL;
	size_t n = strlen(name);

	for (; headers != NULL && *headers != NULL; headers++)
		if (strncasecmp(*headers, name, n) == 0 && (*headers)[n] == ':')
			last = *headers + n + 1;
	return last == NULL ? NULL : trim(last, strlen(last));
}

static char *find_cookie(char *const *headers, const char *name)
{
	char *last = NULL;
	size_t n = strlen(name);

	for (; headers != NULL && *headers != NULL; headers++) {
		const char *at = strncasecmp(*headers, "cookie:", 7) == 0 ? *headers + 7 : "";

		while (*at != '\0') {
			at += strspn(at, "; \t");
			if (strncmp(at, name, n) == 0 && at[n] == '=') {
				free(last);
				last = trim(at + n + 1, strcspn(at + n + 1, ";"));
			}
			at += strcspn(at, ";");
		}
	}
	return last;
}

/* Escapes, and '+' for a space. */
static char *decode(const char *text, size_t len)
{
	struct buf decoded = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		char hex[] = {i + 1 < len ? text[i + 1] : '\0', i + 2 < len ? text[i + 2] : '\0',
			      '\0'};

		if (text[i] == '%' && isxdigit((unsigned char)hex[0]) &&
		    isxdigit((unsigned char)hex[1])) {
			buf_add_char(&decoded, (char)strtoul(hex, NULL, 16));
			i += 2;
		} else {
			buf_add_char(&decoded, text[i] == '+' ? ' ' : text[i]);
		}
	}
	return buf_take(&decoded);
}

/* Of several the first.  HAProxy's url_param takes a further `?` for a separator, too. */
static char *find_parameter(const char *url, const char *name)
{
	const char *at = strchr(url, '?'), *end = url + strcspn(url, "#");
	size_t n = strlen(name);

	while (at != NULL && at < end) {
		const char *value = at + 1 + n;

		if (strncmp(at + 1, name, n) == 0 && *value == '=')
			return decode(value + 1, strcspn(value + 1, "&;?#"));
		at = strpbrk(at + 1, "&;?");
	}
	return NULL;
}

static bool has_value(const struct when_value *asked, const struct conditions_request *request)
{
	mem_auto_free char *value = NULL;

	switch (asked->kind) {
	case WHEN_HEADER:
		value = find_header(request->headers, asked->name);
		break;
	case WHEN_QUERY:
		value = find_parameter(request->url, asked->name);
		break;
	case WHEN_COOKIE:
		value = find_cookie(request->headers, asked->name);
		break;
	case WHEN_KINDS:
		break;
	}
	return value != NULL && strcmp(value, asked->value) == 0;
}

static bool has_method(unsigned methods, const char *method)
{
	for (unsigned i = 0; i < ROUTE_METHODS; i++)
		if ((methods >> i & 1) != 0 && strcasecmp(route_method_words[i], method) == 0)
			return true;
	return methods == WHEN_ANY_METHOD;
}

bool conditions_fit(const struct when_condition *condition,
		    const struct conditions_request *request)
{
	for (size_t i = 0; i < condition->value_count; i++)
		if (!has_value(&condition->values[i], request))
			return false;
	return has_method(condition->methods, request->method);
}
