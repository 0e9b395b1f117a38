/*
 * The last text of an environment that could be composed, for as long as a newer one cannot be: it
 * extends what is not there, or itself, or in an order that contradicts itself, or has too much.
 *
 * Between two snapshots a newer text is taken into use, and given up again, at most once: so what
 * several of them come to together is found out in a bounded number of steps.
 */
#ifndef MF_MODEL_LAST_TEXTS_H
#define MF_MODEL_LAST_TEXTS_H

#include <stdbool.h>

struct env;
struct family;
struct last_texts;

/* The family is borrowed: it links what is kept to what that extends. */
struct last_texts *last_texts_new(struct family *family);
void last_texts_free(struct last_texts *texts);

/*
 * A text has come in the place of another, either of which may be NULL.  The old one, if it is
 * good, or what is kept already, is in use until the new one could be composed; of an environment
 * that extends nobody any more, or is gone, nothing is kept.
 */
void last_texts_replace(struct last_texts *texts, struct env *old, const struct env *text,
			bool is_good);

bool last_texts_has(const struct last_texts *texts, const char *name);
/* What is kept, borrowed; NULL: nothing is, or the newer text is in use. */
struct env *last_texts_find_used(const struct last_texts *texts, const char *name);

/* Of one that has a text kept: whether the newer one can be composed.  Returns whether another text
 * is in use than before. */
bool last_texts_set_tried(struct last_texts *texts, const char *name, bool is_good);
/* All is found out: what is not in use is no longer kept. */
void last_texts_settle(struct last_texts *texts);

#endif
