/*
 * One group of outputs and the daemon that reads them: a run brings both up to date, phase by
 * phase, and ends with a result.  What is wanted, when, and how often is for the caller to say.
 *
 *     observe -> plan -> stage -> check -> install -> reload
 *
 * A phase that has nothing to do is passed over.  Every run begins with what is really there, so
 * that one which was broken off at any point needs no repair but another run.
 */
#ifndef MF_APPLY_GROUP_H
#define MF_APPLY_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/plan.h"

struct group;
struct loop;
struct settings;

struct group_result {
	int code;
	bool changed, pending, reloaded;
	bool refused; /* a running HAProxy tried it and could not: each try costs its traffic */
	char *words;  /* never NULL */
};

/* on_done: a run has ended; also from inside group_run, when there was nothing to wait for. */
struct group *group_new(struct loop *loop, const struct plan_group_id *id,
			void (*on_done)(void *ctx, struct group *group), void *ctx);
void group_free(struct group *group);

bool group_is(const struct group *group, const struct plan_group_id *id);
enum output_group group_kind(const struct group *group);
const char *group_name(const struct group *group);

/* outputs and settings are borrowed until the run has ended.  target: the index in settings. */
void group_run(struct group *group, const struct output_set *outputs,
	       const struct settings *settings, size_t target);
void group_cancel(struct group *group); /* breaks a run off; on_done is not called */

/* Of the last run; or what the caller has learnt since. */
const struct group_result *group_last(const struct group *group);
void group_set_result(struct group *group, int code, bool pending, const char *words);
void group_forget_change(struct group *group); /* it has been told: changed and reloaded no more */

int64_t group_reloaded_at(const struct group *group); /* by loop_now: the last reload's start */

/* A number for the group's wanted bytes. */
uint64_t group_hash(const struct group *group, const struct output_set *outputs);

/* What a HAProxy that runs these outputs says of itself. */
enum { GROUP_DESCRIPTION_SIZE = 32 };
void group_format_description(const struct output_set *outputs, char ret[GROUP_DESCRIPTION_SIZE]);

#endif
