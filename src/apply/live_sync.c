/*
 * Reading everything back from the worker, comparing it with the target, and repairing what
 * differs; then reading it once more, to verify the repair.
 *
 * It is read piece by piece, so that neither much memory is needed nor anybody has to wait long.
 * Backends and environments come first: they say which environments wait for a reload, and these
 * keep their servers and their entries.  A worker that is read because time has passed is most
 * likely as it was: then digests of its maps say so, and nothing need be compared but the servers.
 */
#include "apply/live_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/haproxy.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"

enum {
	SYNC_MUCH = 2000, /* entries */
	SYNC_TRIES = 3,
};

/* Servers, which say how many seconds they have been so, have no digest. */
struct live_seen {
	struct snapshot *snapshot; /* what all of it was right for */
	uint64_t backends, maps[ROUTING_MAP_COUNT];
};

/* What the reading that is in progress is for. */
enum sync_phase {
	SYNC_VERIFY, /* digests: is all as it was? */
	SYNC_READ,   /* what is to be repaired? */
	SYNC_AGAIN,  /* has the repair been made? */
};

struct live_sync {
	enum sync_phase phase;
	bool is_wrong; /* something was, in what has been read so far ... */
	struct buf complaint;
	unsigned tries; /* to read all of it from one process */
	size_t next;	/* what is read next, in read_order */
	char *backends; /* within the reply, as are the following */
	char *spares;
	char *stat;
	char *servers;
	char *map;
	char *texts[ROUTING_MAP_COUNT]; /* replies that diffs point into */
	struct live_script repair;	/* of servers: to be sent when all has been read */
	struct routing *routing;
	struct live_map_diff diffs[ROUTING_MAP_COUNT];
	struct live_seen seen; /* so far; snapshot is not used */
};

/* A map, the first together with the backends; or all servers. */
enum { READ_SERVERS = ROUTING_MAP_COUNT };
static const int read_order[] = {
    ROUTING_ENVIRONMENTS, READ_SERVERS,	 ROUTING_CHOICES, ROUTING_ROUTES,
    ROUTING_VERSIONS,	  ROUTING_NAMES, ROUTING_HEADERS, ROUTING_HOSTS,
};
enum { READ_COUNT = sizeof(read_order) / sizeof(read_order[0]) };
static_assert(READ_COUNT == (int)ROUTING_MAP_COUNT, "read_order"); /* spares: with the first */

static void read_all(struct live *live);
static void read_next(struct live *live);
static void read_anew(struct live *live);

/* --- beginning and end ----------------------------------------------------------------------- */

static void drop_reading(struct live_sync *sync)
{
	for (size_t i = 0; i < ROUTING_MAP_COUNT; i++) {
		live_map_diff_fini(&sync->diffs[i]);
		free(sync->texts[i]);
		sync->texts[i] = NULL;
	}
	buf_fini(&sync->repair.text);
	free(sync->repair.steps);
	sync->repair = (struct live_script){.count = 0};
	buf_clear(&sync->complaint);
	sync->is_wrong = false;
}

void live_stop_sync(struct live *live)
{
	if (live->sync == NULL)
		return;
	drop_reading(live->sync);
	live_script_clear(&live->later);
	buf_fini(&live->sync->complaint);
	routing_free(live->sync->routing);
	free(live->sync);
	live->sync = NULL;
}

void live_seen_free(struct live_seen *seen)
{
	if (seen == NULL)
		return;
	snapshot_unref(seen->snapshot);
	free(seen);
}

static void end_sync(struct live *live, int code, const char *reason)
{
	live_stop_sync(live);
	live_finish(live, code, reason);
}

static void begin(struct live *live, enum sync_phase phase)
{
	live_set_phase(live, LIVE_SYNCING);
	live_script_clear(&live->script);
	live->sync = MEM_NEW(live->sync);
	live->sync->phase = phase;
	live->result.resynced = true;
	if (phase != SYNC_VERIFY) {
		live_distrust(live);
		live->sync->routing = routing_new(live->target);
		live_collect_abandon(live, true);
	}
	read_all(live);
}

void live_start_sync(struct live *live)
{
	begin(live, SYNC_READ);
}

void live_start_verify(struct live *live)
{
	bool was_seen = live->seen != NULL && live->seen->snapshot == live->target &&
			live->applied == live->target && live->collect == NULL;

	begin(live, was_seen ? SYNC_VERIFY : SYNC_READ);
}

