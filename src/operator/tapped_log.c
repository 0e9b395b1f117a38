/* The two forms of a line: an object of JSON, or the same values with a space between them. */
#include "operator/tapped_log.h"

#include <string.h>

static char first_of(struct span rest)
{
	return rest.len == 0 ? '\0' : rest.at[0];
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static void drop(struct span *rest, size_t n)
{
	n = n < rest->len ? n : rest->len;
	*rest = (struct span){rest->at + n, rest->len - n};
}

/* Up to its quote; the quotes go. */
static bool take_text(struct span *rest, struct span *ret_value)
{
	drop(rest, 1);
	for (size_t i = 0; i < rest->len; i++) {
		if (rest->at[i] == '\\') {
			i++;
		} else if (rest->at[i] == '"') {
			*ret_value = (struct span){rest->at, i};
			drop(rest, i + 1);
			return true;
		}
	}
	return false;
}

static bool take_value(struct span *rest, struct span *ret_value)
{
	size_t n = 0;

	if (first_of(*rest) == '"')
		return take_text(rest, ret_value);
	while (n < rest->len && !is_one_of(rest->at[n], " ,}"))
		n++;
	*ret_value = (struct span){rest->at, n};
	drop(rest, n);
	return n > 0;
}

/* What is before a value: a space, or the sign of an object and a key. */
static bool take_to_value(struct span *rest, bool is_json)
{
	struct span key;

	if (!is_one_of(first_of(*rest), " ,{"))
		return false;
	drop(rest, 1);
	if (!is_json)
		return true;
	if (first_of(*rest) != '"' || !take_text(rest, &key) || first_of(*rest) != ':')
		return false;
	drop(rest, 1);
	return true;
}

bool tapped_log_split(struct span line, struct span ret_values[TAPPED_LOG_COUNT])
{
	struct span values[TAPPED_LOG_COUNT];
	bool is_json = first_of(line) == '{';

	for (size_t i = 0; i < TAPPED_LOG_COUNT; i++) {
		bool is_text;

		if ((is_json || i > 0) && !take_to_value(&line, is_json))
			return false;
		is_text = first_of(line) == '"';
		if (!take_value(&line, &values[i]))
			return false;
		if (i == TAPPED_LOG_STATUS && is_text)
			i--; /* it was the query */
		else if (i >= TAPPED_LOG_METHOD && i <= TAPPED_LOG_PATH && !is_text)
			return false;
	}
	memcpy(ret_values, values, sizeof(values));
	return true;
}

struct span tapped_log_unescape(struct span text, char *copy, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len && n < size; i++) {
		if (text.at[i] == '\\' && i + 1 < text.len && is_one_of(text.at[i + 1], "/\"\\"))
			i++;
		copy[n++] = text.at[i];
	}
	return (struct span){copy, n};
}
