/*
 * One question to a target: a connection, a request or a program.  Judges the one answer; what many
 * of them come to is check.c's.
 */
#ifndef MF_REGISTER_CHECK_PROBE_H
#define MF_REGISTER_CHECK_PROBE_H

#include <stdbool.h>

struct check_spec;
struct check_target;
struct loop;
struct probe;

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

/* spec and target are borrowed until probe_free. */
struct probe *probe_new(struct loop *loop, const struct check_spec *spec,
			const struct check_target *target, probe_fn *on_result, void *ctx);
/* Ask.  false: the last one, reported as failed, has not ended yet (a program that cannot be
 * killed).
 */
bool probe_run(struct probe *probe);
void probe_free(struct probe *probe); /* NULL is fine; also inside on_result */

#endif
