/*
 * Child processes: an argv array (never a shell), a process group of their own, all output
 * collected up to a bound, a deadline after which the group gets SIGTERM and, 2 s later, SIGKILL.
 * Signals are as by default in the child, none blocked.  What it leaves running in the background
 * is left alone, unless the deadline passed; its output is waited for half a second and no longer.
 * Orphans that came to us as process 1 or a subreaper, and have ended, are reaped with each child.
 */
#ifndef MF_SYS_CHILD_H
#define MF_SYS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct child;
struct loop;
struct mf_err;

struct child_options {
	const char *const *argv; /* NULL at the end; argv[0] is looked up in PATH */
	const char *input;	 /* written to its standard input; NULL: /dev/null */
	size_t input_len;
	const char *dir; /* working directory; NULL: ours */
	/* "NAME=value", NULL at the end: over what our own environment says.  NULL: nothing. */
	const char *const *env;
	size_t max_output;   /* more than that is read and dropped; 0: 64 KiB */
	int64_t deadline_ms; /* 0: 30 s */
};

/* 127 where there is no such program */
enum { CHILD_NOT_STARTED = 126 };

struct child_result {
	int status; /* exit code; 128 + signal; 126 or 127 when it could not be started */
	bool timed_out;
	const char *output; /* stdout and stderr together, as written; terminated */
	size_t output_len;
};

typedef void child_done_fn(void *ctx, const struct child_result *result);

/*
 * Everything in options is copied.  A program that cannot be started is no error here: on_done
 * hears of 126 or 127 with the reason as output.  on_done is called once, never from inside.
 */
struct child *child_start(struct loop *loop, const struct child_options *options,
			  child_done_fn *on_done, void *ctx);

/* The same for these words and one more, with all else as by default. */
struct child *child_start_with(struct loop *loop, char *const *words, const char *last,
			       int64_t deadline_ms, child_done_fn *on_done, void *ctx);

/*
 * Work of our own that takes long, in a copy of this process (fork): it sees all memory as it is
 * now, and what it writes there is lost.  It has standard input, output and error and no other
 * descriptor, so it must not use the loop or anything on it; it may open files and start programs.
 * What it adds to ret_report comes back as the result's output, without standard output and error;
 * what it returns is the status.  It is killed when this process dies, and ignores SIGTERM.  Of
 * options, deadline_ms and max_output count.  A fork of 20 MiB takes about 0.7 ms; all that either
 * side writes to is copied then, page by page.
 */
typedef int child_work_fn(void *ctx, struct buf *ret_report);
struct child *child_fork(struct loop *loop, const struct child_options *options,
			 child_work_fn *work, void *work_ctx, child_done_fn *on_done, void *ctx);

/*
 * Why there is no report of a copy, "the process that renders ended early (status 137)" for the
 * work "renders": MF_ETIMEOUT or MF_EFAIL, which is returned.
 */
int child_explain(const struct child_result *result, const char *work, struct mf_err *err);

/* SIGKILLs the group, reaps; on_done is not called.  NULL is fine. */
void child_cancel(struct child *child);
/* The same for one that must end by itself: waits for it, without the loop. */
void child_await(struct child *child);

#endif
