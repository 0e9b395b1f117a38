/*
 * Servers and backends of the running worker: the operations that make them what is desired, from
 * the snapshot that was applied last (a change), or from what the worker says it has (a repair; or
 * to verify that there is nothing to do).  Knows nothing of maps.
 */
#include "apply/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/state.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/backend.h"
#include "model/service.h"
#include "model/table.h"

/* One backend, of which a difference is being taken. */
struct servers {
	struct live *live;
	enum live_mode mode;
	unsigned passes; /* of enum live_pass */
	struct state_backend backend;
	const struct backend *desired;	/* NULL: it is to be no more */
	struct section_options options; /* of its servers, where no template can be asked */
	bool is_kept; /* environments that wait for a reload still lead there, and nobody else is */
};

struct server_name {
	char text[512]; /* "<backend>/<server>": at most 196 and 259 bytes */
};

static struct server_name name_server(struct span backend, struct span server)
{
	struct server_name name;

	(void)snprintf(name.text, sizeof(name.text), "%.*s/%.*s", (int)backend.len, backend.at,
		       (int)server.len, server.at);
	return name;
}

static struct server_name name_of(const struct op *op)
{
	return name_server(op->in, op->name);
}

/* --- what a reload must do ------------------------------------------------------------------- */

static void wait_for_reload(struct live *live, const struct op *op)
{
	struct server_name name = name_of(op);
	bool is_gone = op->kind == OP_SERVER_REMOVE;
	char *reason =
	    op->obstacle == OP_BY_SOURCE
		? mem_printf("%s of server %s, whose version balances by source",
			     op->kind == OP_SERVER_ADD ? "the start" : "the weight", name.text)
		: mem_printf("server %s: %s", name.text,
			     op->obstacle == OP_FREE ? "it is to go when a host name has come"
			     : is_gone		     ? "it has a host name, and is to go"
						     : "it has a host name, and is new");

	strmap_set(live->worker.waiting, name.text, reason);
}

/* Whether a host name of the backend has yet to come by a reload. */
static bool has_name_to_come(const struct live *live, const struct backend *backend)
{
	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++) {
		const struct instance *instance = backend->instances[i];
		struct server_name name =
		    name_server(span_of(backend->name), span_of(instance->server));

		if (instance->is_name && strmap_find(live->worker.waiting, name.text) != NULL)
			return true;
	}
	return false;
}

/* --- operations ------------------------------------------------------------------------------ */

static void on_op(void *ctx, const struct op *op);

/* False: it is only to be verified that there is nothing to do. */
static bool put(struct servers *s, const struct op *op)
{
	if (s->mode != LIVE_CHANGE)
		live_complain_of_op(s->live, op);
	if (s->mode != LIVE_VERIFY)
		live_add_op(s->live, op);
	return s->mode != LIVE_VERIFY;
}

/* One that is about to go, and is desired again before it has gone, is still there. */
static bool call_back(struct servers *s, const struct op *op)
{
	struct server_name name = name_of(op);
	struct state_server from = *op->server;

	if (!strmap_del(s->live->worker.draining, name.text) &&
	    (op->obstacle != OP_FREE || !strmap_del(s->live->worker.waiting, name.text)))
		return false;
	from.is_maint = !from.is_maint;
	if (!s->backend.is_by_source)
		from.weight = span_of("");
	state_diff_server(&s->backend, &from, op->server, on_op, s);
	return true;
}

/*
 * Servers that are added without an id share one place on the ring of `balance random`, where all
 * but one of them get no request.  By name, so that it is the same each time; one that another
 * server has is refused, and a reload brings the server.
 */
static unsigned server_id(const char *name)
{
	enum { FILES_OWN = 100000, MAX = INT32_MAX }; /* those of files count from 1 */

	return FILES_OWN +
	       (unsigned)(str_hash(STR_HASH_INIT, name, strlen(name)) % (MAX - FILES_OWN));
}

/* What a check is to be, where no template can be asked. */
static void set_check(struct section_options *options, const struct service *settings)
{
	*options =
	    (struct section_options){.has_check = settings != NULL && settings->check[0] != '\0'};
	if (options->has_check)
		(void)snprintf(options->words, sizeof(options->words), "check inter %lldms",
			       (long long)settings->check_interval);
}

