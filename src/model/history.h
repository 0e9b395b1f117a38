/*
 * What an environment was before a change: <prefix>/history/<env>/<revision>, where the revision is
 * that of the environment's key then (its mod_revision, 20 digits).  Written in the transaction of
 * the change.  An entry of the revision that the environment still has is of a change that came to
 * nothing.
 *
 *     {"who": "anna@laptop", "with": "mayfly env set pr-42 web=2", "at": "2006-01-02T15:04:05Z",
 *      "value": "{\"name\":\"pr-42\", ...}"}
 */
#ifndef MF_MODEL_HISTORY_H
#define MF_MODEL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct mf_err;
struct node;

#define HISTORY_KEPT ((size_t)50) /* entries of one environment */
#define HISTORY_DAYS 30		  /* for so long they are kept when it is deleted */

/* The key; handed over. */
char *history_make_key(const char *prefix, const char *env, int64_t revision);
/* The beginning of all keys of an environment; handed over. */
char *history_make_prefix(const char *prefix, const char *env);
/* The revision of what stands behind that; false: it is none. */
bool history_parse_revision(const char *text, int64_t *ret_revision);

struct history {
	const char *who, *with; /* who made the change, by which command or file */
	int64_t at;		/* when, seconds since 1970 */
	const char *value;	/* of the environment's key before it */
	size_t len;
};

/* value is left out where it is no UTF-8: nobody could have read it. */
void history_format(const struct history *history, struct buf *ret_json);

/* All texts point into *ret_node, for node_free; value NULL: there is none.  MF_EDATA. */
int history_parse(const char *json, size_t len, struct history *ret_history, struct node **ret_node,
		  struct mf_err *err);

#endif
