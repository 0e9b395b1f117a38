/*
 * Reading everything back from the worker, comparing it with what is wanted, and putting right what
 * differs; then reading it once more, to know.
 */
#include "apply/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/haproxy.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"

enum { SYNC_MUCH = 2000 }; /* entries */

struct live_sync {
	bool is_again;	/* the repair has been made */
	char *text;	/* the whole reply */
	char *backends; /* within it, as are the following */
	char *servers;
	char *maps[ROUTING_MAP_COUNT];
	struct routing *routing;
	struct live_map_diff diffs[ROUTING_MAP_COUNT];
};

static void read_all(struct live *live);

/* --- who answers ----------------------------------------------------------------------------- */

static bool has_add_backend(const char *version)
{
	char *dot = NULL;
	long major = strtol(version, &dot, 10);

	return major > 3 || (major == 3 && *dot == '.' && strtol(dot + 1, NULL, 10) >= 4);
}

void live_on_show_info(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	struct haproxy_info info = {.pid = 0};

	(void)len;
	if (!haproxy_parse_info(reply, &info)) {
		live_complain_of(live, step, reply);
		return;
	}
	if (info.pid != live->pid || info.uptime_s < live->uptime) {
		live_complain(live, "HAProxy's process is another one than before");
		(void)snprintf(live->version, sizeof(live->version), "%s", info.version);
		live->can_add_backends = has_add_backend(info.version);
	}
	live->pid = info.pid;
	live->uptime = info.uptime_s;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void drop_reading(struct live_sync *sync)
{
	for (size_t i = 0; i < ROUTING_MAP_COUNT; i++)
		live_map_diff_fini(&sync->diffs[i]);
	free(sync->text);
	sync->text = NULL;
}

void live_stop_sync(struct live *live)
{
	if (live->sync == NULL)
		return;
	drop_reading(live->sync);
	live_script_clear(&live->later);
	routing_free(live->sync->routing);
	free(live->sync);
	live->sync = NULL;
}

static void end_sync(struct live *live, int code, const char *words)
{
	live_stop_sync(live);
	live_finish(live, code, words);
}

void live_start_sync(struct live *live)
{
	live_script_clear(&live->script);
	live_lose(live);
	live->result.resynced = true;
	live->sync = MEM_NEW(live->sync);
	live->sync->routing = routing_new(live->doing);
	live_collect_abandon(live, true);
	read_all(live);
}

/* --- comparing ------------------------------------------------------------------------------- */

static void forget_worker(struct live *live)
{
	strmap_free(live->backends);
	strmap_free(live->generations);
	strmap_free(live->held);
	strmap_free(live->missing);
	strmap_free(live->waiting);
	strmap_free(live->leaving);
	live->backends = strmap_new(NULL);
	live->generations = strmap_new(free);
	live->held = strmap_new(free);
	live->missing = strmap_new(free);
	live->waiting = strmap_new(free);
	live->leaving = strmap_new(NULL);
	buf_clear(&live->changed);
	buf_clear(&live->broken);
}

/* `show backend`: "# name", then one in each line. */
static void note_backends(struct live *live, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		if (*line != '#')
			strmap_set(live->backends, line, live);
}

static void note_generations(struct live *live)
{
	strmap_free(live->generations);
	live->generations = strmap_new(free);
	live->live_entries = 0;
	for (size_t i = 0; i < live->doing->env_count; i++) {
		const struct env *env = live->doing->envs[i];
		struct live_generation *generation = MEM_NEW(generation);
		struct routing_entry entry;

		live_env_generation(env, &entry);
		generation->entries = live_env_entries(env);
		live->live_entries += generation->entries;
		strmap_set(live->generations, entry.value, generation);
	}
	live->entries = live->live_entries;
}

static void compare_all(struct live *live, bool repair)
{
	struct live_sync *sync = live->sync;

	if (repair)
		forget_worker(live);
	note_backends(live, sync->backends);
	live_compare_servers(live, sync->servers, repair);
	note_generations(live);
	/* Environments before the others: they tell which generations are held. */
	live_map_compare(live, sync->routing, ROUTING_ENVIRONMENTS,
			 sync->maps[ROUTING_ENVIRONMENTS], &sync->diffs[ROUTING_ENVIRONMENTS]);
	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		if (map != ROUTING_ENVIRONMENTS)
			live_map_compare(live, sync->routing, (enum routing_map)map,
					 sync->maps[map], &sync->diffs[map]);
}

/*
 * Whether a reload is needed anyway that brings nearly all of what is missing: most environments
 * wait for it.  Not twice of the same worker: it may never come.
 */
static bool is_worth_waiting(const struct live *live)
{
	size_t missing = 0;

	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		missing += live->sync->diffs[map].missing_count;
	return missing > SYNC_MUCH && strmap_count(live->missing) != 0 &&
	       strmap_count(live->held) > live->doing->env_count / 2 &&
	       live->waited_pid != live->pid;
}

static void wait_for_reload(struct live *live)
{
	live_script_clear(&live->script);
	live->result = (struct live_result){.resynced = true};
	live->is_waiting = true;
	live->waited_pid = live->pid;
	end_sync(live, 0, "");
}

/* --- repairing ------------------------------------------------------------------------------- */

static bool go_on(struct live *live, int code)
{
	if (code != 0)
		end_sync(live, code, live->err.msg);
	else if (live->is_holding)
		live_put_off(live);
	return code == 0 && !live->is_holding;
}

static void on_repaired(struct live *live, int code)
{
	if (!go_on(live, code))
		return;
	drop_reading(live->sync);
	live->sync->is_again = true;
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

/* "New version created: 3" */
static void on_version(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	struct live_map_diff *diff = (struct live_map_diff *)(uintptr_t)step->object;
	const char *digits = strstr(reply, ": ");
	int64_t version;

	(void)len;
	if (digits == NULL || !str_parse_int(digits + 2, 1, INT32_MAX, &version))
		live_complain_of(live, step, reply);
	else
		diff->version = (unsigned)version;
}

/*
 * New servers at once, as the maps may lead to them; then the maps, some of which may need a
 * version; then the servers that go, as the maps no longer lead to them.
 */
static void repair(struct live *live)
{
	struct live_sync *sync = live->sync;

	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		if (sync->diffs[map].is_bulk)
			live_add(live, on_version, &sync->diffs[map], "prepare", "map",
				 live_map_path((enum routing_map)map));
	live_send(live, on_prepared);
}

/* --- reading --------------------------------------------------------------------------------- */

static void on_read(struct live *live, int code)
{
	struct live_sync *sync = live->sync;

	sync->text = live->reply;
	live->reply = NULL;
	if (!go_on(live, code))
		return;
	live->is_wrong = false; /* it may be another process: that is why all is read */
	buf_clear(&live->complaint);
	compare_all(live, !sync->is_again);
	if (!live->is_wrong) {
		live->is_synced = true;
		end_sync(live, 0, "");
	} else if (!sync->is_again && is_worth_waiting(live)) {
		wait_for_reload(live);
	} else if (!sync->is_again) {
		repair(live);
	} else {
		live->is_synced = true;
		buf_clear(&live->broken);
		buf_add_str(&live->broken, buf_str(&live->complaint));
		end_sync(live, MF_EDATA, buf_str(&live->broken));
	}
}

static void on_text(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	(void)live;
	(void)len;
	*(char **)(uintptr_t)step->object = reply;
}

static void read_all(struct live *live)
{
	struct live_sync *sync = live->sync;

	live_add(live, live_on_show_info, NULL, "show", "info");
	live_add(live, on_text, &sync->backends, "show", "backend");
	live_add(live, on_text, &sync->servers, "show", "servers", "state");
	for (int map = 0; map < ROUTING_MAP_COUNT; map++)
		live_add(live, on_text, &sync->maps[map], "show", "map",
			 live_map_path((enum routing_map)map));
	live_send(live, on_read);
}