/* What a file would give the servers of this backend. */
static const struct section_options *options_of(struct servers *s)
{
	const struct live_described *described =
	    s->desired == NULL ? NULL : live_describe(s->live, s->desired);

	if (described != NULL && described->is_good)
		return &described->options;
	set_check(&s->options, s->desired == NULL ? NULL : s->desired->settings);
	return &s->options;
}

static void add_server(struct servers *s, const struct op *op)
{
	struct live *live = s->live;
	const struct section_options *options = options_of(s);
	struct server_name name = name_of(op);
	buf_auto struct buf address = BUF_INIT;
	char weight[16], id[16];

	if (options->unknown[0] != '\0') {
		strmap_set(live->worker.waiting, name.text,
			   mem_printf("server %s: only a reload gives it the option %s", name.text,
				      options->unknown));
		return;
	}
	if (s->mode != LIVE_CHANGE)
		live_complain_of_op(live, op);
	if (s->mode == LIVE_VERIFY)
		return;
	state_add_address(op->server, &address);
	(void)snprintf(weight, sizeof(weight), "%u", state_weight(op->server));
	(void)snprintf(id, sizeof(id), "%u", server_id(name.text));
	live_add_phrase(live, live_expect_prefix, "New server registered", options->words, "add",
			"server", name.text, buf_str(&address), "weight", weight, "id", id);
	if (options->has_check)
		live_add(live, live_expect_nothing, NULL, "enable", "health", name.text);
	if (!op->server->is_maint)
		live_add(live, live_expect_nothing, NULL, "enable", "server", name.text);
	live_count_server(&live->worker, name.text, true);
	live->result.server_changes++;
}

/* The name is the command's last word. */
static void on_deleted(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	const char *command = live->script.text.data + step->at + strlen("del server ");
	mem_auto_free char *server = mem_dup_bytes(command, strcspn(command, "\n"));

	(void)len;
	if ((str_has_prefix(reply, "Server deleted") || str_has_prefix(reply, "No such ")) &&
	    strmap_del(live->worker.draining, server))
		live_count_server(&live->worker, server, false);
}

/* It takes no request any more, and is deleted when it has ended those that it has. */
static void remove_server(struct servers *s, const struct op *op)
{
	struct live *live = s->live;
	struct server_name name = name_of(op);
	struct op maint = *op;
	bool is_first = s->mode == LIVE_CHANGE || !op->server->is_maint;

	maint.kind = OP_SERVER_MAINT;
	if (op->obstacle != OP_FREE) {
		if (op->server->is_maint || put(s, &maint))
			wait_for_reload(live, op);
		return;
	}
	if (is_first && !put(s, &maint))
		return;
	if (is_first) {
		live_add(live, on_deleted, NULL, "del", "server", name.text);
		live->drain_ms = 0;
	}
	strmap_set(live->worker.draining, name.text, live);
}

static void on_remove(struct servers *s, const struct op *op)
{
	struct live *live = s->live;
	struct server_name name = name_of(op);
	bool is_waiting = strmap_find(live->worker.waiting, name.text) != NULL;

	if (s->mode != LIVE_CHANGE &&
	    (is_waiting || strmap_find(live->worker.draining, name.text) != NULL))
		return;
	if (is_waiting && strmap_del(live->worker.waiting, name.text) &&
	    (s->backend.is_by_source || op->obstacle == OP_BY_NAME ||
	     options_of(s)->unknown[0] != '\0'))
		return; /* it has never come */
	/* What replaces it may not be there yet. */
	if (op->server->is_fixed && has_name_to_come(live, s->desired))
		wait_for_reload(live, op);
	else if (s->is_kept && !s->backend.is_by_source && op->obstacle == OP_FREE)
		strmap_set(live->worker.draining, name.text, live);
	else
		remove_server(s, op);
}

static void on_op(void *ctx, const struct op *op)
{
	struct servers *s = ctx;

	if (op->kind == OP_SERVER_REMOVE) {
		on_remove(s, op);
	} else if (op->kind == OP_SERVER_ADD && call_back(s, op)) {
		return;
	} else if (op->obstacle != OP_FREE) {
		wait_for_reload(s->live, op);
	} else if (op->kind == OP_SERVER_ADD) {
		add_server(s, op);
	} else if (op->kind != OP_SERVER_REVIVE || s->mode != LIVE_VERIFY) {
		/* One whose health follows another's cannot be brought to life. */
		(void)put(s, op);
	}
}

/*
 * Who is to take more comes at once, before the maps change; who is to take less goes when they
 * have changed, as they may have led there.
 */
