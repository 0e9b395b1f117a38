/*
 * Servers and backends of the running worker: what differs between two snapshots as commands, and
 * the state that HAProxy shows compared with what is wanted.  Knows nothing of maps.
 */
#include "apply/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/backend.h"
#include "model/service.h"
#include "model/table.h"

struct live_server_name live_server_name(const char *backend, const char *server)
{
	struct live_server_name name;

	(void)snprintf(name.text, sizeof(name.text), "%s/%s", backend, server);
	return name;
}

unsigned live_effective_weight(const struct instance *instance)
{
	return instance->state == INSTANCE_DRAIN ? 0 : instance->weight;
}

static const char *wanted_state(const struct instance *instance)
{
	return instance->state == INSTANCE_MAINT ? "maint" : "ready";
}

/* `balance source` spreads requests by a table that only a reload makes anew. */
bool live_is_static(const struct backend *backend)
{
	return backend->settings != NULL && backend->settings->balance == BALANCE_SOURCE;
}

void live_wait_for_reload(struct live *live, const char *server, const char *why)
{
	strmap_set(live->waiting, server, mem_printf("server %s: %s", server, why));
}

void live_wait_for_source(struct live *live, const struct backend *backend, const char *server,
			  const char *what)
{
	struct live_server_name name = live_server_name(backend->name, server);

	strmap_set(live->waiting, name.text,
		   mem_printf("%s of server %s of version %s of service %s, which balances by "
			      "source",
			      what, server, backend->version, backend->service));
}

/* --- one server ------------------------------------------------------------------------------ */

static void set_weight(struct live *live, const char *server, const struct instance *instance)
{
	char weight[16];

	(void)snprintf(weight, sizeof(weight), "%u", live_effective_weight(instance));
	live_add(live, live_expect_nothing, NULL, "set", "server", server, "weight", weight);
	live->result.server_changes++;
}

static void set_state(struct live *live, const char *server, const char *state)
{
	live_add(live, live_expect_nothing, NULL, "set", "server", server, "state", state);
	live->result.server_changes++;
}

/* One that is about to go, and is wanted again before it has gone, is still there. */
static bool call_back(struct live *live, const char *server, const struct backend *backend,
		      const struct instance *instance)
{
	if (!strmap_del(live->draining, server))
		return false;
	if (!live_is_static(backend))
		set_weight(live, server, instance);
	set_state(live, server, wanted_state(instance));
	return true;
}

/* What the template says of the servers in the file, said of one more. */
void live_add_server(struct live *live, const struct backend *backend,
		     const struct instance *instance)
{
	struct live_server_name name = live_server_name(backend->name, instance->server);
	const struct service *settings = backend->settings;
	bool is_ipv6 = strchr(instance->address, ':') != NULL;
	bool has_check = settings != NULL && settings->check[0] != '\0';
	char address[80], weight[16], interval[32] = "";

	if (call_back(live, name.text, backend, instance))
		return;
	if (live_is_static(backend)) {
		live_wait_for_source(live, backend, instance->server, "the start");
		return;
	}
	if (instance->is_name) {
		live_wait_for_reload(live, name.text, "it has a host name, and is new");
		return;
	}
	(void)snprintf(address, sizeof(address), is_ipv6 ? "[%s]:%u" : "%s:%u", instance->address,
		       instance->port);
	(void)snprintf(weight, sizeof(weight), "%u", live_effective_weight(instance));
	if (has_check)
		(void)snprintf(interval, sizeof(interval), "%lldms",
			       (long long)settings->check_interval);
	live_add(live, live_expect_words, "New server registered", "add", "server", name.text,
		 address, "weight", weight, has_check ? "check" : NULL, "inter", interval);
	if (has_check)
		live_add(live, live_expect_nothing, NULL, "enable", "health", name.text);
	if (instance->state != INSTANCE_MAINT)
		live_add(live, live_expect_nothing, NULL, "enable", "server", name.text);
	live->result.server_changes++;
}

