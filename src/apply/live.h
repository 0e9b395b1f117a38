/*
 * The runtime driver: changes the running HAProxy without a reload.  Maps, servers and (from
 * HAProxy 3.4 on) backends are changed by the runtime API (management guide, section 9.3), over the
 * admin socket.
 *
 * A change is the difference between two snapshots, whose unchanged entries are the same pointers,
 * so that its cost does not grow with the model.  The state of the running worker is never guessed:
 * before the first change, and whenever the worker may be another one, maps and servers are read
 * back and compared with the desired snapshot, and differences are repaired.  Each batch of
 * commands is read back as well.
 *
 * An environment's switch is one `set map`: routes and versions of its new generation are added
 * first; the old generation's entries stay as garbage that no request reads, until they are worth a
 * bulk replacement of the map.
 *
 * A version that the worker has no backend for takes one of those kept in reserve, if what its own
 * section in haproxy.cfg says is what theirs says; an entry of the map `spares` leads there until
 * the next reload, which brings its own.  Its servers come before that entry, and the entry before
 * those that name the version.  What stands where is read back from the worker.
 *
 * An environment that needs a backend which the worker does not have
 * yet, but which has live instances, is deferred: it keeps its old choice until the reload that
 * brings the backend, so that no request falls between them.
 *
 * A server that comes, or is to take more, does so before another one goes or is to take less, so
 * that no backend is without one in between; and the last of a backend goes some time after the
 * environments that moved away from it, as a request may have read their old choice just before.
 * While an environment waits for a reload, the last server of its old choice stays.  A server that
 * goes is put into maintenance, drains, and is deleted when it is idle.  One that is down while
 * nothing checks it (a server-state file may say so) is set up.
 */
#ifndef MF_APPLY_LIVE_H
#define MF_APPLY_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct live;
struct loop;
struct mf_err;
struct settings;
struct snapshot;

struct live_result {
	struct snapshot *snapshot; /* the desired one, or one on the way there (live_set_desired);
				      borrowed during the call */
	int code;		   /* 0: in force, as far as needs_reload allows; MF_EUNAVAIL: no
				      HAProxy there; MF_ETIMEOUT; MF_EDATA: HAProxy refused or holds
				      something else, a reload must repair it */
	bool needs_reload;	   /* something waits for a reload ... */
	const char *reason;	   /* ... and why; or why code is not 0; else "" */
	size_t map_changes, server_changes, backend_changes;
	size_t carried;	 /* versions that stand in backends kept in reserve */
	bool resynced;	 /* all was read back */
	int64_t took_us; /* from live_set_desired to the answer that it is in force */
};

struct section;
struct section_options;

struct live_events {
	/*
	 * What haproxy.cfg says, or would say, of a backend and its servers; false: it cannot be
	 * rendered.
	 */
	bool (*describe)(void *ctx, const struct backend *backend, struct section *ret_section,
			 struct section_options *ret_options);
	/* A desired snapshot has been dealt with; a newer one may be in progress already. */
	void (*on_result)(void *ctx, const struct live_result *result);
};

/* settings is borrowed until live_free or live_set_settings. */
struct live *live_new(struct loop *loop, const struct settings *settings,
		      const struct live_events *events, void *ctx);
void live_set_settings(struct live *live, const struct settings *settings);
void live_free(struct live *live);

/*
 * Bring the running worker to this snapshot (a reference is kept); the newest one wins.  Begins at
 * once when nothing is in progress.  A large change of many environments comes in several turns
 * (live_turn.c), each with a result of its own, so that a small one never waits for all of it.
 */
void live_set_desired(struct live *live, struct snapshot *snapshot);

/*
 * The worker may be another one, or may have been changed by hand: read all back before the next
 * change, and repair what differs from the newest desired snapshot, now.
 */
void live_resync(struct live *live);

/*
 * Between the moment at which files for a reload are rendered and the end of that reload nothing is
 * changed; live_hold(live, false) resyncs.
 */
void live_hold(struct live *live, bool hold);

/*
 * A worker that lacks the backends of most environments is not given their entries, which the
 * reload that it needs brings as well (needs_reload): nothing is done until live_hold or
 * live_resync is called, or this: the reload will not come.
 */
void live_stop_waiting(struct live *live);

/* The HAProxy that answered last, as "2.6.12-1+deb12u4", "" before; and how many servers drain. */
const char *live_version(const struct live *live);
size_t live_draining(const struct live *live);

#endif
