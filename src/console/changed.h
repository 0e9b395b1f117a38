/*
 * Which environments a page has to read again after a change.
 */
#ifndef MF_CONSOLE_CHANGED_H
#define MF_CONSOLE_CHANGED_H

struct buf;
struct snapshot;

/*
 * Adds to a JSON object the members `changed` and `gone`: lists of the environments whose row of
 * the matrix may be another one in new, and of those that are no longer there.  None of them, if
 * they are so many that all had better be read again.
 */
void changed_put(struct buf *json, const struct snapshot *old, const struct snapshot *new);

#endif
