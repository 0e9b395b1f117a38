/* Queries of URLs (the URL standard, application/x-www-form-urlencoded). */
#include "base/form.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strlist.h"

static void add(struct buf *text, const char *bytes, size_t len, bool has_plus)
{
	for (size_t i = 0; i < len; i++) {
		char hex[] = {i + 1 < len ? bytes[i + 1] : '\0', i + 2 < len ? bytes[i + 2] : '\0',
			      '\0'};

		if (bytes[i] == '%' && isxdigit((unsigned char)hex[0]) &&
		    isxdigit((unsigned char)hex[1])) {
			buf_add_char(text, (char)strtoul(hex, NULL, 16));
			i += 2;
		} else {
			buf_add_char(text, has_plus && bytes[i] == '+' ? ' ' : bytes[i]);
		}
	}
}

void form_add_decoded(struct buf *text, const char *bytes, size_t len)
{
	add(text, bytes, len, true);
}

void form_add_decoded_path(struct buf *text, const char *bytes, size_t len)
{
	add(text, bytes, len, false);
}

char **form_find_all(const char *query, const char *name, size_t max)
{
	size_t len = strlen(name);
	char **values = NULL;

	while (*query != '\0' && strlist_count(values) < max) {
		size_t end = strcspn(query, "&");

		if (end > len && strncmp(query, name, len) == 0 && query[len] == '=') {
			buf_auto struct buf value = BUF_INIT;

			form_add_decoded(&value, query + len + 1, end - len - 1);
			strlist_add(&values, buf_str(&value));
		}
		query += end;
		query += *query == '&';
	}
	return values;
}

char *form_find(const char *query, const char *name)
{
	char **values = form_find_all(query, name, 1);
	char *first = values == NULL ? NULL : mem_dup_str(values[0]);

	strlist_free(values);
	return first;
}
