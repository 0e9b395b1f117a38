/*
 * What a command of mayfly(1) that looks would show of a reading: the console shows nothing else.
 */
#ifndef MF_CONSOLE_ANSWER_H
#define MF_CONSOLE_ANSWER_H

#include "operator/call.h"
#include "operator/look.h"

struct buf;
struct mf_err;
struct reading;
struct settings;

enum answer_form { ANSWER_JSON, ANSWER_HTML };

struct answer {
	struct call call;
	struct look look;
	char **operands;
	struct buf rows; /* of a long list, as JSON */
};

/*
 * path: "environments", "environments/pr-42", as the API has them; query: that of the request,
 * which says what `explain` is asked about, and which environments the matrix has.  MF_ENOINPUT:
 * there is no such view, or no such object; MF_EUSAGE: the request says not enough.  To be freed by
 * answer_fini in any case.
 */
int answer_fill(struct answer *answer, enum answer_form form, const struct settings *settings,
		const struct reading *reading, const char *path, const char *query,
		struct mf_err *err);
void answer_fini(struct answer *answer);
/* What `-o json` prints; once. */
void answer_add_json(struct answer *answer, struct buf *json);

/* The status of HTTP for such an error. */
int answer_status(int code);

/* The object that says why; returns the status. */
int answer_refuse(int status, const char *reason, struct buf *ret_body, const char **ret_type);

/* All its tables as HTML, and the text above and below them. */
void answer_add_html(const struct answer *answer, struct buf *html);
/* A text in HTML, in which nothing of it has a meaning. */
void answer_add_escaped(struct buf *html, const char *text);

#endif
