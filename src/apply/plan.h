/*
 * The plan: the difference between what is applied and what is wanted, as a list of typed steps.
 *
 * Steps of one group are done in their order; groups (HAProxy, dnsmasq, each further target) are
 * independent, so that a failure of one stops no other.  A way of applying is one more kind of
 * step.
 */
#ifndef MF_APPLY_PLAN_H
#define MF_APPLY_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "render/output.h"

struct buf;
struct changes;
struct known;
struct loop;
struct mf_err;
struct settings;

enum step_kind {
	STEP_CREATE,  /* a file that is not there yet */
	STEP_REPLACE, /* a file with other bytes */
	STEP_CHECK,   /* run the group's check on the staged files */
	STEP_RELOAD,  /* make the running daemon read them */
};

struct step {
	enum step_kind kind;
	const struct output *output; /* of CREATE and REPLACE; borrowed from the set */
	char *reason;		     /* of RELOAD: why; else NULL */
	size_t added, removed;	     /* lines, of CREATE and REPLACE */
};

struct plan_group {
	enum output_group group;
	size_t target;	  /* index in settings->targets */
	const char *name; /* "haproxy", "dnsmasq", the target's output path; borrowed */
	struct step *steps;
	size_t step_count;	 /* 0: nothing to do */
	struct changes *changes; /* of HAProxy by plan_make: what its steps mean; else NULL */
};

struct plan {
	struct plan_group *groups;
	size_t group_count;
};

/*
 * Compare outputs with the files at their paths (all new where there is none; one that cannot be
 * read is MF_EPERM).  below: compare with files of the outputs' names in that directory instead.
 */
int plan_make(const struct output_set *outputs, const struct settings *settings, const char *below,
	      struct plan *ret_plan, struct mf_err *err);
void plan_fini(struct plan *plan);

/* name is borrowed. */
struct plan_group_id {
	enum output_group group;
	size_t target;
	const char *name;
};
void plan_group_fini(struct plan_group *group);

/*
 * The same for an engine, a group by itself, output by output and with no count of lines: compares
 * digests, and reads only the files of which nothing is known.  begin, look at each output of the
 * group, end. must_be_sure: as known_holds.  ret_was_read: it took some time.
 */
void plan_begin_group(const struct plan_group_id *id, struct plan_group *ret_group);
int plan_look(struct plan_group *group, const struct output *output, struct known *known,
	      bool must_be_sure, bool *ret_was_read, struct mf_err *err);
void plan_end_group(struct plan_group *group, const struct settings *settings);

/*
 * The groups that have outputs, in the order of the set; at most max of them.  Returns how many.
 * An output with a name but no path (dnsmasq is not driven) counts only below a directory.
 */
size_t plan_list_groups(const struct output_set *outputs, const char *below,
			struct plan_group_id *ret_ids, size_t max);

/*
 * No plan at all: write every output below dir by its name, but those of settings->targets, whose
 * place is their own.  MF_EWRITE, MF_EPERM.
 */
int plan_write_below(const struct output_set *outputs, const char *dir, struct mf_err *err);

bool plan_is_empty(const struct plan *plan);

/*
 * For people: what changes for the traffic ("environment dev: backend 0.0.1 -> 0.0.2"), then a line
 * a step ("haproxy: change maps/routes.map (+3 -1)").
 */
void plan_print(const struct plan *plan, struct buf *ret_text);

/* {"changes": bool, "groups": [{"name": …, "steps": [{"kind": …, …}, …]}, …]} in a line. */
void plan_print_json(const struct plan *plan, struct buf *ret_text);

/*
 * The unified diff of every file step, from what is there, by diff(1).  Runs the loop until done.
 * MF_EFAIL when there is no diff program.
 */
int plan_diff(struct loop *loop, const struct plan *plan, const char *below, struct buf *ret_text,
	      struct mf_err *err);

#endif
