/*
 * Backends kept in reserve: which version stands in which of them.  Each is empty when HAProxy
 * starts, and again when the servers of the version that stood in it have been deleted.  Sends
 * nothing but the entries of their map.
 */
#include "apply/live_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/backend.h"
#include "model/table.h"
#include "sys/loop.h"

enum {
	SPARES_FEW = 4,	   /* when no more than one of so many is free */
	SPARES_FOR_NEW = 8 /* one of so many is for services that stand in none */
};

/*
 * A request that has found no connection waits, and tries again, in the backend that it was sent
 * to, whatever stands there by then: up to four times timeout connect and three times a second.
 */
enum {
	REST_US = 15 * 1000 * 1000,
	ASK_US = 2 * 1000 * 1000, /* after which the worker is asked whether somebody waits */
	ASK_MAX = 8,		  /* with one change */
};

struct live_spare {
	uint64_t kind;
	char *backend;	 /* that stands in it; NULL: none */
	bool is_entered; /* and the map says so */
	size_t servers;	 /* that it has, for whatever stands or stood in it */
	char name[];
};

static struct live_spare *carrier_of(const struct live_worker *worker, const char *backend)
{
	return strmap_find(worker->carried, backend);
}

/* --- what the worker says --------------------------------------------------------------------- */

static void free_spare(void *spare)
{
	free(((struct live_spare *)spare)->backend);
	free(spare);
}

struct strmap *live_spares_new(void)
{
	return strmap_new(free_spare);
}

static void carry(struct live *live, struct live_spare *spare, const char *backend)
{
	spare->backend = mem_dup_str(backend);
	strmap_set(live->worker.carried, backend, spare);
	strmap_set(live->worker.backends, backend, live);
}

static void put_down(struct live *live, struct live_spare *spare)
{
	(void)strmap_del(live->worker.carried, spare->backend);
	(void)strmap_del(live->worker.backends, spare->backend);
	free(spare->backend);
	spare->backend = NULL;
	spare->is_entered = false;
}

void live_note_spare(struct live *live, const char *name)
{
	struct live_spare *spare;
	size_t len = strlen(name);
	uint64_t kind;

	if (!section_is_spare(span_of(name), &kind))
		return;
	spare = mem_alloc(sizeof(*spare) + len + 1);
	spare->kind = kind;
	memcpy(spare->name, name, len + 1);
	strmap_set(live->worker.spares, name, spare);
}

/* A configuration that is not ours may have no such map; then nothing can stand in reserve. */
void live_note_carried(struct live *live, char *text)
{
	struct live_worker *worker = &live->worker;
	struct live_map_item item;

	if (*text != '\0' && !str_has_prefix(text, "0x")) {
		strmap_free(worker->spares);
		worker->spares = live_spares_new();
	}
	while (live_next_map_line(&text, &item)) {
		struct live_spare *spare = strmap_find(worker->spares, item.value);

		if (spare != NULL && spare->backend == NULL &&
		    strmap_find(worker->backends, item.key) == NULL) {
			carry(live, spare, item.key);
			spare->is_entered = true;
			continue;
		}
		live_complain(live, "HAProxy's map of spares has \"%s %s\", which leads nowhere",
			      item.key, item.value);
		live_move_entry(live, ROUTING_SPARES, item.key, item.value, NULL, LIVE_TAKE);
	}
}

/* "NAME,BACKEND,qcur,qmax,scur,...": whether it has requests, also ones that wait. */
static bool is_busy(struct span line)
{
	const char *at = line.at, *end = line.at + line.len;

	for (int i = 0; i < 4 && at != NULL; i++) {
		at = memchr(at, ',', (size_t)(end - at));
		at = at == NULL ? NULL : at + 1;
	}
	return at != NULL && at != end && *at != '0';
}

static void note_left(struct live_worker *worker, const struct live_spare *spare)
{
	int64_t *at = MEM_NEW(at);

	*at = loop_now_us();
	strmap_set(worker->left, spare->name, at);
}

void live_note_busy(struct live_worker *worker, const char *stat)
{
	struct span rest = span_of(stat), line;

	worker->left = strmap_new(free);
	while (span_take_line(&rest, &line)) {
		const struct live_spare *spare =
		    strmap_find_bytes(worker->spares, line.at, strcspn(line.at, ",\n"));

		if (spare != NULL && spare->backend == NULL && is_busy(line))
			note_left(worker, spare);
	}
}

