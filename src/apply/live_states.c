/*
 * `show servers state` (management guide, section 9.3), compared with what is wanted.  Knows what
 * is wrong; what puts it right is live_servers.c's.
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

/* Bits of srv_admin_state. */
enum { ADMIN_FORCED_MAINT = 0x01, ADMIN_FORCED_DRAIN = 0x08 };

/* Fields of a line. */
enum {
	STATE_BACKEND = 1,
	STATE_NAME = 3,
	STATE_ADDRESS = 4,
	STATE_ADMIN = 6,
	STATE_WEIGHT = 7,
	STATE_FQDN = 17,
	STATE_PORT = 18,
	STATE_FIELDS
};

/* --- one line -------------------------------------------------------------------------------- */

static bool parse_state(char *line, struct live_server_state *ret)
{
	char *fields[STATE_FIELDS], *rest = NULL;
	size_t n = 0;

	for (char *f = strtok_r(line, " ", &rest); f != NULL && n < STATE_FIELDS;
	     f = strtok_r(NULL, " ", &rest))
		fields[n++] = f;
	if (n < STATE_FIELDS || !str_parse_int(fields[STATE_ADMIN], 0, INT32_MAX, &ret->admin) ||
	    !str_parse_int(fields[STATE_WEIGHT], 0, INT32_MAX, &ret->weight) ||
	    !str_parse_int(fields[STATE_PORT], 0, INT32_MAX, &ret->port))
		return false;
	ret->is_maint = (ret->admin & ADMIN_FORCED_MAINT) != 0;
	ret->backend = fields[STATE_BACKEND];
	ret->name = fields[STATE_NAME];
	ret->address = fields[STATE_ADDRESS];
	ret->host_name = fields[STATE_FQDN];
	return true;
}

/* Takes the next line off *text; false: there is none.  Others are a version and a heading. */
static bool next_state(char **text, struct live_server_state *ret)
{
	while (**text != '\0') {
		char *line = *text;

		*text += strcspn(line, "\n");
		if (**text == '\n')
			*(*text)++ = '\0';
		if (*line != '#' && parse_state(line, ret))
			return true;
	}
	return false;
}

static bool is_named(const struct live_server_state *state)
{
	return strcmp(state->host_name, "-") != 0;
}

/* What HAProxy resolves has the address that it found. */
static bool is_at(const struct live_server_state *state, const struct instance *instance)
{
	return state->port == instance->port &&
	       strcmp(instance->is_name ? state->host_name : state->address, instance->address) ==
		   0;
}

/* A user's own templates may add other servers, which are none of our business. */
static bool is_ours(const struct live_server_state *state)
{
	const char *address = is_named(state) ? state->host_name : state->address;
	size_t n = strlen(address);
	char port[16];

	(void)snprintf(port, sizeof(port), ":%lld", (long long)state->port);
	return strchr(state->backend, ':') != NULL && strncmp(state->name, address, n) == 0 &&
	       strcmp(state->name + n, port) == 0;
}

/* --- one backend ----------------------------------------------------------------------------- */

/* A backend's lines follow one another. */
struct group {
	const char *name;
	const struct backend *backend; /* NULL: not wanted */
	bool *is_seen;		       /* its instances */
};

static void check_server(struct live *live, const struct backend *backend,
			 const struct instance *instance, const struct live_server_state *state,
			 bool repair)
{
	bool is_weight_right = state->weight == live_effective_weight(instance);

	if (!is_weight_right && live_is_static(backend)) {
		live_wait_for_source(live, backend, instance->server, "the weight");
		is_weight_right = true;
	}
	if (is_weight_right && state->is_maint == (instance->state == INSTANCE_MAINT) &&
	    (state->admin & ADMIN_FORCED_DRAIN) == 0 && is_at(state, instance))
		return;
	live_complain(live, "server %s/%s has weight %lld, state %lld, address %s:%lld",
		      backend->name, state->name, (long long)state->weight, (long long)state->admin,
		      state->address, (long long)state->port);
	if (repair)
		live_mend_server(live, backend, instance, state);
}

static int compare_server(const void *name, const void *instance)
{
	return strcmp(name, (*(struct instance *const *)instance)->server);
}

