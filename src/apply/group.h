/*
 * One group of outputs and the daemon that reads them: a run brings both up to date, phase by
 * phase, and ends with a result.  What is desired, when, and how often is for the caller to say;
 * what kind of daemon it is, its driver knows (driver.h).
 *
 *     observe -> write -> check -> bind -> turn -> refresh -> install -> keep -> reload
 *
 * A phase that has nothing to do is passed over.  write renders the outputs, compares them with the
 * files in place and stages what differs, in a copy of this process.  turn, refresh and keep are
 * for a reload only: its turn is some time after the last one; refresh asks for what is desired by
 * now, and goes back to write if that is something else.  Every run begins with what is really
 * there, so that one which was broken off at any point needs no repair but another run.
 */
#ifndef MF_APPLY_GROUP_H
#define MF_APPLY_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "render/output.h"

struct group;
struct haproxy_info;
struct loop;
struct settings;
struct snapshot;
struct template_set;

struct group_result {
	int code;
	bool is_bad; /* it cannot be rendered, code and reason say why: the last good files stay */
	bool changed, pending, reloaded;
	bool refused; /* a running HAProxy tried it and could not: each try costs its traffic */
	bool taken;   /* HAProxy could not listen on an address: it was not asked to */
	char *reason; /* never NULL */
};

struct group_events {
	/* A run has ended; also from inside group_run, when there was nothing to wait for. */
	void (*on_done)(void *ctx, struct group *group);
	/* Of HAProxy: this worker has answered. */
	void (*on_observed)(void *ctx, const struct haproxy_info *info);
	/*
	 * It has been rendered: go on?  false: the run ends at once, nothing was done, and the last
	 * result is still that of the run before.
	 */
	bool (*on_rendered)(void *ctx, struct group *group);
	/*
	 * Of a driver that is_live, before a reload: from now on nothing else changes the daemon;
	 * or (false) it may.  Returns what is desired by now, borrowed.
	 */
	struct snapshot *(*on_hold)(void *ctx, bool hold);
};

struct group *group_new(struct loop *loop, const struct settings *settings, struct output_id id,
			const struct group_events *events, void *ctx);
void group_free(struct group *group);

bool group_is(const struct group *group, const struct settings *settings, struct output_id id);
enum output_group group_kind(const struct group *group);
const char *group_name(const struct group *group);

/*
 * Settings and templates are borrowed until the run has ended; a reference of the snapshot is kept.
 * demand: why the daemon must reload even if it runs this; NULL: it need not.
 */
struct group_order {
	const struct settings *settings;
	struct template_set *templates;
	struct output_id id;
	struct snapshot *snapshot;
	const char *demand;
};
void group_run(struct group *group, const struct group_order *order);
bool group_is_running(const struct group *group);
bool group_is_put_off(const struct group *group); /* on_rendered has ended the last run */
void group_cancel(struct group *group);		  /* breaks a run off; on_done is not called */
/* Something else is desired: breaks a run off that what waits for nobody would wait for. */
void group_yield(struct group *group, const struct snapshot *desired);
bool group_is_prompt(const struct group *group); /* its next run is to wait for nobody */

/* The snapshot of the last run, or of the one under way; NULL: none. */
const struct snapshot *group_snapshot(const struct group *group);

/* Of the last run; or what the caller has learnt since. */
const struct group_result *group_last(const struct group *group);
void group_set_result(struct group *group, int code, bool pending, const char *reason);
void group_forget_change(
    struct group *group); /* it has been reported: changed and reloaded no more */

/* The settings are others: what was checked and rendered with the old ones counts no more. */
void group_forget(struct group *group);

/* By loop_now: when its files are to be written again, though nothing is new; INT64_MAX: never. */
int64_t group_due(const struct group *group);

int64_t group_write_ms(const struct group *group); /* what the last rendering took */
int64_t group_took_ms(const struct group *group);  /* the last run, or until now */

/* A number for what was rendered last; of HAProxy, for the structure that its check is worth for.
 */
uint64_t group_hash(const struct group *group);

/* What a HAProxy that runs what was rendered last says of itself. */
enum { GROUP_DESCRIPTION_SIZE = 32 };
void group_format_description(const struct group *group, char ret[GROUP_DESCRIPTION_SIZE]);

#endif