/* A place that has been left, and in which nobody waits, is as good as new. */
static void on_left(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	struct span rest = {reply, len}, line;

	(void)step;
	while (span_take_line(&rest, &line)) {
		const char *end = memchr(line.at, ',', line.len);
		mem_auto_free char *name = NULL;

		if (end == NULL || *line.at == '#' || is_busy(line))
			continue;
		name = mem_dup_bytes(line.at, (size_t)(end - line.at));
		(void)strmap_del(live->worker.left, name);
	}
}

void live_ask_left(struct live *live)
{
	void *cursor = NULL, *value;
	const char *name;
	int64_t now = loop_now_us();
	unsigned asked = 0;

	while (asked < ASK_MAX && strmap_next(live->worker.left, &cursor, &name, &value)) {
		int64_t rested = now - *(const int64_t *)value;

		if (rested < ASK_US || rested > REST_US)
			continue;
		live_add(live, on_left, NULL, "show", "stat", name, "2", "-1");
		asked++;
	}
}

void live_count_server(struct live_worker *worker, const char *server, bool is_more)
{
	struct live_spare *spare = strmap_find_bytes(worker->spares, server, strcspn(server, "/"));

	if (spare != NULL && is_more)
		spare->servers++;
	else if (spare != NULL && spare->servers > 0)
		spare->servers--;
}

void live_set_count(struct live_worker *worker, struct span backend, size_t servers)
{
	struct live_spare *spare = strmap_find_bytes(worker->spares, backend.at, backend.len);

	if (spare != NULL)
		spare->servers = servers;
}

/* --- names ------------------------------------------------------------------------------------ */

const char *live_worker_name(const struct live_worker *worker, const char *backend)
{
	const struct live_spare *spare = carrier_of(worker, backend);

	return spare == NULL ? backend : spare->name;
}

struct span live_carried_by(const struct live_worker *worker, struct span name)
{
	const struct live_spare *spare = strmap_find_bytes(worker->spares, name.at, name.len);

	return spare == NULL ? name : span_of(spare->backend == NULL ? "" : spare->backend);
}

/* --- taking and leaving ----------------------------------------------------------------------- */

static bool has_name(const struct backend *backend)
{
	for (size_t i = 0; i < backend->instance_count; i++)
		if (backend->instances[i]->is_name)
			return true;
	return false;
}

/* When a version has left it; 0: nobody can be waiting in it any more, or ever was. */
static int64_t left_at(const struct live_worker *worker, const struct live_spare *spare)
{
	const int64_t *at = strmap_find(worker->left, spare->name);

	return at == NULL ? 0 : *at;
}

static bool is_free(const struct live_worker *worker, const struct live_spare *spare)
{
	int64_t left = left_at(worker, spare);

	return spare->backend == NULL && spare->servers == 0 &&
	       (left == 0 || loop_now_us() - left > REST_US);
}

/* Whether another version of its service stands in it. */
static bool is_of_service(const struct live_spare *spare, const struct backend *backend)
{
	size_t len = strlen(backend->name) - strlen(backend->version);

	return spare->backend != NULL && strncmp(spare->backend, backend->name, len) == 0 &&
	       strchr(spare->backend + len, ':') == NULL;
}

/* The one that is free for the longest time; else says why there is none.  backend: who asks, if
 * the last ones are to be for services that stand in none; or NULL. */
static struct live_spare *find_free(const struct live_worker *worker, uint64_t kind,
				    const struct backend *backend, const char **ret_why)
{
	void *cursor = NULL, *value;
	const char *name;
	struct live_spare *found = NULL;
	size_t all = 0, left = 0;
	bool has_others = false;

	*ret_why = "none in reserve has its settings";
	while (strmap_next(worker->spares, &cursor, &name, &value)) {
		struct live_spare *spare = value;

		if (spare->kind != kind)
			continue;
		*ret_why = "the reserve is used up";
		all++;
		has_others = has_others || (backend != NULL && is_of_service(spare, backend));
		if (!is_free(worker, spare))
			continue;
		left++;
		if (found == NULL || left_at(worker, spare) < left_at(worker, found))
			found = spare;
	}
	if (!has_others || left == 0 || left > all / SPARES_FOR_NEW)
		return found;
	*ret_why = "its service has used its part of the reserve up";
	return NULL;
}

