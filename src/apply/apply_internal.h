/*
 * What the files of the engine share.  For apply*.c only.
 *
 *	apply.c		what is desired, and what the runtime driver says of it
 *	apply_groups.c	the groups of outputs: when each of them runs, and what is reported of it
 *	apply_watch.c	an eye on HAProxy
 */
#ifndef MF_APPLY_APPLY_INTERNAL_H
#define MF_APPLY_APPLY_INTERNAL_H

#include "apply/apply.h"
#include "apply/group.h"
#include "base/err.h"

struct activity;
struct haproxy_job;
struct live;
struct loop_timer;

#define APPLY_NEVER INT64_MAX

enum { APPLY_MAX_GROUPS = 256 };

struct apply_member {
	struct group *group;
	struct output_id id;
	bool is_listed; /* the settings have it */

	/* Times are by loop_now; APPLY_NEVER: nothing to do. */
	int64_t due_at;		   /* with or without something new */
	int64_t behind_at;	   /* from when on its snapshot has not been the desired one ... */
	uint64_t behind_at_answer; /* ... after so many answers of the runtime driver */
	int64_t write_from;	   /* something new is not written before */
	bool was_behind;	   /* the run is for something new ... */
	bool was_due;		   /* ... or its time had come */

	unsigned failures;    /* in a row */
	int64_t failed_at;    /* the last of them */
	uint64_t failed_hash; /* of the outputs that failed */

	bool is_fresh; /* its result has not been reported */
	int reported_code;
	bool reported_pending;
};

/* How far the runtime driver is with what is desired. */
enum apply_runtime {
	RUNTIME_ASKED,	  /* it has not dealt with that, or with what it was asked since */
	RUNTIME_ANSWERED, /* it has */
	RUNTIME_HELD,	  /* it waits for a reload */
};

struct apply {
	struct loop *loop;
	const struct settings *settings;
	struct template_set *templates;
	const struct apply_events *events;
	void *ctx;

	struct snapshot *desired; /* the newest; NULL: nothing */
	bool owes_result;	  /* it has not been reported as converged */
	bool is_finishing;	  /* apply_finish */

	struct activity *activity; /* NULL: nobody asks */
	struct live *live;
	enum apply_runtime runtime;
	uint64_t answers;	/* of live, so far */
	bool live_changed;	/* something, since the last result */
	struct mf_err live_err; /* of its last answer; code 0: in force */
	unsigned live_failures; /* HAProxy did not answer, in a row */
	struct loop_timer *live_retry;
	char *demand;	   /* why a reload is needed for what live cannot do; NULL: none */
	int64_t demand_at; /* from when on */
	struct loop_timer *consolidate; /* when what stands in reserve gets its own */
	size_t carried;			/* so many versions do stand there */
	char *demanded;			/* what the last such reload was for ... */
	unsigned unsatisfied;		/* ... and how many in a row brought nothing */

	struct apply_member *members;
	size_t member_count;
	uint64_t reloads;
	struct loop_timer *wake; /* the next run of a group */

	struct loop_timer *watch;  /* the next poll of HAProxy */
	struct loop_timer *verify; /* when all is read back next */
	unsigned calm_verifies;	   /* in a row: what was read back was right */
	struct haproxy_job *poll, *count;
	int64_t worker_pid, worker_started; /* 0: not seen yet; by loop_now */
	size_t old_workers;
	bool is_counting; /* there may be old workers */
};

/* apply.c */
void apply_hold(struct apply *apply, bool hold);
void apply_resync(struct apply *apply);
/* is_refused: a running HAProxy tried it and could not, which costs its traffic. */
int64_t apply_retry_wait(unsigned failures, bool is_refused);
bool apply_will_reload(const struct apply *apply);
void apply_satisfy(struct apply *apply); /* a reload has worked: what demanded one is asked anew */

/* apply_groups.c */
void apply_list_members(struct apply *apply); /* there is something new, or other settings */
void apply_schedule(struct apply *apply);
void apply_cancel_runs(struct apply *apply);
void apply_report(struct apply *apply);
void apply_conclude(
    struct apply *apply); /* report it, if it has converged and that is not reported */
bool apply_is_behind(const struct apply *apply, const struct apply_member *member);
struct apply_member *apply_find_haproxy(const struct apply *apply);
void apply_on_wake(void *ctx);

/* apply_watch.c */
void apply_start_watching(struct apply *apply);
void apply_stop_watching(struct apply *apply);
void apply_note_worker(struct apply *apply, const struct haproxy_info *info);
void apply_on_watch(void *ctx);
void apply_on_verify(void *ctx);
void apply_note_difference(struct apply *apply);

#endif
