/* Values of headers, cookies and query parameters.  Knows no environment. */
#include "operator/conditions.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/form.h"
#include "base/mem.h"
#include "model/route.h"
#include "model/when.h"
#include "operator/cookie.h"
#include "operator/request.h"

/* Of several the last, also if it is empty; to be freed; NULL: none. */
static char *find_header(char *const *headers, const char *name)
{
	char *last = NULL;

	for (; headers != NULL && *headers != NULL; headers++) {
		char *value = request_header_value(*headers, name);

		if (value == NULL)
			continue;
		free(last);
		last = value;
	}
	return last;
}

static char *decode(const char *text, size_t len)
{
	struct buf decoded = BUF_INIT;

	form_add_decoded(&decoded, text, len);
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

char *conditions_find_value(const struct when_value *asked,
			    const struct conditions_request *request)
{
	switch (asked->kind) {
	case WHEN_HEADER:
		return find_header(request->headers, asked->name);
	case WHEN_QUERY:
		return find_parameter(request->url, asked->name);
	case WHEN_COOKIE:
		return cookie_find_last(request->headers, asked->name);
	case WHEN_KINDS:
		break;
	}
	return NULL;
}

static bool has_value(const struct when_value *asked, const struct conditions_request *request)
{
	mem_auto_free char *value = conditions_find_value(asked, request);

	return value != NULL && strcmp(value, asked->value) == 0;
}

static bool has_method(unsigned methods, const char *method)
{
	for (unsigned i = 0; i < ROUTE_METHODS; i++)
		if ((methods >> i & 1) != 0 && strcmp(route_method_words[i], method) == 0)
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