static void set_weight_unless_static(struct live *live, const struct backend *backend,
				     const char *server, const struct instance *instance)
{
	if (live_is_static(backend))
		live_wait_for_source(live, backend, instance->server, "the weight");
	else
		set_weight(live, server, instance);
}

/* At no time in the traffic with a weight that it is not to have there. */
static void change_server(struct live *live, const struct backend *backend,
			  const struct instance *old, const struct instance *instance)
{
	struct live_server_name name = live_server_name(backend->name, instance->server);
	bool is_maint = instance->state == INSTANCE_MAINT;
	bool is_other_state = (old->state == INSTANCE_MAINT) != is_maint;

	if (is_other_state && is_maint)
		set_state(live, name.text, "maint");
	if (live_effective_weight(old) != live_effective_weight(instance))
		set_weight_unless_static(live, backend, name.text, instance);
	if (is_other_state && !is_maint)
		set_state(live, name.text, "ready");
}

/* What counts among the servers of its backend: nothing in maintenance, else its weight. */
static unsigned share_of(const struct instance *instance)
{
	return instance->state == INSTANCE_MAINT ? 0 : live_effective_weight(instance);
}

static void mend_address(struct live *live, const struct instance *instance, const char *server,
			 const struct live_server_state *state)
{
	char port[16];

	if (instance->is_name ||
	    (strcmp(state->address, instance->address) == 0 && state->port == instance->port))
		return;
	(void)snprintf(port, sizeof(port), "%u", instance->port);
	live_add(live, NULL, NULL, "set", "server", server, "addr", instance->address, "port",
		 port);
}

void live_mend_server(struct live *live, const struct backend *backend,
		      const struct instance *instance, const struct live_server_state *state)
{
	struct live_server_name name = live_server_name(backend->name, instance->server);
	bool is_maint = instance->state == INSTANCE_MAINT;
	bool is_less = share_of(instance) < (state->is_maint ? 0 : state->weight);

	if (is_less)
		live_swap_later(live);
	mend_address(live, instance, name.text, state);
	if (is_maint)
		set_state(live, name.text, "maint");
	if (!live_is_static(backend))
		set_weight(live, name.text, instance);
	if (!is_maint)
		set_state(live, name.text, "ready");
	if (is_less)
		live_swap_later(live);
}

/* --- leaving --------------------------------------------------------------------------------- */

/* The name is the command's last word. */
static void on_deleted(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	const char *command = live->script.text.data + step->at + strlen("del server ");
	mem_auto_free char *server = mem_dup_bytes(command, strcspn(command, "\n"));

	(void)len;
	if (str_has_prefix(reply, "Server deleted") || str_has_prefix(reply, "No such "))
		(void)strmap_del(live->draining, server);
}

void live_drain_server(struct live *live, const char *backend, const char *server)
{
	struct live_server_name name = live_server_name(backend, server);

	set_state(live, name.text, "maint");
	live_add(live, on_deleted, NULL, "del", "server", name.text);
	strmap_set(live->draining, name.text, live);
	live->drain_ms = 0;
}

void live_drain_again(struct live *live)
{
	void *cursor = NULL, *value;
	const char *server;

	while (strmap_next(live->draining, &cursor, &server, &value)) {
		if (strmap_count(live->held) == 0)
			set_state(live, server, "maint"); /* one may have been kept */
		live_add(live, on_deleted, NULL, "del", "server", server);
	}
}

/* --- backends -------------------------------------------------------------------------------- */

bool live_has_backend(const struct live *live, const char *name)
{
	return strmap_find(live->backends, name) != NULL;
}

/* What `add backend` takes from the file's defaults as it is. */
static bool has_default_settings(const struct backend *backend)
{
	const struct service *settings = backend->settings;

	return settings == NULL ||
	       (settings->balance == BALANCE_ROUNDROBIN && settings->check[0] == '\0' &&
		!settings->is_tcp && settings->connect_timeout == 0 &&
		settings->server_timeout == 0);
}