static void diff_pair(struct servers *s, const struct state_server *from,
		      const struct state_server *to)
{
	bool is_comer = to != NULL && (from == NULL || state_share(to) >= state_share(from));
	struct live_script *out = s->live->out;

	if ((s->passes & (is_comer ? LIVE_COMERS : LIVE_LEAVERS)) == 0)
		return;
	s->live->out = is_comer ? &s->live->script : &s->live->later;
	state_diff_server(&s->backend, from, to, on_op, s);
	s->live->out = out;
}

void live_delete_again(struct live *live)
{
	void *cursor = NULL, *value;
	const char *server;

	live->out = &live->later;
	while (strmap_next(live->worker.draining, &cursor, &server, &value))
		live_add(live, on_deleted, NULL, "del", "server", server);
	live_drop_again(live);
	live->out = &live->script;
}

void live_drain_again(struct live *live)
{
	void *cursor = NULL, *value;
	const char *server;

	if (strmap_count(live->worker.deferred) == 0)
		(void)live_leave_idle_spares(live, live->applied);
	while (strmap_next(live->worker.draining, &cursor, &server, &value)) {
		if (strmap_count(live->worker.deferred) == 0) { /* one may have been kept */
			live_add(live, live_expect_nothing, NULL, "set", "server", server, "state",
				 "maint");
			live->result.server_changes++;
		}
		live_add(live, on_deleted, NULL, "del", "server", server);
	}
	live_drop_again(live);
}

static bool has_share(const struct backend *backend)
{
	struct state_server server;

	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++) {
		state_server_fill(backend->instances[i], &server);
		if (state_share(&server) != 0)
			return true;
	}
	return false;
}

/* --- a change: from the snapshot that was applied last ---------------------------------------- */

static int compare_instances(const void *a, const void *b)
{
	return strcmp((*(struct instance *const *)a)->server,
		      (*(struct instance *const *)b)->server);
}

static void on_servers(void *ctx, const void *from, const void *to)
{
	struct state_server old, new;

	if (from != NULL)
		state_server_fill(*(struct instance *const *)from, &old);
	if (to != NULL)
		state_server_fill(*(struct instance *const *)to, &new);
	diff_pair(ctx, from == NULL ? NULL : &old, to == NULL ? NULL : &new);
}

static void walk_servers(struct live *live, const struct backend *from, const struct backend *to,
			 unsigned passes, bool is_kept)
{
	struct servers s = {
	    .live = live, .mode = LIVE_CHANGE, .passes = passes, .desired = to, .is_kept = is_kept};
	const struct backend *either = to == NULL ? from : to;

	if (either == NULL)
		return;
	state_backend_fill(either, &s.backend);
	s.backend.name = span_of(live_worker_name(&live->worker, either->name));
	walk_pairs(from == NULL ? NULL : from->instances, from == NULL ? 0 : from->instance_count,
		   to == NULL ? NULL : to->instances, to == NULL ? 0 : to->instance_count,
		   sizeof(struct instance *), compare_instances, on_servers, &s);
}

void live_add_servers(struct live *live, const struct backend *backend)
{
	walk_servers(live, NULL, backend, LIVE_COMERS, false);
}

struct backend_walk {
	struct live *live;
	void (*on_pair)(struct backend_walk *walk, const struct backend *from,
			const struct backend *to);
	bool is_emptying; /* some backend loses all who took requests */
};

static void change_backend(struct backend_walk *walk, const struct backend *from,
			   const struct backend *to)
{
	struct live *live = walk->live;

	if (to == NULL || to->instance_count == 0)
		(void)strmap_del(live->worker.missing, to == NULL ? from->name : to->name);
	if (to == NULL)
		return;
	if (from != NULL && !live_are_equal_settings(from->settings, to->settings)) {
		buf_clear(&live->worker.changed);
		buf_printf(&live->worker.changed, "settings of service %s have changed",
			   to->service);
	}
	if (live_has_backend(live, to)) {
		walk_servers(live, from, to, LIVE_COMERS, false);
		live_call_backend_back(live, to);
	} else if (to->instance_count != 0) {
		(void)live_add_backend(live, to);
	}
}

