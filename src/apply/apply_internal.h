/*
 * What the files of the engine share.  For apply*.c only.
 *
 *	apply.c		what is wanted, what the runtime driver says of it, when to render
 *	apply_round.c	the groups: whose turn it is, and what came of it
 *	apply_look.c	an eye on HAProxy
 */
#ifndef MF_APPLY_APPLY_INTERNAL_H
#define MF_APPLY_APPLY_INTERNAL_H

#include "apply/apply.h"
#include "apply/group.h"
#include "base/err.h"

struct haproxy_job;
struct live;
struct loop_timer;
struct output_job;

#define APPLY_NEVER INT64_MAX

enum { APPLY_MAX_GROUPS = 256 };

struct apply_member {
	struct group *group;
	size_t target;	      /* index in settings->targets */
	bool is_listed;	      /* the current rendering has it */
	int64_t due_at;	      /* by loop_now; APPLY_NEVER: nothing to do */
	unsigned failures;    /* in a row */
	int64_t failed_at;    /* the last of them */
	uint64_t failed_hash; /* of the outputs that failed */
	int told_code;	      /* the result that was told last */
	bool told_pending;
};

struct apply_rendering {
	struct output_set set;
	struct snapshot *snapshot; /* NULL: there is none */
	bool has_failed;	   /* a group of it */
};

struct apply {
	struct loop *loop;
	const struct settings *settings;
	struct template_set *templates;
	const struct apply_events *events;
	void *ctx;

	struct snapshot *wanted; /* the newest; NULL: nothing */
	int64_t wanted_at;	 /* by loop_now; of the first that is not rendered yet */

	struct live *live;
	struct mf_err live_err; /* of its last answer; code 0: in force */
	unsigned live_failures; /* HAProxy did not answer, in a row */
	struct loop_timer *live_retry;
	char *demand;	      /* why a reload is needed for what live cannot do; NULL: none */
	int64_t demand_at;    /* from when on */
	char *demanded;	      /* what the last such reload was for ... */
	unsigned unsatisfied; /* ... and how many in a row brought nothing */

	struct apply_rendering current; /* of the round; without bytes when that has ended well */
	struct apply_rendering coming;	/* under way, a bit in each turn of the loop ... */
	struct output_job *job;		/* ... by this; NULL: none is */
	struct apply_rendering fresh;	/* HAProxy's, rendered since for its reload */
	unsigned refreshes;		/* in this round */
	int64_t render_from;		/* by loop_now; not before that */
	int64_t busy_us;		/* of the round: rendering */

	struct apply_member *members;
	size_t member_count;
	size_t running; /* groups of the round */
	int64_t round_started;
	uint64_t reloads;
	struct loop_timer *wake; /* the next round */

	struct loop_timer *watch; /* the next look at HAProxy */
	struct loop_timer *audit; /* when all is read back next */
	unsigned calm_audits;	  /* in a row: what was read back was right */
	struct haproxy_job *look, *count;
	int64_t worker_pid, worker_started; /* 0: not seen yet; by loop_now */
	size_t old_workers;

	bool owes_result;  /* wanted has not been told of as settled */
	bool is_held;	   /* live, for a reload */
	bool is_answered;  /* live has dealt with wanted, and with what it was asked since */
	bool is_heard;	   /* live has said something since wanted_at */
	bool live_changed; /* something, since the last result */
	bool is_new;	   /* no round with the current rendering has ended yet */
	bool is_counting;  /* there may be old workers */
	bool wants_bytes;  /* of current, once more: a file differs */
};

/* apply.c */
bool apply_is_behind(const struct apply *apply); /* what is wanted has not been rendered */
void apply_render(struct apply *apply, struct apply_rendering *ret);
void apply_start_rendering(struct apply *apply);
bool apply_go_on_rendering(struct apply *apply); /* false: that was all, and it is current */
void apply_stop_rendering(struct apply *apply);
bool apply_is_busy(const struct apply *apply); /* a rendering or a round is under way */
int64_t apply_render_at(const struct apply *apply);
void apply_pace(struct apply *apply);
void apply_rendering_fini(struct apply_rendering *rendering);
void apply_hold(struct apply *apply, bool hold);
void apply_resync(struct apply *apply);
/* is_refused: a running HAProxy tried it and could not, which costs its traffic. */
int64_t apply_retry_wait(unsigned failures, bool is_refused);
bool apply_will_reload(const struct apply *apply);
void apply_satisfy(struct apply *apply); /* a reload has worked: what demanded one is asked anew */

/* apply_round.c */
void apply_schedule(struct apply *apply);
void apply_cancel_round(struct apply *apply);
void apply_report(struct apply *apply);
void apply_settle(struct apply *apply); /* tell of it, if it is settled and has not been told */
struct apply_member *apply_find_haproxy(const struct apply *apply);
void apply_on_wake(void *ctx);

/* apply_look.c */
void apply_start_looking(struct apply *apply);
void apply_stop_looking(struct apply *apply);
void apply_note_worker(struct apply *apply, const struct haproxy_info *info);
void apply_on_watch(void *ctx);
void apply_on_audit(void *ctx);
void apply_note_difference(struct apply *apply);

#endif
