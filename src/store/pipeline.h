/*
 * From a source to snapshots: what kvwatch and cfgrender have in common, so that what CI showed is
 * what happens.
 */
#ifndef MF_STORE_PIPELINE_H
#define MF_STORE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hold_report;
struct loop;
struct mf_err;
struct pipeline;
struct settings;
struct snapshot;

struct pipeline_options {
	const char *environments; /* a directory, and */
	const char *backends;	  /* a file: together the offline mode; both NULL: etcd */
	int64_t timeout_ms;	  /* of a call to etcd; 0: its default */
	bool follow;		  /* else read files once; etcd is always followed until freed */
	bool is_guarded;	  /* do not believe at once what is lost (store/hold.h) */
	size_t envs_before;	  /* guarded, of files: the environments of an earlier run */
};

struct pipeline_events {
	/* A new consistent model; borrowed during the call.  The first one comes even when empty.
	 */
	void (*on_snapshot)(void *ctx, struct snapshot *snapshot);
	/* The source is out of reach (why), or back (NULL). */
	void (*on_state)(void *ctx, const struct mf_err *why);
	/* Guarded: what is held back is something else than before.  Of files: all, and there is no
	 * snapshot meanwhile. */
	void (*on_held)(void *ctx, const struct hold_report *report);
	/*
	 * The newest snapshot is also what the source says at this revision, whether or not its
	 * last changes changed anything; not for those of keys that are only reports
	 * (model/kind.h). May be NULL.
	 */
	void (*on_seen)(void *ctx, int64_t revision);
	/* The source reported something; whether it is a change is not known yet.  May be NULL. */
	void (*on_event)(void *ctx);
};

bool pipeline_is_offline(const struct pipeline_options *options);

/* All is borrowed until pipeline_free.  Events may be called from inside (offline). */
int pipeline_new(struct loop *loop, const struct settings *settings,
		 const struct pipeline_options *options, const struct pipeline_events *events,
		 void *ctx, struct pipeline **ret_pipeline, struct mf_err *err);
/*
 * Settings that were old have become others.  What was read stays, for what is broken in the source
 * to keep its last good value, also when the source is another one now.  On failure all is as it
 * was.  Not inside an event; none comes from inside but on_held.
 */
int pipeline_set_settings(struct pipeline *pipeline, const struct settings *old,
			  const struct settings *settings, struct mf_err *err);
/* Look at the source again now.  Not inside an event; events may be called from inside. */
void pipeline_refresh(struct pipeline *pipeline);
void pipeline_free(struct pipeline *pipeline); /* NULL is fine */

#endif
