/*
 * Pieces of text: taken apart and compared, but never believed to be terminated.
 */
#include "base/span.h"

#include <string.h>

struct span span_of(const char *s)
{
	return (struct span){s, s == NULL ? 0 : strlen(s)};
}

int span_compare(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n == 0 ? 0 : memcmp(a.at, b.at, n);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool span_is(struct span s, const char *word)
{
	/* Asked for each word of a long text: mostly the first character says it. */
	if (s.len == 0 || s.at[0] != word[0])
		return s.len == 0 && word[0] == '\0';
	return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_blank(char c)
{
	return is_space(c) || c == '\n';
}

struct span span_trim(struct span s)
{
	while (s.len > 0 && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

static struct span skip_spaces(struct span s)
{
	while (s.len > 0 && is_space(s.at[0])) {
		s.at++;
		s.len--;
	}
	return s;
}

bool span_take_line(struct span *rest, struct span *ret_line)
{
	const char *newline;
	size_t len;

	if (rest->len == 0)
		return false;
	newline = memchr(rest->at, '\n', rest->len);
	len = newline == NULL ? rest->len : (size_t)(newline - rest->at);
	*ret_line = skip_spaces((struct span){rest->at, len});
	while (ret_line->len > 0 && is_space(ret_line->at[ret_line->len - 1]))
		ret_line->len--;
	len += newline != NULL;
	*rest = (struct span){rest->at + len, rest->len - len};
	return true;
}

struct span span_take_word(struct span *rest)
{
	struct span word = skip_spaces(*rest);
	size_t len = 0;

	while (len < word.len && !is_space(word.at[len]))
		len++;
	if (word.len != 0) /* there may be no text at all */
		*rest = skip_spaces((struct span){word.at + len, word.len - len});
	word.len = len;
	return word;
}

bool span_parse_number(struct span s, unsigned *ret)
{
	unsigned n = 0;

	if (s.len == 0 || s.len > 9 || (s.at[0] == '0' && s.len > 1))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		n = n * 10 + (unsigned)(s.at[i] - '0');
	}
	*ret = n;
	return true;
}
