/*
 * Apply: keep files and daemons equal to the newest snapshot.
 *
 * HAProxy first, by its runtime API (live.h), without waiting for anything; then each group of
 * outputs, at its own pace (group.h): render -> compare -> stage beside the targets -> check the
 * staged directory as a whole -> rename -> reload, of which HAProxy needs the check and the reload
 * only for what the runtime API cannot do.  The first change after quiet is applied at once; under
 * a storm writing takes a part of the time only, while the runtime API goes on.  The last state
 * always wins.  A failed step leaves what runs as it is, puts the previous files back, is reported
 * with the error message of the program that rejected it, and is tried again with growing waits.  A
 * daemon that is not there yet gets its files, and is brought up to date when it appears.
 */
#ifndef MF_APPLY_APPLY_H
#define MF_APPLY_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apply;
struct live_result;
struct loop;
struct mf_err;
struct settings;
struct snapshot;
struct template_set;

struct apply_group_result {
	const char *name; /* "haproxy", "dnsmasq", a target's output path */
	int64_t revision; /* of what it was brought to, or of what could not be applied */
	bool is_fresh;	  /* its run has ended, or it is otherwise, since the last result */
	int code;	  /* 0: files and daemon are equal to what was desired */
	bool changed;	  /* something was done */
	bool pending;	  /* files are right, but the daemon is not there yet: not a failure */
	bool reloaded;
	bool taken;	    /* code is not 0, as HAProxy cannot listen where it should */
	const char *reason; /* why, when code is not 0 or pending; why, of a reload; "" else */
	int64_t took_ms;    /* its last run */
};

/* How HAProxy came to what is desired, since the result before. */
enum apply_kind { APPLY_NONE, APPLY_RUNTIME, APPLY_RELOAD };

struct apply_result {
	int64_t revision; /* the oldest that a group has, or could not apply */
	const struct apply_group_result *groups;
	size_t group_count;
	enum apply_kind kind;
	bool is_converged;  /* nothing newer is desired, nothing under way: this is how it stands */
	bool render_failed; /* a group is missing here that could not be rendered: see on_bad */
};

struct apply_events {
	/*
	 * A group's run has ended, well or not; called also for a retry, and when HAProxy goes or
	 * comes.  Never from inside apply_set_desired.  May want something new, but must not free
	 * the engine.
	 */
	void (*on_result)(void *ctx, const struct apply_result *result);
	/* HAProxy was changed by the runtime API, or that failed; before files follow.  Or NULL. */
	void (*on_live)(void *ctx, const struct live_result *result);
	/* A group cannot be rendered; its last good files stay.  Again with each rendering. */
	void (*on_bad)(void *ctx, const char *group, const struct mf_err *why);
	/* What HAProxy counts (activity.h).  Or NULL, both: it is not asked. */
	void (*on_used)(void *ctx, const char *env);
	void (*on_used_read)(void *ctx);
	/* After apply_finish, and not from inside it: each group has been dealt with.  Or NULL. */
	void (*on_finished)(void *ctx);
};

/*
 * settings and templates are borrowed until apply_free or apply_set_settings.  The latter breaks
 * off what runs and forgets what is desired: want it anew.
 */
struct apply *apply_new(struct loop *loop, const struct settings *settings,
			struct template_set *templates, const struct apply_events *events,
			void *ctx);
void apply_set_settings(struct apply *apply, const struct settings *settings,
			struct template_set *templates);
void apply_free(struct apply *apply); /* what runs is broken off between steps; staged files go */

/* Want this from now on; a reference is kept. */
void apply_set_desired(struct apply *apply, struct snapshot *snapshot);

/*
 * Before the end: nothing newer will be desired, so the files follow at once, whatever share of the
 * time that takes.
 */
void apply_finish(struct apply *apply);

/*
 * The next group whose files are not what is desired, and why not; NULL: there is no more.  *at
 * begins with 0.  HAProxy may run what it would not come up with after a restart.
 */
const char *apply_next_unwritten(const struct apply *apply, size_t *at, const char **ret_reason);

/* Whether nothing runs and nothing waits (a pending or failed group that is retried later may). */
bool apply_is_idle(const struct apply *apply);

struct apply_status {
	const char *haproxy_version; /* "" before it was reached */
	size_t old_workers;	     /* processes of before a reload that have requests to end */
	size_t leaving;		     /* servers that have requests to end */
	size_t in_reserve;	     /* versions that wait for backends of their own */
	uint64_t reloads;	     /* of HAProxy, by us, that worked */
};
void apply_get_status(const struct apply *apply, struct apply_status *ret_status);

#endif
