/*
 * HAProxy's two sockets (management guide, sections 9.3 and 9.4): the worker's admin socket, and
 * the master's command line.  No PID is needed, and no signal sent.
 */
#ifndef MF_APPLY_HAPROXY_H
#define MF_APPLY_HAPROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct haproxy_job;
struct loop;
struct mf_err;

/* What `show info` says of the running worker. */
struct haproxy_info {
	char version[32];
	char description[64]; /* the fingerprint of the configuration that it runs */
	int pid;
	int64_t uptime_s;
};
/* False: this is no answer to `show info`. */
bool haproxy_parse_info(const char *reply, struct haproxy_info *ret_info);

typedef void haproxy_info_fn(void *ctx, const struct haproxy_info *info, const struct mf_err *err);
struct haproxy_job *haproxy_read_info(struct loop *loop, const char *admin_socket,
				      haproxy_info_fn *on_done, void *ctx);

/*
 * Reload by the master, and know whether it worked: the reply where there is one (2.7 and later),
 * else `show proc` (a new worker; reloads counted up; failed), and in the end the admin socket,
 * which must report the expected description before the deadline.  MF_EUNAVAIL: no master there;
 * MF_EDATA: HAProxy refused it, with its message where it gives one; MF_ETIMEOUT.  info is the new
 * worker's; NULL with an error.
 */
struct haproxy_job *haproxy_reload(struct loop *loop, const char *master_socket,
				   const char *admin_socket, const char *want_description,
				   int64_t deadline_ms, haproxy_info_fn *on_done, void *ctx);

/* How many workers of before a reload the master still has. */
typedef void haproxy_count_fn(void *ctx, size_t old_workers, const struct mf_err *err);
struct haproxy_job *haproxy_count_old(struct loop *loop, const char *master_socket,
				      haproxy_count_fn *on_done, void *ctx);

/*
 * The servers that health checks have found dead and nobody has taken out, and those whose host
 * names are resolved, as a server-state file (management guide, `show servers state`): a first line
 * for its version, then theirs alone, with versions that stand in reserve under their own names.  A
 * whole one would bring back weights and maintenance of the
 * past too.
 */
typedef void haproxy_dead_fn(void *ctx, const struct buf *state, const struct mf_err *err);
struct haproxy_job *haproxy_read_dead(struct loop *loop, const char *admin_socket,
				      haproxy_dead_fn *on_done, void *ctx);
#define HAPROXY_NO_DEAD "1\n" /* such a file with nobody in it */

void haproxy_cancel(struct haproxy_job *job); /* on_done is not called; NULL is fine */

#endif
