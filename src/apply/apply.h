/*
 * Apply: keep files and daemons equal to the newest outputs, one plan at a time.
 *
 * plan -> stage beside the targets -> check the staged directory as a whole -> rename -> reload ->
 * read back and compare.  The first change after quiet is applied at once; what comes while a plan
 * runs is coalesced into the next, and the last state always wins.  A failed step leaves what runs
 * as it is, puts the previous files back, is reported with the checker's own words, and is tried
 * again with growing waits.  A daemon that is not there yet gets its files, and is brought up to
 * date when it appears.
 */
#ifndef MF_APPLY_APPLY_H
#define MF_APPLY_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "render/output.h"

struct apply;
struct loop;
struct mf_err;
struct settings;

struct apply_group_result {
	const char *name; /* "haproxy", "dnsmasq", a target's output path */
	int code;	  /* 0: files and daemon are equal to what was wanted */
	bool changed;	  /* something was done */
	bool pending;	  /* files are right, but the daemon is not there yet: not a failure */
	bool reloaded;
	const char *words; /* why, when code is not 0 or pending; "" else */
};

struct apply_result {
	int64_t revision;
	const struct apply_group_result *groups;
	size_t group_count;
	int64_t took_ms;
};

struct apply_events {
	/*
	 * A plan ended, well or not; called also for a retry, and when HAProxy goes or comes. Never
	 * from inside apply_want.  May want something new, but must not free the engine.
	 */
	void (*on_result)(void *ctx, const struct apply_result *result);
};

/*
 * settings is borrowed until apply_free or apply_set_settings.  The latter breaks off what runs and
 * forgets what is wanted, which was rendered with the old ones: render anew and want that.
 */
struct apply *apply_new(struct loop *loop, const struct settings *settings,
			const struct apply_events *events, void *ctx);
void apply_set_settings(struct apply *apply, const struct settings *settings);
void apply_free(struct apply *apply); /* what runs is broken off between steps; staged files go */

/* Want these from now on; takes over what is in the set, and leaves it empty. */
void apply_want(struct apply *apply, struct output_set *outputs, int64_t revision);

/* Whether nothing runs and nothing waits (a pending or failed group that is retried later may). */
bool apply_is_idle(const struct apply *apply);

#endif
