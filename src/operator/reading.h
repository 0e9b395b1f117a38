/*
 * All that etcd or the files say at one revision: what a command that looks looks at.
 */
#ifndef MF_OPERATOR_READING_H
#define MF_OPERATOR_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/table.h"

struct call;
struct etcd_kv;
struct mf_err;
struct policy;
struct settings;
struct strmap;

struct reading {
	struct policy *policy; /* of the table; NULL: none */
	struct table *table;
	struct snapshot *snapshot; /* of the table as it is now */
	/* What the table does not have, by key: config/, nodes/, overrides/, services/, states/. */
	struct strmap *others;
	struct strmap *revisions; /* of environments' keys, by name: see reading_revision */
	int64_t newest;	 /* revision of the last change of what people and registrars write */
	bool is_offline; /* from files */
};

/*
 * From the call's files if there are any, else from etcd: all, or what call->below says.  What is
 * wrong with an entry is a problem in the snapshot and no failure.
 */
int reading_take(struct call *call, struct reading *ret_reading, struct mf_err *err);

/*
 * The same in steps, for who reads less.  An empty one without a snapshot; begin, any number of
 * put, and end, which makes the snapshot.  Behind that, more may be put, and a snapshot be made
 * anew.
 */
void reading_init(struct reading *reading, const struct settings *settings);
void reading_begin(struct reading *reading);
void reading_put(struct reading *reading, const char *key, const struct etcd_kv *kv);
void reading_end(struct reading *reading, int64_t revision);
void reading_snapshot(struct reading *reading, int64_t revision);
void reading_fini(struct reading *reading);

/*
 * The same from etcd, followed: on_change is called for the first one and a moment after each
 * change, until it fails, or a signal ends the loop.
 */
typedef int reading_fn(void *ctx, const struct reading *reading, struct mf_err *err);
int reading_follow(struct call *call, reading_fn *on_change, void *ctx, struct mf_err *err);

/*
 * The same beside other things on the loop, for as long as it takes to reach etcd.  A reading is
 * valid until on_change is called with the next one.
 */
struct reading_events {
	void (*on_change)(void *ctx, const struct reading *reading);
	/* etcd is out of reach and what was read may be stale (why), or back (NULL). */
	void (*on_state)(void *ctx, const struct mf_err *why);
};
struct following;
int reading_start(struct call *call, const struct reading_events *events, void *ctx,
		  struct following **ret_following, struct mf_err *err);
void reading_stop(struct following *following); /* NULL is fine */

/* The next of the others below a prefix such as "nodes/"; *cursor NULL: the first.  ret_name is
 * what stands behind the prefix. */
bool reading_next(const struct reading *reading, const char *prefix, void **cursor,
		  const char **ret_name, const char **ret_value);
const char *reading_find(const struct reading *reading, const char *key); /* NULL: not there */

/* Of the last change of an environment's key; 0: of files, or there is none. */
int64_t reading_revision(const struct reading *reading, const char *env);

#endif
