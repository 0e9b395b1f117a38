/*
 * A group's run as its driver sees it.  For group.c and the drivers only.
 */
#ifndef MF_APPLY_GROUP_INTERNAL_H
#define MF_APPLY_GROUP_INTERNAL_H

#include "apply/driver.h"
#include "apply/group.h"
#include "apply/writer.h"
#include "base/err.h"
#include "model/settings.h"
#include "sys/child.h"

struct loop_timer;
struct past;
struct stage;

enum { GROUP_COMMAND_MS = 30 * 1000 }; /* for a check, or a target's reload */

enum group_phase {
	GROUP_IDLE,
	GROUP_OBSERVE,	/* what does the daemon run? */
	GROUP_WRITE,	/* render, compare, stage */
	GROUP_CHECK,	/* are the staged files good? */
	GROUP_BIND,	/* can the daemon have what it will ask for? */
	GROUP_TURN,	/* wait, when the last reload was just now */
	GROUP_REFRESH,	/* is something newer desired by now? */
	GROUP_INSTALL,	/* rename the staged files into place */
	GROUP_KEEP,	/* what must outlive the reload? */
	GROUP_RELOAD,	/* make the daemon read them */
	GROUP_END,	/* say how it went */
	GROUP_PUT_BACK, /* in the place of GROUP_END: the previous files, then that */
};

struct group {
	struct loop *loop;
	const struct driver *driver;
	struct output_id id;
	char *name;
	const struct group_events *events;
	void *ctx;

	/* from run to run */
	struct group_result last;
	bool is_open;
	bool owes_reload;    /* files were installed, and the daemon has not heard of it */
	bool is_edited;	     /* somebody else wrote what the daemon may have loaded since */
	int64_t reloaded_at; /* by loop_now: the last reload's start ... */
	unsigned burst;	     /* ... and so many before it, each soon after the other */
	char proven[17];     /* the structure that was checked or loaded last */
	/* The daemon's description when it last ran what is written; "": never. */
	char matched[GROUP_DESCRIPTION_SIZE];
	struct snapshot *snapshot;    /* of the last run; NULL: none */
	bool is_rendered;	      /* written is of that */
	struct past *past;	      /* NULL: its files may be read in any order */
	struct writer_report written; /* what was rendered last, and where its files are */
	int64_t write_ms, took_ms;
	void *memory; /* the driver's; NULL: nothing */

	/* of a run */
	enum group_phase phase;
	const struct settings *settings;
	struct template_set *templates;
	int64_t started_at, write_at;
	char *demand; /* why a reload is asked for; NULL: it is not */
	char *reason; /* why one was done, where that is worth telling; or NULL */
	struct mf_err observed_err;
	char running[64]; /* the daemon's description; "" while it does not answer */
	int running_pid;
	bool is_held; /* on_hold(true) */
	unsigned refreshes;
	char checked[17]; /* the fingerprint that needs no other check in this run */
	struct stage *stage;
	bool is_installed, is_put_off;
	struct group_result now; /* how it goes; reason: NULL */
	struct mf_err err;
	struct writer *writer;
	struct child *child;
	void *job; /* the driver's */
	struct loop_timer *timer;
};

/* A phase ends by exactly one of these, at once or later. */
void group_next(struct group *group);
void group_fail(struct group *group, const struct mf_err *why);
void group_fail_and_put_back(struct group *group, const struct mf_err *why);
/* The daemon is not there: what it will read when it comes is in place. */
void group_end_pending(struct group *group, const struct mf_err *why);

/* As if it had not run: what it was to do is done, but its last result is to stay. */
void group_put_off(struct group *group);

/* It has read its files. */
void group_end_reload(struct group *group);

/*
 * How a check or reload command ended: 0, or refusal, MF_ECONFIG, MF_ETIMEOUT with its message.  A
 * check (MF_EDATA) that takes too long refuses: something in the files keeps it busy.
 */
int group_judge_child(const struct group *group, char **argv, const struct child_result *result,
		      int refusal, struct mf_err *err);

/* group_install.c: the staged files into place; the previous ones back, and the end. */
void group_install(struct group *group);
void group_put_back(struct group *group);
/* What a copy that did something with files says of it; false: it has said nothing. */
bool group_read_outcome(const struct child_result *result, struct mf_err *ret_err);

#endif