static void leave_backend(struct backend_walk *walk, const struct backend *from,
			  const struct backend *to)
{
	struct live *live = walk->live;
	bool is_emptied = has_share(from) && !has_share(to);
	bool is_kept = is_emptied && strmap_count(live->worker.deferred) != 0;

	walk->is_emptying |= is_emptied;
	if (from != NULL && live_has_backend(live, from))
		walk_servers(live, from, to, LIVE_LEAVERS, is_kept);
	if (from != NULL && !is_kept && (to == NULL || to->instance_count == 0))
		live_leave_spare(live, from->name);
	if (from != NULL && to == NULL)
		live_drop_backend(live, from);
}

static int compare_backends(const void *a, const void *b)
{
	const struct backend *x = *(struct backend *const *)a, *y = *(struct backend *const *)b;
	int order = strcmp(x->service, y->service);

	return order != 0 ? order : strcmp(x->version, y->version);
}

static void on_backends(void *ctx, const void *from, const void *to)
{
	struct backend_walk *walk = ctx;

	walk->on_pair(walk, from == NULL ? NULL : *(struct backend *const *)from,
		      to == NULL ? NULL : *(struct backend *const *)to);
}

static bool walk_backends(struct backend_walk walk)
{
	const struct snapshot *from = walk.live->applied, *to = walk.live->target;

	walk_pairs(from->backends, from->backend_count, to->backends, to->backend_count,
		   sizeof(struct backend *), compare_backends, on_backends, &walk);
	return walk.is_emptying;
}

void live_change_backends(struct live *live)
{
	(void)walk_backends((struct backend_walk){live, change_backend, false});
}

bool live_leave_backends(struct live *live)
{
	return walk_backends((struct backend_walk){live, leave_backend, false});
}

/* --- verifying and repairing: from what the worker says --------------------------------------- */

/* A backend's lines, which follow one another. */
struct shown {
	struct span backend;
	struct state_server *servers;
	size_t count, cap;
};

/* A user's own templates may add other servers, which are none of our business. */
static bool is_ours(struct span backend, const struct state_server *server)
{
	buf_auto struct buf name = BUF_INIT;

	buf_add(&name, server->host.at, server->host.len);
	buf_printf(&name, ":%u", server->port);
	return memchr(backend.at, ':', backend.len) != NULL &&
	       span_is(server->name, buf_str(&name));
}

static size_t count_ours(const struct shown *shown)
{
	size_t count = 0;

	for (size_t i = 0; i < shown->count; i++)
		count += is_ours(shown->backend, &shown->servers[i]);
	return count;
}

static int compare_name(const void *name, const void *instance)
{
	return span_compare(*(const struct span *)name,
			    span_of((*(struct instance *const *)instance)->server));
}

/* The desired one of this name; NULL: there is none. */
static struct instance *const *find_instance(const struct backend *backend, struct span name)
{
	return backend == NULL || backend->instance_count == 0
		   ? NULL
		   : bsearch(&name, backend->instances, backend->instance_count,
			     sizeof(struct instance *), compare_name);
}

static bool is_emptied(const struct servers *s, const struct shown *shown)
{
	bool has_any = false;

	for (size_t i = 0; i < shown->count; i++)
		has_any = has_any || (state_share(&shown->servers[i]) != 0 &&
				      is_ours(shown->backend, &shown->servers[i]));
	return has_any && !has_share(s->desired);
}

/* Shown servers against desired ones; empties the list. */
static void compare_backend(struct live *live, struct shown *shown, enum live_mode mode)
{
	struct span carried = live_carried_by(&live->worker, shown->backend);
	mem_auto_free char *name = mem_dup_bytes(carried.at, carried.len);
	const struct backend *desired = snapshot_find_backend_named(live->target, name);
	struct servers s = {.live = live,
			    .mode = mode,
			    .passes = LIVE_COMERS | LIVE_LEAVERS,
			    .backend = {.name = shown->backend},
			    .desired = desired};
	size_t count = desired == NULL ? 0 : desired->instance_count;
	mem_auto_free bool *is_shown = mem_alloc(count * sizeof(bool));
	struct state_server to;

	if (desired != NULL)
		state_backend_fill(desired, &s.backend);
	s.backend.name = shown->backend;
	live_set_count(&live->worker, shown->backend, count_ours(shown));
	s.is_kept = strmap_count(live->worker.deferred) != 0 && is_emptied(&s, shown);
	for (size_t i = 0; i < shown->count; i++) {
		const struct state_server *from = &shown->servers[i];
		struct instance *const *at = find_instance(desired, from->name);

		if (at != NULL) {
			is_shown[at - desired->instances] = true;
			state_server_fill(*at, &to);
			diff_pair(&s, from, &to);
		} else if (is_ours(shown->backend, from)) {
			diff_pair(&s, from, NULL);
		}
	}
	for (size_t i = 0; i < count; i++) {
		state_server_fill(desired->instances[i], &to);
		if (!is_shown[i] && strmap_find(live->worker.waiting,
						name_server(s.backend.name, to.name).text) == NULL)
			diff_pair(&s, NULL, &to);
	}
	shown->count = 0;
}

