/*
 * The guard: between what a source says and the table.  It decides which deletions are believed.
 *
 * A key that is put goes to the table at once.  One that is deleted goes when the revision is
 * complete (guard_commit), or is held back: then the table keeps it as if it were there, so that
 * what is held back never holds up any other change.
 *
 * - Environments: when more than max_removal percent of them, and at least GUARD_MIN_ENVS, go
 *   within GUARD_WINDOW_MS, one by one or at once, all of these are held back; so is every one that
 *   is missing when the revision of the source went back.  With one that is deleted go those that
 *   extend it.
 * - Instances: what an unbroken watch says is believed.  One that is missing in a listing, or that
 *   is deleted while leases may have run out unseen (guard_doubt) or within expiry_ms after that,
 *   is held back for as long as it takes connections, whom the caller asks.  While others of its
 *   version take traffic it drains, and goes after expiry_ms.
 * - Overrides that go so are held back for expiry_ms: they are in force only while their version
 *   has an instance.  Settings of services, and states that operators said, that are missing in a
 *   listing are held back when that lacks environments which are.
 * - A state that is said takes nothing away: an instance that is out of the traffic is no loss.
 *
 * Nothing is held back for longer than grace_ms, or once an operator allows it.  Pure: no clock, no
 * descriptors; time is handed in, in milliseconds.
 */
#ifndef MF_MODEL_GUARD_H
#define MF_MODEL_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard;
struct instance;
struct table;

#define GUARD_MIN_ENVS	5
#define GUARD_WINDOW_MS 10000

struct guard_limits {
	unsigned max_removal; /* percent; 100: nothing is held back */
	int64_t grace_ms;
	int64_t expiry_ms; /* 0: instances and overrides are not held back */
};

struct guard_held {
	char *key;
	struct instance *instance; /* as it was; NULL: it is none */
	int64_t until;
	int64_t early; /* of an instance: until then when others of its version take traffic */
	bool is_draining;
	bool is_refusing; /* it takes no connections */
};

struct guard_events {
	void (*on_held)(void *ctx, const struct guard_held *held);
	/* It is over, and why: also when it is there again. */
	void (*on_over)(void *ctx, const struct guard_held *held, const char *why);
};

/* The table is borrowed, and only written by the guard.  Events come from inside. */
struct guard *guard_new(struct table *table, const struct guard_limits *limits,
			const struct guard_events *events, void *ctx);
void guard_free(struct guard *guard); /* NULL is fine */
/* What is held back has stood as long as it has. */
void guard_set_limits(struct guard *guard, const struct guard_limits *limits);

/* What the source says, as store/source.h has it. */
void guard_begin_full(struct guard *guard);
void guard_end_full(struct guard *guard);
void guard_put(struct guard *guard, const char *key, const char *value, size_t len,
	       int64_t create_revision);
void guard_del(struct guard *guard, const char *key);
void guard_commit(struct guard *guard, int64_t revision, int64_t now_ms);
/* The source is out of reach, or back, which is a reason for doubt.  Meanwhile no time passes for
 * what is held back. */
void guard_set_lost(struct guard *guard, bool is_lost, int64_t now_ms);
/* Leases may have run out because nobody could keep them alive. */
void guard_doubt(struct guard *guard, int64_t now_ms);

/* An operator allows all, from the next commit or judgement on. */
void guard_set_allowed(struct guard *guard, bool is_allowed);
/* It was asked, and takes no connections: respected by the next judgement. */
void guard_refuse(struct guard *guard, const char *key);
/* Judge again what is held back. */
void guard_judge(struct guard *guard, int64_t now_ms);
/* When guard_judge is due; INT64_MAX: not before something happens. */
int64_t guard_due(const struct guard *guard);

/* What is held back, in the order in which that began; *cursor NULL: the first.  NULL: the end. */
const struct guard_held *guard_next(const struct guard *guard, void **cursor);
const struct guard_held *guard_find(const struct guard *guard, const char *key);
size_t guard_count_envs(const struct guard *guard); /* that would go, if they were not held back */

/* For the next run, and at its start before anything else: the revision, and each key that was in
 * force.  left_ms: so long it was still to be held back; -1: it was not, and comes to the table
 * when the first listing is complete without it. */
int64_t guard_revision(const struct guard *guard);
void guard_restore_revision(struct guard *guard, int64_t revision);
void guard_restore(struct guard *guard, const char *key, const char *value, int64_t create_revision,
		   int64_t left_ms, int64_t now_ms);

#endif
