/*
 * What environments were a moment ago, as HAProxy's files said.
 *
 * A HAProxy that starts reads its maps one after the other, while we rename them.  What it has read
 * of environments as they were must be found in the maps that it reads next, so what a change takes
 * away stays in the files for PAST_MS (render/routing.h says how).
 */
#ifndef MF_APPLY_PAST_H
#define MF_APPLY_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "render/routing.h"

struct past;
struct snapshot;

#define PAST_MS	   1000 /* reading all maps takes less */
#define PAST_NEVER INT64_MAX

struct past *past_new(void);
void past_free(struct past *past); /* NULL is fine */

/*
 * This snapshot is about to be written: what it takes away is in the list from now on, and what has
 * been there for long enough is no more.  Whether the list has changed.
 */
bool past_turn(struct past *past, const struct snapshot *snapshot, int64_t now);

/* It is in the files, with the list. */
void past_settle(struct past *past, struct snapshot *snapshot, int64_t now);

/* What the files were is not known any more. */
void past_forget(struct past *past);

/* When all of the list has been there for long enough; PAST_NEVER: it is empty. */
int64_t past_due(const struct past *past);

/* Borrowed until the next change. */
const struct routing_past *past_list(const struct past *past);

#endif
