/*
 * Picks out of a checker's output what a person needs to know.  Knows how HAProxy marks its lines,
 * and nothing of who reads it.
 */
#include "apply/complaint.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/span.h"
#include "base/str.h"

enum { COMPLAINT_LAST_LINES = 3 };

/* A message that is being made, with the path that is not to be seen. */
struct complaint {
	struct buf text;
	const char *hide, *show;
};

static const char *find(struct span line, const char *part)
{
	return memmem(line.at, line.len, part, strlen(part));
}

/* Whether the line only says that there were errors, which the lines before it name. */
static bool is_summary(struct span line)
{
	return find(line, "Error(s) found in configuration file") != NULL ||
	       find(line, "Fatal errors found in configuration") != NULL;
}

static struct span skip_to(struct span line, const char *at)
{
	return (struct span){at, line.len - (size_t)(at - line.at)};
}

/* "[ALERT]    (812) : config : parsing [...]: reason" without what is before "parsing". */
static struct span strip_mark(struct span line)
{
	static const char *const marks[] = {") : ", "config : "};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *mark = find(line, marks[i]);

		if (mark != NULL && (i == 0 || mark == line.at))
			line = skip_to(line, mark + strlen(marks[i]));
	}
	return line;
}

static void add_line(struct complaint *complaint, struct span line)
{
	struct buf *text = &complaint->text;
	const char *found;

	if (line.len == 0)
		return;
	if (text->len > 0)
		buf_add_str(text, "; ");
	while (complaint->hide != NULL && complaint->hide[0] != '\0' &&
	       (found = find(line, complaint->hide)) != NULL) {
		str_add_escaped(text, line.at, (size_t)(found - line.at));
		buf_add_str(text, complaint->show);
		line = skip_to(line, found + strlen(complaint->hide));
	}
	str_add_escaped(text, line.at, line.len);
}

static void add_alerts(struct complaint *complaint, struct span output)
{
	struct span line;

	while (complaint->text.len < COMPLAINT_MAX && span_take_line(&output, &line))
		if (find(line, "[ALERT]") != NULL && !is_summary(line))
			add_line(complaint, strip_mark(line));
}

static void add_last_lines(struct complaint *complaint, struct span output)
{
	struct span last[COMPLAINT_LAST_LINES] = {{NULL, 0}};
	struct span line;
	size_t count = 0;

	while (span_take_line(&output, &line))
		if (line.len > 0)
			last[count++ % COMPLAINT_LAST_LINES] = line;
	for (size_t i = count > COMPLAINT_LAST_LINES ? count - COMPLAINT_LAST_LINES : 0; i < count;
	     i++)
		add_line(complaint, last[i % COMPLAINT_LAST_LINES]);
}

void complaint_add(struct buf *ret_message, const char *text, size_t len, const char *hide,
		   const char *show)
{
	struct complaint complaint = {BUF_INIT, hide, show};
	struct buf *message = &complaint.text;
	size_t cut = COMPLAINT_MAX;

	add_alerts(&complaint, (struct span){text, len});
	if (message->len == 0)
		add_last_lines(&complaint, (struct span){text, len});
	if (message->len == 0)
		buf_add_str(message, "it gave no reason");
	if (message->len > cut) {
		while (cut > 0 && ((unsigned char)message->data[cut] & 0xc0) == 0x80)
			cut--; /* not in the middle of a character */
		message->len = cut;
		buf_add_str(message, "...");
	}
	buf_add(ret_message, buf_str(message), message->len);
	buf_fini(message);
}