/* What was given a spare that has servers of nobody's is given another one. */
static void note_seen(struct live *live, struct span backend, struct strmap *seen)
{
	struct span carried = live_carried_by(&live->worker, backend);
	mem_auto_free char *name = mem_dup_bytes(carried.at, carried.len);
	const struct backend *desired = snapshot_find_backend_named(live->target, name);

	if (desired == NULL || !live_change_spare(live, desired))
		strmap_set(seen, name, live);
}

static void compare_shown(struct live *live, const char *text, struct strmap *seen,
			  enum live_mode mode)
{
	struct span rest = span_of(text), line, backend;
	struct state_server server;
	struct shown shown = {.backend = span_of("")};

	while (span_take_line(&rest, &line)) {
		if (line.len == 0 || *line.at == '#' ||
		    !state_server_parse(line, &server, &backend))
			continue;
		if (span_compare(shown.backend, backend) != 0) {
			if (shown.count != 0)
				compare_backend(live, &shown, mode);
			shown.backend = backend;
			note_seen(live, backend, seen);
		}
		MEM_GROW(shown.servers, shown.count, shown.cap);
		shown.servers[shown.count++] = server;
	}
	if (shown.count != 0)
		compare_backend(live, &shown, mode);
	free(shown.servers);
}

/* What was not shown: backends that are there with no server, and those that are not there. */
static void compare_unseen(struct live *live, const struct backend *backend,
			   const struct strmap *seen, enum live_mode mode)
{
	struct shown shown = {.backend = span_of(live_worker_name(&live->worker, backend->name))};

	if (backend->instance_count == 0 || strmap_find(seen, backend->name) != NULL)
		return;
	if (live_has_backend(live, backend))
		compare_backend(live, &shown, mode);
	else if (mode == LIVE_REPAIR && live_add_backend(live, backend))
		live_complain(live, "backend %s is not there", backend->name);
}

/* The map of spares leads to all that stand in one, and no longer to those that are no more. */
static void repair_carried(struct live *live)
{
	bool is_different = false;

	for (size_t i = 0; i < live->target->backend_count; i++)
		is_different |= live_enter_spare(live, live->target->backends[i]);
	if (strmap_count(live->worker.deferred) == 0) {
		live->out = &live->later;
		is_different |= live_leave_idle_spares(live, live->target);
		live->out = &live->script;
	}
	if (is_different)
		live_complain(live, "HAProxy's map of spares does not lead where it has to");
}

void live_compare_servers(struct live *live, const char *text, enum live_mode mode)
{
	struct strmap *seen = strmap_new(NULL);

	compare_shown(live, text, seen, mode);
	for (size_t i = 0; i < live->target->backend_count; i++)
		compare_unseen(live, live->target->backends[i], seen, mode);
	if (mode == LIVE_REPAIR)
		repair_carried(live);
	strmap_free(seen);
}

/* After a change. */
static void on_backend_state(struct live *live, const struct live_step *step, char *reply,
			     size_t len)
{
	const struct backend *backend = step->object;
	struct strmap *seen;

	if (len == 0 || strchr(reply, '#') == NULL || strpbrk(reply, "\n") == NULL) {
		live_complain_of(live, step, reply);
		return;
	}
	seen = strmap_new(NULL);
	compare_shown(live, reply, seen, LIVE_VERIFY);
	compare_unseen(live, backend, seen, LIVE_VERIFY);
	strmap_free(seen);
}

static void read_back(struct backend_walk *walk, const struct backend *from,
		      const struct backend *to)
{
	(void)from;
	if (to != NULL && live_has_backend(walk->live, to))
		live_add(walk->live, on_backend_state, to, "show", "servers", "state",
			 live_worker_name(&walk->live->worker, to->name));
}

void live_read_back_servers(struct live *live)
{
	(void)walk_backends((struct backend_walk){live, read_back, false});
}
