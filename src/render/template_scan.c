/*
 * Reading tags: where they are, what stands around them on their lines, and their names.  Knows
 * nothing of what a tag does, but for the delimiters.
 */
#include "render/template_scan.h"

#include <string.h>

#include "base/err.h"
#include "render/template_ops.h"

bool scan_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return scan_is_blank(c) || (c >= '\n' && c <= '\r');
}

static int fail(const struct scan *s, const struct tag *tag, const char *what)
{
	return template_error(s->err, MF_EDATA, s->t, tag->line, tag->column, "%s", what);
}

static void count_to(struct scan *s, size_t pos)
{
	for (; s->counted < pos; s->counted++) {
		char byte = s->src[s->counted];

		if (byte == '\n') {
			s->line++;
			s->column = 1;
		} else if (((unsigned char)byte & 0xc0) != 0x80) {
			s->column++;
		}
	}
}

void scan_place(struct scan *s, size_t pos, uint32_t *ret_line, uint32_t *ret_column)
{
	count_to(s, pos);
	*ret_line = s->line;
	*ret_column = s->column;
}

static void look_around(const struct scan *s, struct tag *tag)
{
	size_t i = tag->start;

	while (i > 0 && scan_is_blank(s->src[i - 1]))
		i--;
	tag->line_start = i;
	tag->blank_before = i == 0 || s->src[i - 1] == '\n';
	for (i = tag->end; i < s->len && scan_is_blank(s->src[i]);)
		i++;
	tag->blank_end = i;
	if (i < s->len && s->src[i] == '\r' && i + 1 < s->len && s->src[i + 1] == '\n')
		i++;
	tag->blank_after = i == s->len || s->src[i] == '\n';
	tag->after = i < s->len ? i + 1 : i;
}

size_t tag_star(const struct tag *tag)
{
	size_t i = 0;

	if (tag->len != 0 && tag->name[0] == '*') {
		for (i = 1; i < tag->len && is_space(tag->name[i]);)
			i++;
	}
	return i;
}

bool tag_is_closed_by(const struct tag *open, const struct tag *end)
{
	size_t i = tag_star(open), k = tag_star(end);

	return open->name[0] == end->name[0] && open->len - i == end->len - k &&
	       memcmp(open->name + i, end->name + k, open->len - i) == 0;
}

int scan_set_delimiters(struct scan *s, const struct tag *tag)
{
	size_t open_len = 0, close_at;

	while (open_len < tag->len && !is_space(tag->name[open_len]))
		open_len++;
	for (close_at = open_len; close_at < tag->len && is_space(tag->name[close_at]);)
		close_at++;
	if (open_len == 0 || close_at == tag->len)
		return fail(s, tag, "two delimiters are expected");
	if (memchr(tag->name, '=', tag->len) != NULL)
		return fail(s, tag, "a delimiter cannot hold '='");
	for (size_t i = close_at; i < tag->len; i++) {
		if (is_space(tag->name[i]))
			return fail(s, tag, "more than two delimiters");
	}
	if (open_len > sizeof(s->open) || tag->len - close_at > sizeof(s->close))
		return fail(s, tag, "a delimiter is too long");
	memcpy(s->open, tag->name, open_len);
	s->open_len = open_len;
	s->close_len = tag->len - close_at;
	memcpy(s->close, tag->name + close_at, s->close_len);
	return 0;
}

static int check_name(struct scan *s, const struct tag *tag)
{
	if (tag->sigil == '!' || tag->sigil == '=')
		return 0;
	if (tag->len == 0)
		return fail(s, tag, "a tag without a name");
	for (size_t i = tag_star(tag); i < tag->len; i++) {
		if (is_space(tag->name[i]) || tag->name[i] == '\0')
			return fail(s, tag, "white space within a name");
	}
	return 0;
}

static void trim(struct tag *tag, const char *from, const char *to)
{
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	tag->name = from;
	tag->len = (size_t)(to - from);
}

/* The tag that starts at tag->start, where the opening delimiter is. */
static int read_tag(struct scan *s, struct tag *tag)
{
	char close[SCAN_DELIMITER_MAX + 1];
	size_t close_len = 0, body = tag->start + s->open_len;
	const char *end;

	count_to(s, tag->start);
	tag->line = s->line;
	tag->column = s->column;
	tag->sigil = body < s->len ? s->src[body] : '\0';
	if (tag->sigil != '\0' && strchr("!=#^/><$&{", tag->sigil) != NULL)
		body++;
	else
		tag->sigil = 0;
	if (tag->sigil == '{')
		close[close_len++] = '}';
	else if (tag->sigil == '=')
		close[close_len++] = '=';
	memcpy(close + close_len, s->close, s->close_len);
	close_len += s->close_len;
	end = memmem(s->src + body, s->len - body, close, close_len);
	if (end == NULL)
		return fail(s, tag, "a tag is never closed");
	trim(tag, s->src + body, end);
	tag->end = (size_t)(end - s->src) + close_len;
	look_around(s, tag);
	return check_name(s, tag);
}

int scan_next(struct scan *s, size_t from, struct tag *ret_tag)
{
	const char *open = memmem(s->src + from, s->len - from, s->open, s->open_len);
	int rc;

	if (open == NULL)
		return 0;
	*ret_tag = (struct tag){.start = (size_t)(open - s->src)};
	rc = read_tag(s, ret_tag);
	return rc < 0 ? rc : 1;
}
