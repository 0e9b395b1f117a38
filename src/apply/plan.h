/*
 * The plan: the difference between the files in place and the outputs, as a list of typed steps,
 * for people.
 *
 * Steps of one group are done in their order; groups (HAProxy, dnsmasq, each further target) are
 * independent.  What kvwatch does (group.h) is the same, found by the same comparison.
 */
#ifndef MF_APPLY_PLAN_H
#define MF_APPLY_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "render/output.h"

struct buf;
struct changes;
struct loop;
struct mf_err;
struct settings;
struct snapshot;

enum step_kind {
	STEP_CREATE,  /* a file that is not there yet */
	STEP_REPLACE, /* a file with other bytes */
	STEP_REMOVE,  /* a file that is not to be there */
	STEP_CHECK,   /* run the group's check on the staged files */
	STEP_RELOAD,  /* make the running daemon read them */
};

struct step {
	enum step_kind kind;
	const struct output *output; /* of the three of a file; borrowed from set or group */
	char *reason;		     /* of RELOAD: why; else NULL */
	size_t added, removed;	     /* lines, of the three of a file */
};

struct plan_group {
	struct output_id id;
	const char *name; /* "haproxy", "dnsmasq", the target's output path; borrowed */
	struct step *steps;
	size_t step_count;     /* 0: nothing to do */
	struct output *strays; /* what REMOVE removes: nothing is in them */
	size_t stray_count;
	struct changes *changes; /* of HAProxy by plan_make: what its steps mean; else NULL */
};

struct plan {
	struct plan_group *groups;
	size_t group_count;
};

/*
 * Compare outputs with the files at their paths (all new where there is none; one that cannot be
 * read is MF_EPERM); an output without a path only counts below a directory.  below: compare with
 * files of the outputs' names in that directory instead.  Where each service has a file for
 * dnsmasq, any other of that kind is to be removed.
 */
int plan_make(const struct output_set *outputs, const struct settings *settings, const char *below,
	      struct plan *ret_plan, struct mf_err *err);
void plan_fini(struct plan *plan);

/*
 * No plan at all: write every output below dir by its name, but those of settings->targets, whose
 * place is their own; and remove what plan_make would.  MF_EWRITE, MF_EPERM.
 */
int plan_write_below(const struct output_set *outputs, const char *dir, struct mf_err *err);

bool plan_is_empty(const struct plan *plan);

/*
 * For people: what changes for the traffic ("environment dev: backend 0.0.1 -> 0.0.2"), then a line
 * a step ("haproxy: change maps/routes.map (+3 -1)").
 */
void plan_print(const struct plan *plan, struct buf *ret_text);
void plan_print_step(const struct plan_group *group, const struct step *step, struct buf *ret_text);

/* The same for the comment of a pull request, in Markdown; and why all of it is refused. */
void plan_print_markdown(const struct plan *plan, struct buf *ret_text);
void plan_print_refused(const struct snapshot *snapshot, struct buf *ret_text);

/* {"changes": bool, "groups": [{"name": …, "steps": [{"kind": …, …}, …]}, …]} in a line. */
void plan_print_json(const struct plan *plan, struct buf *ret_text);

/*
 * The unified diff of every file step, from what is there, by diff(1).  Runs the loop until done.
 * MF_EFAIL when there is no diff program.
 */
int plan_diff(struct loop *loop, const struct plan *plan, const char *below, struct buf *ret_text,
	      struct mf_err *err);

#endif
