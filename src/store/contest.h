/*
 * Several that keep one key, each as it desires it.  A manual change is reverted at once; whoever
 * reverts our revert is another like us, and ours then waits longer and longer.  Pure: who calls
 * says what time it is.
 */
#ifndef MF_STORE_CONTEST_H
#define MF_STORE_CONTEST_H

#include <stdbool.h>
#include <stdint.h>

enum { CONTEST_CALM_MS = 10000 }; /* what stood that long was not contested */

struct contest {		      /* of one key; all 0: it was never put */
	int64_t put_at, put_revision; /* our last put */
	int64_t wait_ms;	      /* since others keep changing it; 0: nobody does */
};

void contest_on_put(struct contest *contest, int64_t now_ms, int64_t revision);
/* Somebody has changed it.  How long not to put it; 0: that is no contest. */
int64_t contest_on_change(struct contest *contest, int64_t now_ms, int64_t revision);
/* What was put has stood long enough: wait_ms may be 0 again. */
bool contest_is_calm(const struct contest *contest, int64_t now_ms);

#endif
