/*
 * Who extends whom, and what environments that extend others come to.  It stays the same object for
 * as long as nothing of it changes.
 */
#ifndef MF_MODEL_FAMILY_H
#define MF_MODEL_FAMILY_H

#include <stdbool.h>

#include "model/lineage.h"

struct buf;
struct family;

struct family *family_new(void);
void family_free(struct family *family); /* when nothing is in it any more */

/* An environment as written has come (old NULL), gone (new NULL), or another is in its place. */
void family_move(struct family *family, const struct env *old, const struct env *new);
/* The same for a text of before, which is kept (model/last_texts.h). */
void family_move_kept(struct family *family, const struct env *old, const struct env *new);

/* Each that extends it or has it in its split, in any number of steps; not name itself. */
void family_walk(const struct family *family, const char *name,
		 void (*visit)(void *ctx, const char *env), void *ctx);
/* Each that extends it, in any number of steps: those that are set aside without it. */
void family_walk_children(const struct family *family, const char *name,
			  void (*visit)(void *ctx, const char *env), void *ctx);

/* As it was last composed, borrowed; NULL: it is not. */
struct env *family_find(const struct family *family, const char *name);

/* Whether an environment that extends nobody is in force as it is written. */
typedef bool family_plain_fn(void *ctx, const char *name);

/*
 * What own comes to with those that find has: one reference, to the object of last time if it is
 * the same.  It always comes to something: see env->aside.
 */
struct env *family_compose(const struct family *family, const struct env *own,
			   lineage_find_fn *find, family_plain_fn *is_plain, void *ctx,
			   struct buf *ret_notes);

/*
 * One that extends nobody, in the place of another such, either of which may be NULL: that it
 * depends on which versions of its choices have live instances.  Whether one of the two does, or
 * has a split.
 */
bool family_watch(struct family *family, const struct env *old, const struct env *new);

/* Each that asks another version where one has no live instance, if it is one of them. */
void family_walk_version(const struct family *family, const char *service, const char *version,
			 void (*visit)(void *ctx, const char *env), void *ctx);

/* Keep it for the next time, and take the reference over; NULL: none is to be kept. */
void family_keep(struct family *family, const char *name, struct env *composed);

#endif
