/*
 * One group of outputs and the daemon that reads them: a run brings both up to date, phase by
 * phase, and ends with a result.  What is wanted, when, and how often is for the caller to say.
 * Much work on files is done a file in each turn of the loop, so that nobody has to wait for it.
 *
 *     observe -> turn -> plan -> stage -> check -> refresh -> sync -> install -> keep -> reload
 *
 * A phase that has nothing to do is passed over; turn, refresh and keep are HAProxy's and only for
 * a reload: its turn is some time after the last one; refresh asks for what is wanted by now, and
 * goes back to plan if that is something else; keep writes down which servers are dead.  Every run
 * begins with what is really there, so that one which was broken off at any point needs no repair
 * but another run.
 */
#ifndef MF_APPLY_GROUP_H
#define MF_APPLY_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/plan.h"

struct group;
struct haproxy_info;
struct loop;
struct settings;

struct group_result {
	int code;
	bool changed, pending, reloaded;
	bool refused; /* a running HAProxy tried it and could not: each try costs its traffic */
	bool taken;   /* HAProxy could not listen on an address: it was not told to */
	char *words;  /* never NULL */
};

struct group_events {
	/* A run has ended; also from inside group_run, when there was nothing to wait for. */
	void (*on_done)(void *ctx, struct group *group);
	/* Of HAProxy: this worker has answered. */
	void (*on_observed)(void *ctx, const struct haproxy_info *info);
	/*
	 * Of HAProxy, before a reload: newer outputs, if there are any; those in use are good until
	 * they are given up.  NULL: none, go on with those that there are.  is_last: the check is
	 * over; newer ones of the same fingerprint are loaded without another.
	 */
	const struct output_set *(*on_refresh)(void *ctx, bool is_last);
};

struct group *group_new(struct loop *loop, const struct plan_group_id *id,
			const struct group_events *events, void *ctx);
void group_free(struct group *group);

bool group_is(const struct group *group, const struct plan_group_id *id);
enum output_group group_kind(const struct group *group);
const char *group_name(const struct group *group);

/*
 * outputs and settings are borrowed until the run has ended.  target: the index in settings.
 * demand: why HAProxy must reload even if it runs this configuration; NULL: it need not.
 */
void group_run(struct group *group, const struct output_set *outputs,
	       const struct settings *settings, size_t target, const char *demand);
/*
 * The outputs of the last run had no bytes any more (output_set_drop_bytes), and files differ from
 * them: nothing was done, and the last result is still that of the run before.
 */
bool group_wants_bytes(const struct group *group);
void group_cancel(struct group *group); /* breaks a run off; on_done is not called */

/* Of the last run; or what the caller has learnt since. */
const struct group_result *group_last(const struct group *group);
void group_set_result(struct group *group, int code, bool pending, const char *words);
void group_forget_change(struct group *group); /* it has been told: changed and reloaded no more */

/* The settings are others: what was checked with the old ones counts no more. */
void group_forget_check(struct group *group);

int64_t group_busy_us(const struct group *group); /* what the last run's work on files took */

/* A number for the group's wanted bytes; of HAProxy, for the structure that its check looks at. */
uint64_t group_hash(const struct group *group, const struct output_set *outputs);

/* What a HAProxy that runs these outputs says of itself. */
enum { GROUP_DESCRIPTION_SIZE = 32 };
void group_format_description(const struct output_set *outputs, char ret[GROUP_DESCRIPTION_SIZE]);

#endif
