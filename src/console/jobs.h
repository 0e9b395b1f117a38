/*
 * What the console does for somebody and has to ask etcd for: logins, changes, histories.  One at a
 * time, as each runs the loop until etcd has answered; all others are served meanwhile.
 */
#ifndef MF_CONSOLE_JOBS_H
#define MF_CONSOLE_JOBS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct jobs;
struct loop;
struct mf_err;
struct settings;

/* All of it is copied. */
struct job {
	uint64_t client;	     /* whom to answer */
	const char *user, *password; /* of etcd; NULL: as the settings say */
	const char *words[2];	     /* the command; NULL: just log in */
	char **operands;	     /* NULL at the end; or NULL */
	const char *typed;	     /* for the history */
	bool dry_run;
	int64_t for_ms; /* 0: the default */
};

struct jobs_events {
	/* json: what the command prints with -o json.  err: why it failed, or NULL. */
	void (*on_done)(void *ctx, const struct job *job, const struct buf *json,
			const struct mf_err *err);
};

struct jobs *jobs_new(struct loop *loop, const struct settings *settings,
		      const struct jobs_events *events, void *ctx);
/* Not while one runs. */
void jobs_free(struct jobs *jobs); /* NULL is fine */

/* false: there are too many. */
bool jobs_add(struct jobs *jobs, const struct job *job);

#endif
