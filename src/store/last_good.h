/*
 * The keys that are in force and what of them is held back, kept over restarts in
 * <state_dir>/last-good, so that what the store has lost meanwhile is known, and served on.
 *
 * A line "revision N", then one for each key: "LEFT CREATED KEY VALUE", with how long it was still
 * to be held back in milliseconds (-1: it was not), its create revision and its value as in etcd.
 */
#ifndef MF_STORE_LAST_GOOD_H
#define MF_STORE_LAST_GOOD_H

#include <stdint.h>

struct guard;
struct last_good;
struct loop;
struct table;

/* What was stored, into the guard.  Nothing where there is no file; a bad line is left out. */
void last_good_load(const char *dir, struct guard *guard, struct loop *loop);

enum { LAST_GOOD_MS = 10 * 1000 };

/* All borrowed but dir.  pause_ms: between two writings, at least; LAST_GOOD_MS but in tests. */
struct last_good *last_good_new(struct loop *loop, const char *dir, const struct table *table,
				const struct guard *guard, int64_t pause_ms);
/* Something has changed: it is stored within some time, by a copy of this process. */
void last_good_touch(struct last_good *last_good);
/* Stores what is not stored yet.  NULL is fine. */
void last_good_free(struct last_good *last_good);

#endif
