/*
 * How long what the table drops must be kept: as long as a snapshot lives that can see it.
 *
 * Snapshots count no references to what is in them, which would take a visit to every entry for
 * each of them.  Instead each has an age, and what is dropped is buried with the newest age, unless
 * it came after it.  An age that ends hands on to the one before it what that one can see, too, and
 * the rest is gone: so no more is ever kept than somebody can see.
 */
#ifndef MF_MODEL_AGES_H
#define MF_MODEL_AGES_H

#include <stdint.h>

struct age;
struct ages;

struct ages *ages_new(void);
void ages_free(struct ages *ages); /* those that have not ended live on */

struct age *ages_begin(struct ages *ages); /* everything that is there can be seen from now on */
void ages_end(struct age *age);

/* The number of the next age: that of an entry that comes now is the first that can see it. */
uint64_t ages_next(const struct ages *ages);
/* Call drop when the last age that can see this entry has ended; that may be now. */
void ages_bury(struct ages *ages, uint64_t first, void *entry, void (*drop)(void *entry));

#endif
