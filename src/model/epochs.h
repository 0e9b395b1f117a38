/*
 * When something that the table drops may be freed: when no snapshot is left that can see it.
 *
 * Snapshots do not count references to their entries, because each snapshot would have to visit
 * every entry.  Instead, each snapshot begins an epoch, and what the table drops is retired in the
 * newest epoch, unless it is younger than that.  When an epoch ends, what the epoch before it can
 * see as well is handed to that one, and the rest is freed.
 */
#ifndef MF_MODEL_EPOCHS_H
#define MF_MODEL_EPOCHS_H

#include <stdint.h>

struct epoch;
struct epochs;

struct epochs *epochs_new(void);
void epochs_free(struct epochs *epochs); /* those that have not ended live on */

struct epoch *
epochs_begin(struct epochs *epochs); /* everything that is there can be seen from now on */
void epochs_end(struct epoch *epoch);

/* The number of the next epoch: that of an entry that comes now is the first that can see it. */
uint64_t epochs_next(const struct epochs *epochs);
/* Call drop when the last epoch that can see this entry has ended; that may be now. */
void epochs_retire(struct epochs *epochs, uint64_t first, void *entry, void (*drop)(void *entry));

#endif