static void take_state(struct live *live, const struct group *group,
		       const struct live_server_state *state, bool repair)
{
	const struct backend *backend = group->backend;
	struct instance *const *at = NULL;
	struct live_server_name name;

	if (backend != NULL && backend->instance_count != 0)
		at = bsearch(state->name, backend->instances, backend->instance_count,
			     sizeof(struct instance *), compare_server);
	if (at != NULL) {
		group->is_seen[at - backend->instances] = true;
		check_server(live, backend, *at, state, repair);
		return;
	}
	name = live_server_name(state->backend, state->name);
	if (strmap_find(live->draining, name.text) != NULL ||
	    strmap_find(live->waiting, name.text) != NULL || !is_ours(state))
		return;
	if (is_named(state)) {
		live_wait_for_reload(live, name.text, "it has a host name, and is to go");
		return;
	}
	if (repair && state->is_maint) {
		strmap_set(live->draining, name.text, live); /* someone has begun it */
		return;
	}
	live_complain(live, "server %s is there, and should not be", name.text);
	if (repair) {
		live_swap_later(live);
		live_drain_server(live, state->backend, state->name);
		live_swap_later(live);
	}
}

static void begin_group(const struct live *live, struct group *group, const char *name)
{
	group->name = name;
	group->backend = snapshot_find_backend_named(live->target, name);
	group->is_seen =
	    mem_alloc(group->backend == NULL ? 0 : group->backend->instance_count * sizeof(bool));
}

static void end_group(struct live *live, struct group *group, bool repair)
{
	const struct backend *backend = group->backend;

	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++) {
		const struct instance *instance = backend->instances[i];
		struct live_server_name name = live_server_name(backend->name, instance->server);

		if (group->is_seen[i] || strmap_find(live->waiting, name.text) != NULL)
			continue;
		if (!live_is_static(backend) && !instance->is_name)
			live_complain(live, "server %s is not there", name.text);
		if (repair || live_is_static(backend) || instance->is_name)
			live_add_server(live, backend, instance);
	}
	free(group->is_seen);
	*group = (struct group){0};
}

/* --- all ------------------------------------------------------------------------------------- */

/* What was not shown: backends that are there with no server, and those that are not there. */
static void compare_unseen(struct live *live, const struct strmap *seen, bool repair)
{
	for (size_t i = 0; i < live->target->backend_count; i++) {
		const struct backend *backend = live->target->backends[i];
		struct group group;

		if (backend->instance_count == 0 || strmap_find(seen, backend->name) != NULL)
			continue;
		if (live_has_backend(live, backend->name)) {
			begin_group(live, &group, backend->name);
			end_group(live, &group, repair);
		} else if (repair && live_add_backend(live, backend)) {
			live_complain(live, "backend %s is not there", backend->name);
		}
	}
}

static void compare_shown(struct live *live, char *text, struct strmap *seen, bool repair)
{
	struct group group = {0};
	struct live_server_state state;

	while (next_state(&text, &state)) {
		if (group.name == NULL || strcmp(group.name, state.backend) != 0) {
			end_group(live, &group, repair);
			begin_group(live, &group, state.backend);
			if (seen != NULL)
				strmap_set(seen, state.backend, live);
		}
		take_state(live, &group, &state, repair);
	}
	end_group(live, &group, repair);
}

void live_compare_servers(struct live *live, char *text, bool repair)
{
	struct strmap *seen = strmap_new(NULL);

	compare_shown(live, text, seen, repair);
	compare_unseen(live, seen, repair);
	strmap_free(seen);
}

/* --- after a change -------------------------------------------------------------------------- */

static void on_backend_state(struct live *live, const struct live_step *step, char *reply,
			     size_t len)
{
	const struct backend *backend = step->object;
	struct group group;

	if (len != 0 && strchr(reply, '#') != NULL && strpbrk(reply, "\n") != NULL) {
		struct strmap *seen = strmap_new(NULL);
		bool is_shown;

		compare_shown(live, reply, seen, false);
		is_shown = strmap_find(seen, backend->name) != NULL;
		strmap_free(seen);
		if (is_shown)
			return;
		begin_group(live, &group, backend->name);
		end_group(live, &group, false);
		return;
	}
	live_complain_of(live, step, reply);
}

static void read_back(struct live *live, const struct backend *from, const struct backend *to)
{
	(void)from;
	if (to != NULL && live_has_backend(live, to->name))
		live_add(live, on_backend_state, to, "show", "servers", "state", to->name);
}

void live_read_back_servers(struct live *live)
{
	live_walk_backends(live, read_back);
}
