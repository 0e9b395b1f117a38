/*
 * One question to a target: what all kinds of checks have in common, such as the timeout.  Knows no
 * kind.
 */
#include "register/check_kind.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/instances.h"
#include "sys/loop.h"

#define RESERVED_FDS 32 /* that checks leave to others */

const char *probe_address(const struct probe *p)
{
	return p->spec->host != NULL ? p->spec->host : p->target->address;
}

unsigned probe_port(const struct probe *p)
{
	return p->spec->port != 0 ? p->spec->port : p->target->port;
}

char *probe_endpoint(const struct probe *p)
{
	struct buf endpoint = BUF_INIT;

	instances_add_endpoint(&endpoint, probe_address(p), probe_port(p));
	return buf_take(&endpoint);
}

/* --- answers ---------------------------------------------------------------------------------- */

void probe_finish(struct probe *p, enum probe_result result, const char *why)
{
	mem_auto_free char *reason = why == NULL ? NULL : mem_printf("%s: %s", p->what, why);

	loop_timer_clear(p->timeout);
	p->is_finished = true;
	p->on_result(p->ctx, result, reason);
}

void probe_finish_soon(struct probe *p, enum probe_result result, const char *why)
{
	free(p->why);
	p->why = mem_dup_str(why);
	p->result = result;
	loop_timer_set(p->timeout, 0);
}

void probe_finish_late(struct probe *p)
{
	mem_auto_free char *why =
	    mem_printf("no answer within %lldms", (long long)p->spec->timeout_ms);

	probe_finish(p, PROBE_FAILED, why);
}

static void on_timeout(void *ctx)
{
	struct probe *p = ctx;
	mem_auto_free char *why = p->why;

	p->why = NULL;
	if (why != NULL) {
		probe_finish(p, p->result, why);
		return;
	}
	if (!p->spec->kind->is_program)
		p->spec->kind->stop(p);
	probe_finish_late(p);
}

/* --- questions -------------------------------------------------------------------------------- */

/* Those of etcd and of the log must not be wanting because of many checks that hang. */
static bool has_room(void)
{
	struct rlimit limit;
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 && (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
			   (rlim_t)fd + RESERVED_FDS < limit.rlim_cur);
}

bool probe_run(struct probe *p)
{
	if (p->under_way != NULL)
		return false;
	p->is_finished = false;
	if (!has_room()) {
		probe_finish_soon(p, PROBE_NOT_ASKED, "no file descriptor is free");
		return true;
	}
	if (!p->spec->kind->is_http) /* its requests have a deadline of their own */
		loop_timer_set(p->timeout, p->spec->timeout_ms);
	p->spec->kind->start(p);
	return true;
}

struct probe *probe_new(struct loop *loop, const struct check_spec *spec,
			const struct check_target *target, probe_fn *on_result, void *ctx)
{
	struct probe *p = MEM_NEW(p);

	p->loop = loop;
	p->spec = spec;
	p->target = target;
	p->on_result = on_result;
	p->ctx = ctx;
	p->timeout = loop_timer_new(loop, on_timeout, p);
	p->what = spec->kind->describe(p);
	return p;
}

void probe_free(struct probe *p)
{
	if (p == NULL)
		return;
	loop_timer_free(p->timeout);
	p->spec->kind->stop(p);
	free(p->what);
	free(p->why);
	free(p);
}