/* --- comparing ------------------------------------------------------------------------------- */

static uint64_t digest(const char *text)
{
	return str_hash_words(STR_HASH_INIT, text, strlen(text));
}

/* What was wrong with what has been read by now is kept: the next script begins with none. */
static void keep_complaint(struct live *live)
{
	struct live_sync *sync = live->sync;

	if (live->is_wrong && sync->complaint.len == 0)
		buf_add_str(&sync->complaint, buf_str(&live->complaint));
	sync->is_wrong = sync->is_wrong || live->is_wrong;
}

static void compare_backends(struct live *live)
{
	struct live_sync *sync = live->sync;

	sync->seen.backends = digest(sync->backends);
	sync->seen.maps[ROUTING_SPARES] = digest(sync->spares);
	if (sync->phase == SYNC_VERIFY)
		return;
	if (sync->phase == SYNC_READ) {
		live_worker_forget(&live->worker);
		buf_clear(&live->broken);
	}
	live_note_backends(live, sync->backends, sync->spares, sync->stat);
	live_worker_note_envs(&live->worker, live->target);
}

/* Commands that repair servers wait until all maps have been read, too. */
static void compare_servers(struct live *live)
{
	struct live_sync *sync = live->sync;
	bool is_repair = sync->phase == SYNC_READ;

	live_compare_servers(live, sync->servers, is_repair ? LIVE_REPAIR : LIVE_VERIFY);
	if (is_repair) {
		sync->repair = live->script;
		live->script = (struct live_script){.count = 0};
	}
}

static void compare_map(struct live *live, enum routing_map map)
{
	struct live_sync *sync = live->sync;
	struct live_map_diff *diff = &sync->diffs[map];

	sync->seen.maps[map] = digest(sync->map);
	if (sync->phase == SYNC_VERIFY)
		return;
	live_map_compare(live, sync->routing, map, sync->map, diff);
	if (diff->item_count == 0)
		return;
	sync->texts[map] = live->reply;
	live->reply = NULL;
}

static void compare(struct live *live)
{
	int what = read_order[live->sync->next];

	if (what == READ_SERVERS) {
		compare_servers(live);
		return;
	}
	if (what == ROUTING_ENVIRONMENTS)
		compare_backends(live);
	compare_map(live, (enum routing_map)what);
}

/*
 * Whether a reload is needed anyway that brings nearly all of what is missing: most environments
 * wait for it.  Not twice of the same worker: it may never come.
 */
static bool is_worth_waiting(const struct live *live)
{
	size_t missing = 0;

	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		missing += live->sync->diffs[map].counts[LIVE_MAP_MISSING];
	return missing > SYNC_MUCH && strmap_count(live->worker.missing) != 0 &&
	       strmap_count(live->worker.deferred) > live->target->env_count / 2 &&
	       live->waited_pid != live->worker.pid;
}

static void wait_for_reload(struct live *live)
{
	live_script_clear(&live->script);
	live->result = (struct live_result){.resynced = true};
	live_set_phase(live, LIVE_WAITING);
	live->waited_pid = live->worker.pid;
	end_sync(live, 0, "");
}

/* --- repairing ------------------------------------------------------------------------------- */

static bool go_on(struct live *live, int code)
{
	if (code != 0) {
		live_distrust(live);
		end_sync(live, code, live->err.msg);
	} else if (live->is_holding) {
		live_put_off(live);
	} else if (live->is_stopped) {
		read_anew(live);
	} else {
		return true;
	}
	return false;
}

static void on_repaired(struct live *live, int code)
{
	if (!go_on(live, code))
		return;
	drop_reading(live->sync);
	live->sync->phase = SYNC_AGAIN;
	read_all(live);
}

static void on_maps_repaired(struct live *live, int code)
{
	if (!go_on(live, code))
		return;
	if (live->later.count != 0)
		live_send_later(live, on_repaired);
	else
		on_repaired(live, 0);
}

static void repair_maps(struct live *live)
{
	struct live_sync *sync = live->sync;

	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		live_map_put(live, sync->routing, &sync->diffs[map]);
	for (int map = ROUTING_MAP_COUNT - 1; map >= 0; map--)
		live_map_take(live, &sync->diffs[map]);
	live_send(live, on_maps_repaired);
}

static void on_prepared(struct live *live, int code)
{
	/* What was refused so far is seen when all is read again. */
	if (go_on(live, code))
		repair_maps(live);
}

