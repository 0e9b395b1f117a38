/*
 * Picks out of a checker's output what a person needs to know.  Knows how HAProxy marks its lines,
 * and nothing of who is told.
 */
#include "apply/words.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { WORDS_LAST_LINES = 3 };

struct line {
	const char *text;
	size_t len;
};

static bool next_line(const char **at, const char *end, struct line *ret_line)
{
	const char *newline;

	if (*at == end)
		return false;
	newline = memchr(*at, '\n', (size_t)(end - *at));
	ret_line->text = *at;
	ret_line->len = (size_t)((newline == NULL ? end : newline) - *at);
	*at = newline == NULL ? end : newline + 1;
	return true;
}

static bool has(struct line line, const char *part)
{
	return memmem(line.text, line.len, part, strlen(part)) != NULL;
}

static struct line trim(struct line line)
{
	while (line.len > 0 && strchr(" \t\r", line.text[0]) != NULL) {
		line.text++;
		line.len--;
	}
	while (line.len > 0 && strchr(" \t\r", line.text[line.len - 1]) != NULL)
		line.len--;
	return line;
}

/* Whether the line only says that there were errors, which the lines before it name. */
static bool is_summary(struct line line)
{
	return has(line, "Error(s) found in configuration file") ||
	       has(line, "Fatal errors found in configuration");
}

/* "[ALERT]    (812) : config : parsing [...]: words" without what is before "parsing". */
static struct line strip_mark(struct line line)
{
	static const char *const marks[] = {") : ", "config : "};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t n = strlen(marks[i]);
		const char *mark = memmem(line.text, line.len, marks[i], n);

		if (mark == NULL || (i > 0 && mark != line.text))
			continue;
		line.len -= (size_t)(mark - line.text) + n;
		line.text = mark + n;
	}
	return line;
}

static void add_shown(struct buf *words, struct line line, const char *hide, const char *show)
{
	size_t n = hide == NULL ? 0 : strlen(hide);

	while (n > 0) {
		const char *found = memmem(line.text, line.len, hide, n);

		if (found == NULL)
			break;
		str_add_escaped(words, line.text, (size_t)(found - line.text));
		buf_add_str(words, show);
		line.len -= (size_t)(found - line.text) + n;
		line.text = found + n;
	}
	str_add_escaped(words, line.text, line.len);
}

static void add_line(struct buf *words, struct line line, const char *hide, const char *show)
{
	line = trim(line);
	if (line.len == 0)
		return;
	if (words->len > 0)
		buf_add_str(words, "; ");
	add_shown(words, line, hide, show);
}

static void add_alerts(struct buf *words, const char *text, size_t len, const char *hide,
		       const char *show)
{
	const char *at = text, *end = text + len;
	struct line line;

	while (words->len < WORDS_MAX && next_line(&at, end, &line))
		if (has(line, "[ALERT]") && !is_summary(line))
			add_line(words, strip_mark(line), hide, show);
}

static void add_last_lines(struct buf *words, const char *text, size_t len, const char *hide,
			   const char *show)
{
	struct line last[WORDS_LAST_LINES] = {{NULL, 0}};
	const char *at = text, *end = text + len;
	struct line line;
	size_t count = 0;

	while (next_line(&at, end, &line))
		if (trim(line).len > 0)
			last[count++ % WORDS_LAST_LINES] = line;
	for (size_t i = count > WORDS_LAST_LINES ? count - WORDS_LAST_LINES : 0; i < count; i++)
		add_line(words, last[i % WORDS_LAST_LINES], hide, show);
}

void words_add_complaint(struct buf *ret_words, const char *text, size_t len, const char *hide,
			 const char *show)
{
	buf_auto struct buf words = BUF_INIT;

	add_alerts(&words, text, len, hide, show);
	if (words.len == 0)
		add_last_lines(&words, text, len, hide, show);
	if (words.len == 0)
		buf_add_str(&words, "it gave no reason");
	if (words.len > WORDS_MAX) {
		size_t cut = WORDS_MAX;

		while (cut > 0 && ((unsigned char)words.data[cut] & 0xc0) == 0x80)
			cut--; /* not in the middle of a character */
		buf_add(ret_words, words.data, cut);
		buf_add_str(ret_words, "...");
		return;
	}
	buf_add(ret_words, words.data, words.len);
}