static struct live_spare *find_described(const struct live *live, const struct backend *backend,
					 const struct live_described *described,
					 const char **ret_why)
{
	if (!described->is_good)
		*ret_why = "it cannot be rendered";
	else if (described->section.is_static)
		*ret_why = "its way to balance takes no servers while HAProxy runs";
	else if (described->options.unknown[0] != '\0')
		*ret_why = "HAProxy gives its servers their options only when it starts";
	else
		return find_free(&live->worker, described->section.kind, backend, ret_why);
	return NULL;
}

/* Another version of the service that was described last: most likely of the same kind. */
static bool is_like_last(const struct live *live, const struct backend *backend)
{
	const struct live_described *last = &live->described;
	size_t len = strlen(backend->name) - strlen(backend->version);

	return last->name != NULL && last->settings == backend->settings &&
	       strncmp(last->name, backend->name, len) == 0 &&
	       strchr(last->name + len, ':') == NULL;
}

/*
 * At a start there may be a thousand versions for a reserve of a few: when there is none for one,
 * the next one of its service is not rendered to be told the same.
 */
bool live_take_spare(struct live *live, const struct backend *backend, const char **ret_why)
{
	struct live_spare *spare;

	*ret_why = "";
	if (strmap_count(live->worker.spares) == 0)
		return false;
	*ret_why = "it has a host name";
	if (has_name(backend) || (is_like_last(live, backend) &&
				  find_described(live, backend, &live->described, ret_why) == NULL))
		return false;
	spare = find_described(live, backend, live_describe(live, backend), ret_why);
	if (spare != NULL)
		carry(live, spare, backend->name);
	return spare != NULL;
}

bool live_change_spare(struct live *live, const struct backend *backend)
{
	struct live_spare *spare = carrier_of(&live->worker, backend->name), *other;
	const char *why;

	if (spare == NULL || spare->is_entered)
		return false;
	other = find_free(&live->worker, spare->kind, NULL, &why);
	if (other == NULL)
		return false;
	put_down(live, spare);
	carry(live, other, backend->name);
	return true;
}

bool live_enter_spare(struct live *live, const struct backend *backend)
{
	struct live_spare *spare = carrier_of(&live->worker, backend->name);

	if (spare == NULL || spare->is_entered)
		return false;
	live_move_entry(live, ROUTING_SPARES, backend->name, NULL, spare->name, LIVE_PUT);
	spare->is_entered = true;
	live->result.backend_changes++;
	return true;
}

void live_leave_spare(struct live *live, const char *backend)
{
	struct live_spare *spare = carrier_of(&live->worker, backend);

	if (spare == NULL)
		return;
	live_move_entry(live, ROUTING_SPARES, backend, spare->name, NULL, LIVE_TAKE);
	put_down(live, spare);
	note_left(&live->worker, spare);
	live->result.backend_changes++;
}

bool live_leave_idle_spares(struct live *live, const struct snapshot *snapshot)
{
	void *cursor = NULL, *value;
	const char *name;
	bool has_left = false;

	while (strmap_next(live->worker.spares, &cursor, &name, &value)) {
		const struct live_spare *spare = value;
		const struct backend *backend =
		    spare->backend == NULL ? NULL
					   : snapshot_find_backend_named(snapshot, spare->backend);

		if (spare->backend == NULL || (backend != NULL && backend->instance_count != 0))
			continue;
		live_leave_spare(live, spare->backend);
		has_left = true;
	}
	return has_left;
}

/* --- how many are left ------------------------------------------------------------------------ */

/* Of one kind: a reload is worth it that empties half of them. */
static bool are_few(size_t all, size_t left, size_t carrying)
{
	return carrying * 2 >= all && left * SPARES_FEW <= all && all != 0;
}

bool live_has_few_spares(const struct live_worker *worker)
{
	void *cursor = NULL, *value;
	const char *name;
	uint64_t kind = 0;
	size_t all = 0, left = 0, carrying = 0;

	/* Those of one kind follow one another. */
	while (strmap_next(worker->spares, &cursor, &name, &value)) {
		const struct live_spare *spare = value;

		if (spare->kind != kind) {
			if (are_few(all, left, carrying))
				return true;
			kind = spare->kind;
			all = left = carrying = 0;
		}
		all++;
		left += is_free(worker, spare);
		carrying += spare->backend != NULL;
	}
	return are_few(all, left, carrying);
}