/*
 * New servers at once, as the maps may lead to them; then the maps, some of which may need a
 * version; then the servers that go, as the maps no longer lead to them.
 */
static void repair(struct live *live)
{
	struct live_sync *sync = live->sync;

	free(live->script.steps);
	buf_fini(&live->script.text);
	live->script = sync->repair;
	sync->repair = (struct live_script){.count = 0};
	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		if (sync->diffs[map].is_bulk)
			live_prepare_map(live, (enum routing_map)map, &sync->diffs[map].version);
	live_send(live, on_prepared);
}

/* --- reading --------------------------------------------------------------------------------- */

static void note_seen(struct live *live)
{
	struct live_seen *seen = MEM_NEW(seen);

	*seen = live->sync->seen;
	seen->snapshot = snapshot_ref(live->target);
	live_seen_free(live->seen);
	live->seen = seen;
}

static bool is_as_seen(const struct live *live)
{
	const struct live_seen *a = live->seen, *b = &live->sync->seen;

	return a->backends == b->backends && memcmp(a->maps, b->maps, sizeof(a->maps)) == 0;
}

static void end_verify(struct live *live)
{
	if (!live->sync->is_wrong && is_as_seen(live)) {
		end_sync(live, 0, "");
		return;
	}
	live_stop_sync(live);
	live_start_sync(live);
}

static void on_all_read(struct live *live)
{
	struct live_sync *sync = live->sync;

	if (sync->phase == SYNC_VERIFY) {
		end_verify(live);
	} else if (!sync->is_wrong) {
		live->is_synced = true;
		note_seen(live);
		end_sync(live, 0, "");
	} else if (sync->phase == SYNC_READ && is_worth_waiting(live)) {
		wait_for_reload(live);
	} else if (sync->phase == SYNC_READ) {
		repair(live);
	} else {
		live->is_synced = true;
		buf_clear(&live->broken);
		buf_add_str(&live->broken, buf_str(&sync->complaint));
		end_sync(live, MF_EDATA, buf_str(&live->broken));
	}
}

/* The first reading may be of another process than the last change; all others are of the same. */
static bool is_same_process(const struct live *live)
{
	return !live->is_wrong || (live->sync->next == 0 && live->sync->phase != SYNC_VERIFY);
}

static void read_anew(struct live *live)
{
	struct live_sync *sync = live->sync;

	if (sync->phase == SYNC_VERIFY) {
		live_stop_sync(live);
		live_start_sync(live);
	} else if (++sync->tries > SYNC_TRIES) {
		end_sync(live, MF_EUNAVAIL, "HAProxy's process is another one each time");
	} else {
		drop_reading(sync);
		live_script_clear(&live->later);
		sync->phase = SYNC_READ;
		read_all(live);
	}
}

static void on_read(struct live *live, int code)
{
	struct live_sync *sync = live->sync;

	if (!go_on(live, code))
		return;
	if (live->worker.pid == 0) {
		end_sync(live, MF_EUNAVAIL, buf_str(&live->complaint));
		return;
	}
	if (!is_same_process(live)) {
		read_anew(live);
		return;
	}
	live->is_wrong = false; /* it may be another process: that is why all is read */
	buf_clear(&live->complaint);
	compare(live);
	keep_complaint(live);
	free(live->reply);
	live->reply = NULL;
	if (++sync->next == READ_COUNT)
		on_all_read(live);
	else
		read_next(live);
}

static void on_text(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	(void)live;
	(void)len;
	*(char **)(uintptr_t)step->object = reply;
}

static void read_next(struct live *live)
{
	struct live_sync *sync = live->sync;
	int what = read_order[sync->next];

	if (what == ROUTING_ENVIRONMENTS) {
		live_add(live, on_text, &sync->backends, "show", "backend");
		live_add(live, on_text, &sync->spares, "show", "map",
			 live_map_path(ROUTING_SPARES));
		if (live->worker.left == NULL) /* of all its backends, and nothing else */
			live_add(live, on_text, &sync->stat, "show", "stat", "-1", "2", "-1");
	}
	if (what == READ_SERVERS)
		live_add(live, on_text, &sync->servers, "show", "servers", "state");
	else
		live_add(live, on_text, &sync->map, "show", "map",
			 live_map_path((enum routing_map)what));
	live_send_to_any(live, on_read);
}

static void read_all(struct live *live)
{
	live->sync->next = 0;
	read_next(live);
}
