/*
 * What the files of a group's run share: its state, its end, and the phases.  For group*.c only.
 */
#ifndef MF_APPLY_GROUP_INTERNAL_H
#define MF_APPLY_GROUP_INTERNAL_H

#include "apply/group.h"
#include "apply/stage.h"
#include "base/err.h"
#include "model/settings.h"
#include "sys/child.h"

struct dnsmasq_job;
struct haproxy_job;
struct known;

enum {
	GROUP_COMMAND_MS = 30 * 1000, /* for a check, or a target's reload */
	GROUP_RELOAD_GAP_MS = 250,    /* from one start of a HAProxy reload to the next */
};

struct group {
	struct loop *loop;
	enum output_group kind;
	char *name;
	const struct group_events *events;
	void *ctx;

	/* from run to run */
	struct group_result last;
	bool is_swept;
	bool owes_reload;    /* files were installed, and the daemon has not heard of it */
	bool is_edited;	     /* somebody else wrote what HAProxy may have loaded since */
	int64_t reloaded_at; /* by loop_now: the last reload's start */
	char proven[17];     /* the structure that HAProxy has checked or loaded last */
	struct known *known; /* its files */
	struct loop_timer *again;

	/* of a run */
	const struct output_set *outputs;
	const struct settings *settings;
	struct plan_group_id id;
	const struct group_phase *phase; /* the next one */
	size_t at;			 /* the output that the phase under way has come to */
	char *demand;			 /* NULL: none */
	struct loop_timer *turn;
	int64_t busy_us;
	struct mf_err observed_err;
	char running[64]; /* HAProxy's description; "" while it does not answer */
	int running_pid;
	struct plan_group plan;
	struct stage *stage;
	bool is_installed, is_reloaded, is_pending, is_refused, is_taken;
	bool is_checked; /* or no check is needed any more */
	bool wants_bytes;
	struct mf_err err;
	struct child *child;
	struct haproxy_job *haproxy;
	struct dnsmasq_job *dnsmasq;
};

struct group_phase {
	bool (*is_needed)(const struct group *group);
	void (*start)(struct group *group); /* ends by one of the following, now or later */
};

/* A phase ends by exactly one of these, at once or later. */
void group_next(struct group *group);
void group_go_on(struct group *group); /* not an end: start it once more in the next turn */
void group_end_without_bytes(struct group *group);
void group_plan_again(struct group *group, const struct output_set *outputs);
void group_fail(struct group *group, const struct mf_err *why);
void group_fail_and_put_back(struct group *group, const struct mf_err *why);
/* The daemon is not there: what it will read when it comes is in place. */
void group_end_pending(struct group *group, const struct mf_err *why);

/* group_reload.c: what does HAProxy run? */
bool group_needs_observe(const struct group *group);
void group_observe(struct group *group);

/* group_files.c: which files differ, are they good, and into place with them. */
bool group_needs_plan(const struct group *group);
void group_plan(struct group *group);
bool group_has_changes(const struct group *group);
void group_stage(struct group *group);
bool group_needs_check(const struct group *group);
void group_check(struct group *group);
bool group_needs_bind(const struct group *group);
void group_bind(struct group *group);
void group_sync(struct group *group);
void group_install(struct group *group);

/* And: make the daemon read the files. */
bool group_needs_reload(const struct group *group);
bool group_needs_refresh(const struct group *group);
bool group_needs_turn(const struct group *group);
void group_wait_turn(struct group *group);
void group_refresh(struct group *group);
bool group_needs_keep(const struct group *group);
void group_keep_dead(struct group *group);
void group_reload(struct group *group);

/* HAProxy's file of dead servers with nobody in it, so that the next start does not believe it. */
void group_forget_dead(const struct group *group);
void group_demand_for_edit(struct group *group); /* unless a reload is asked for already */

bool group_has(const struct group *group, const struct output *output);
char *group_dir(const struct group *group); /* all its files are below; the stage is in it */
char *group_stage_tag(const struct group *group);
char **group_argv(const struct group *group, bool is_check);
/* How a check or reload command ended: 0, or refusal, MF_ECONFIG, MF_ETIMEOUT with its words. */
int group_judge_child(const struct group *group, char **argv, const struct child_result *result,
		      int refusal, struct mf_err *err);

#endif