static void wait_for_backend(struct live *live, const struct backend *backend)
{
	strmap_set(
	    live->missing, backend->name,
	    mem_printf("version %s of service %s is new", backend->version, backend->service));
}

/* One that cannot be made so is not asked for again. */
static void on_backend_added(struct live *live, const struct live_step *step, char *reply,
			     size_t len)
{
	const struct backend *backend = step->object;

	(void)len;
	if (str_has_prefix(reply, "New backend registered"))
		return;
	live_complain_of(live, step, reply);
	live->can_add_backends = false;
	(void)strmap_del(live->backends, backend->name);
	wait_for_backend(live, backend);
}

bool live_add_backend(struct live *live, const struct backend *backend)
{
	if (!live->can_add_backends || !has_default_settings(backend)) {
		wait_for_backend(live, backend);
		return false;
	}
	live_add(live, on_backend_added, backend, "add", "backend", backend->name, "from",
		 "mayfly");
	for (size_t i = 0; i < backend->instance_count; i++)
		live_add_server(live, backend, backend->instances[i]);
	live_add(live, live_expect_words, "Backend published", "publish", "backend", backend->name);
	(void)strmap_del(live->missing, backend->name);
	strmap_set(live->backends, backend->name, live);
	live->result.backend_changes++;
	return true;
}

static bool are_equal_settings(const struct service *a, const struct service *b)
{
	static const struct service none = {.check = (char *)(uintptr_t) ""};

	if (a == NULL)
		a = &none;
	if (b == NULL)
		b = &none;
	return a == b || (a->balance == b->balance && strcmp(a->check, b->check) == 0 &&
			  a->is_tcp == b->is_tcp && a->listen == b->listen &&
			  a->connect_timeout == b->connect_timeout &&
			  a->server_timeout == b->server_timeout &&
			  (a->check[0] == '\0' || a->check_interval == b->check_interval));
}

static int compare_backends(const void *a, const void *b)
{
	const struct backend *x = *(struct backend *const *)a, *y = *(struct backend *const *)b;
	int order = strcmp(x->service, y->service);

	return order != 0 ? order : strcmp(x->version, y->version);
}

static int compare_servers(const void *a, const void *b)
{
	return strcmp((*(struct instance *const *)a)->server,
		      (*(struct instance *const *)b)->server);
}

/* --- walking --------------------------------------------------------------------------------- */

struct backend_walk {
	struct live *live;
	live_backend_pair_fn *on_pair;
};

static void on_backends(void *ctx, const void *from, const void *to)
{
	const struct backend_walk *walk = ctx;

	walk->on_pair(walk->live, from == NULL ? NULL : *(struct backend *const *)from,
		      to == NULL ? NULL : *(struct backend *const *)to);
}

void live_walk_backends(struct live *live, live_backend_pair_fn *on_pair)
{
	const struct snapshot *from = live->applied, *to = live->target;
	struct backend_walk walk = {live, on_pair};

	walk_pairs(from->backends, from->backend_count, to->backends, to->backend_count,
		   sizeof(struct backend *), compare_backends, on_backends, &walk);
}

/* The servers of one backend. */
struct server_walk {
	struct live *live;
	const struct backend *backend; /* as it is now, or was */
	void (*on_pair)(struct live *live, const struct backend *backend,
			const struct instance *from, const struct instance *to);
};

static void on_servers(void *ctx, const void *from, const void *to)
{
	const struct server_walk *walk = ctx;

	walk->on_pair(walk->live, walk->backend,
		      from == NULL ? NULL : *(struct instance *const *)from,
		      to == NULL ? NULL : *(struct instance *const *)to);
}

