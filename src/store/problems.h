/*
 * Problems told once: the difference between those of the last round and those of this one.
 */
#ifndef MF_STORE_PROBLEMS_H
#define MF_STORE_PROBLEMS_H

#include <stdbool.h>

struct strmap;

/*
 * Both map an object to its reason (char *, owned by the map).  Calls on_problem for each new or
 * changed one, and with reason NULL for each that is over; now takes the place of *told.  False:
 * they were equal.
 */
bool problems_tell(struct strmap **told, struct strmap *now,
		   void (*on_problem)(void *ctx, const char *object, const char *reason),
		   void *ctx);

#endif
