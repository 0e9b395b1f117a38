/*
 * The kinds of checks: a row of check_kinds and a file check_<kind>.c each.  Only for those files,
 * for what reads checks, and for what runs them.
 *
 * A kind parses what follows its name, says what it asks of whom, starts one question, and ends it
 * by probe_finish; the timeout is common to all.
 */
#ifndef MF_REGISTER_CHECK_KIND_H
#define MF_REGISTER_CHECK_KIND_H

#include <stdbool.h>

#include "register/check.h"

struct loop_timer;
struct probe;

struct check_kind {
	const char *name; /* before the colon, and as a key in files */
	const char *form; /* what may be written, for messages */
	const char *word; /* SERVICE_CHECK_<word> of containers, in lower case */
	bool is_bare;	  /* the name alone is a check */
	bool is_http;	  /* has the settings method, header, text and status */
	bool is_program;  /* runs on this host, and ends by itself when its time is over */

	/* text: from the colon on, or "" where there is none.  MF_EDATA. */
	int (*parse)(const char *text, struct check_spec *spec, struct mf_err *err);
	/* The check that a container's word asks for; NULL: none.  Handed over. */
	char *(*parse_word)(const char *value, const struct check_target *target);
	/* "tcp 127.0.0.1:80", without secrets; handed over */
	char *(*describe)(const struct probe *probe);
	void (*start)(struct probe *probe); /* sets under_way unless it ends at once */
	void (*stop)(struct probe *probe);  /* what is under way */
};
extern const struct check_kind check_tcp, check_http, check_https, check_exec;
extern const struct check_kind *const check_kinds[]; /* NULL at the end */

/* --- one question ---------------------------------------------------------------------------- */

enum probe_result {
	PROBE_PASSED,
	PROBE_FAILED,
	PROBE_NOT_ASKED, /* the fault is ours (descriptors, memory): says nothing of the target */
};

/*
 * Called once for each probe_run, never from inside, within the spec's timeout.  why: NULL when it
 * passed, else `tcp 127.0.0.1:80: Connection refused`.
 */
typedef void probe_fn(void *ctx, enum probe_result result, const char *why);

struct probe {
	struct loop *loop;
	const struct check_spec *spec;
	const struct check_target *target;
	char *what;
	void *under_way; /* the kind's */
	probe_fn *on_result;
	void *ctx;
	bool is_finished; /* on_result was called for this run */
	struct loop_timer *timeout;
	enum probe_result result; /* to be reported by the timer: it was known at once */
	char *why;
};

/* spec and target are borrowed until probe_free. */
struct probe *probe_new(struct loop *loop, const struct check_spec *spec,
			const struct check_target *target, probe_fn *on_result, void *ctx);
/* Ask.  false: the last one, reported as failed, has not ended yet (a program that cannot be
 * killed).
 */
bool probe_run(struct probe *probe);
void probe_free(struct probe *probe); /* NULL is fine; also inside on_result */

/* The owner may free the probe inside.  why: as probe_fn, without what is asked. */
void probe_finish(struct probe *probe, enum probe_result result, const char *why);
/* The same in the next round, for what is known before start has returned. */
void probe_finish_soon(struct probe *probe, enum probe_result result, const char *why);
void probe_finish_late(struct probe *probe); /* there was no answer in time */

const char *probe_address(const struct probe *probe);
unsigned probe_port(const struct probe *probe);
char *probe_endpoint(const struct probe *probe); /* "[fd00::5]:80"; handed over */

/* MF_EDATA: `"value": why`. */
int check_spec_refuse(const char *value, struct mf_err *err, const char *why);
int check_spec_parse_port(const char *s, unsigned *ret_port, struct mf_err *err);

#endif