static void walk_servers(const struct backend *from, const struct backend *to,
			 struct server_walk walk)
{
	walk.backend = to == NULL ? from : to;
	walk_pairs(from == NULL ? NULL : from->instances, from == NULL ? 0 : from->instance_count,
		   to == NULL ? NULL : to->instances, to == NULL ? 0 : to->instance_count,
		   sizeof(struct instance *), compare_servers, on_servers, &walk);
}

/* --- the difference -------------------------------------------------------------------------- */

static void put_server(struct live *live, const struct backend *backend,
		       const struct instance *from, const struct instance *to)
{
	if (to != NULL && from == NULL)
		live_add_server(live, backend, to);
	else if (to != NULL && share_of(to) > share_of(from))
		change_server(live, backend, from, to);
}

/* Whether a host name of the backend has yet to come by a reload. */
static bool has_name_to_come(const struct live *live, const struct backend *backend)
{
	for (size_t i = 0; i < backend->instance_count; i++) {
		const struct instance *instance = backend->instances[i];
		struct live_server_name name = live_server_name(backend->name, instance->server);

		if (instance->is_name && strmap_find(live->waiting, name.text) != NULL)
			return true;
	}
	return false;
}

static void take_server(struct live *live, const struct backend *backend,
			const struct instance *from, const struct instance *to)
{
	struct live_server_name name;

	if (from == NULL)
		return;
	if (to != NULL) {
		if (share_of(to) <= share_of(from))
			change_server(live, backend, from, to);
		return;
	}
	name = live_server_name(backend->name, from->server);
	if (strmap_del(live->waiting, name.text) && (live_is_static(backend) || from->is_name))
		return;
	/* What replaces it may not be there yet. */
	if (strcmp(from->id, INSTANCE_FIXED) == 0 && has_name_to_come(live, backend)) {
		live_wait_for_reload(live, name.text, "it is to go when a host name has come");
		return;
	}
	if (from->is_name) {
		set_state(live, name.text, "maint");
		live_wait_for_reload(live, name.text, "it has a host name, and is to go");
		return;
	}
	live_drain_server(live, backend->name, from->server);
}

static void put_backend(struct live *live, const struct backend *from, const struct backend *to)
{
	if (to == NULL || to->instance_count == 0)
		(void)strmap_del(live->missing, to == NULL ? from->name : to->name);
	if (to == NULL)
		return;
	if (from != NULL && !are_equal_settings(from->settings, to->settings)) {
		buf_clear(&live->changed);
		buf_printf(&live->changed, "settings of service %s have changed", to->service);
	}
	if (live_has_backend(live, to->name))
		walk_servers(from, to, (struct server_walk){.live = live, .on_pair = put_server});
	else if (to->instance_count != 0)
		(void)live_add_backend(live, to);
}

/* While an environment waits for a reload with its old choice, it is served by who is there. */
static void keep_server(struct live *live, const struct backend *backend,
			const struct instance *from, const struct instance *to)
{
	if (to != NULL || live_is_static(backend))
		take_server(live, backend, from, to);
	else
		strmap_set(live->draining, live_server_name(backend->name, from->server).text,
			   live);
}

static bool has_share(const struct backend *backend)
{
	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++)
		if (share_of(backend->instances[i]) != 0)
			return true;
	return false;
}

static void take_backend(struct live *live, const struct backend *from, const struct backend *to)
{
	const struct backend *any = to == NULL ? from : to;
	bool is_emptied = has_share(from) && !has_share(to);
	bool is_kept = is_emptied && strmap_count(live->held) != 0;

	live->is_emptying |= is_emptied;
	if (from != NULL && live_has_backend(live, any->name))
		walk_servers(from, to,
			     (struct server_walk){.live = live,
						  .on_pair = is_kept ? keep_server : take_server});
}

void live_diff_backends(struct live *live)
{
	live_walk_backends(live, put_backend);
}

bool live_diff_leavers(struct live *live)
{
	live->is_emptying = false;
	live_walk_backends(live, take_backend);
	return live->is_emptying;
}
