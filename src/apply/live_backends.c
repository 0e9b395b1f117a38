/*
 * Backends of the running worker: how one that is new comes in, with its servers; how one that
 * nobody needs any more goes; and which of both takes a reload.
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

enum { BACKENDS_TRIES = 30 }; /* to delete one, between 200 ms and 5 s from one to the next */

bool live_has_backend(const struct live *live, const struct backend *backend)
{
	return strmap_find(live->worker.backends, backend->name) != NULL;
}

/* --- settings --------------------------------------------------------------------------------- */

/* What `add backend` takes from the file's defaults as it is. */
static bool has_default_settings(const struct service *settings)
{
	return settings == NULL ||
	       (settings->balance == BALANCE_ROUNDROBIN && settings->check[0] == '\0' &&
		settings->protocol == PROTOCOL_HTTP && settings->connect_timeout == 0 &&
		settings->server_timeout == 0 && settings->slow_start == 0 &&
		!settings->tls.is_set);
}

bool live_are_equal_settings(const struct service *a, const struct service *b)
{
	static const struct service none = {.check = (char *)(uintptr_t) ""};

	if (a == NULL)
		a = &none;
	if (b == NULL)
		b = &none;
	return a == b ||
	       (a->balance == b->balance && strcmp(a->check, b->check) == 0 &&
		a->protocol == b->protocol && a->listen == b->listen &&
		a->slow_start == b->slow_start && service_is_tls_equal(&a->tls, &b->tls) &&
		a->connect_timeout == b->connect_timeout &&
		a->server_timeout == b->server_timeout &&
		(a->check[0] == '\0' || a->check_interval == b->check_interval));
}

void live_forget_described(struct live *live)
{
	free(live->described.name);
	service_unref(live->described.settings);
	live->described = (struct live_described){.name = NULL};
}

const struct live_described *live_describe(struct live *live, const struct backend *backend)
{
	struct live_described *described = &live->described;

	if (described->name != NULL && strcmp(described->name, backend->name) == 0 &&
	    described->settings == backend->settings)
		return described;
	live_forget_described(live);
	described->name = mem_dup_str(backend->name);
	if (backend->settings != NULL)
		described->settings = service_ref(backend->settings);
	described->is_good =
	    live->events->describe(live->ctx, backend, &described->section, &described->options);
	return described;
}

/* --- coming ----------------------------------------------------------------------------------- */

/* why: no backend in reserve can stand for it; "": there is no reserve. */
static void wait_for_backend(struct live *live, const struct backend *backend, const char *why)
{
	strmap_set(live->worker.missing, backend->name,
		   mem_printf("version %s of service %s is new%s%s", backend->version,
			      backend->service, why[0] == '\0' ? "" : ": ", why));
}

/* It would be empty in the file, too, and its servers get what they have there. */
static bool can_be_added(struct live *live, const struct backend *backend)
{
	const struct live_described *described;

	if (!live->worker.can_add_backends || !has_default_settings(backend->settings))
		return false;
	described = live_describe(live, backend);
	return !described->is_good ||
	       (described->section.is_plain && described->options.unknown[0] == '\0');
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
	live->worker.can_add_backends = false;
	(void)strmap_del(live->worker.backends, backend->name);
	wait_for_backend(live, backend, "");
}

static void add_backend(struct live *live, const struct backend *backend)
{
	live_add(live, on_backend_added, backend, "add", "backend", backend->name, "from",
		 "mayfly-services");
	live_add_servers(live, backend);
	live_add(live, live_expect_prefix, "Backend published", "publish", "backend",
		 backend->name);
	strmap_set(live->worker.backends, backend->name, live);
	live->result.backend_changes++;
}

bool live_add_backend(struct live *live, const struct backend *backend)
{
	const char *why;

	if (can_be_added(live, backend)) {
		add_backend(live, backend);
	} else if (live_take_spare(live, backend, &why)) {
		live_add_servers(live, backend);
		(void)live_enter_spare(live, backend);
	} else {
		wait_for_backend(live, backend, why);
		return false;
	}
	(void)strmap_del(live->worker.missing, backend->name);
	return true;
}

/* It is not there.  One that can be added is, later. */
static void note_missing(struct live *live, const struct backend *backend)
{
	const char *why;

	if (!can_be_added(live, backend) && !live_take_spare(live, backend, &why))
		wait_for_backend(live, backend, why);
}

void live_note_backends(struct live *live, const char *text, char *spares, const char *stat)
{
	struct span rest = span_of(text), line;

	live_worker_forget_backends(&live->worker);
	while (span_take_line(&rest, &line)) {
		mem_auto_free char *name = mem_dup_bytes(line.at, line.len);

		if (line.len == 0 || *line.at == '#')
			continue;
		strmap_set(live->worker.backends, name, live);
		live_note_spare(live, name);
	}
	live_note_carried(live, spares);
	if (live->worker.left == NULL)
		live_note_busy(&live->worker, stat);
	for (size_t i = 0; i < live->target->backend_count; i++) {
		const struct backend *backend = live->target->backends[i];

		if (backend->instance_count != 0 && !live_has_backend(live, backend))
			note_missing(live, backend);
	}
}

/* --- going ------------------------------------------------------------------------------------ */

/* The name is the command's last word. */
static void on_backend_deleted(struct live *live, const struct live_step *step, char *reply,
			       size_t len)
{
	const char *command = live->script.text.data + step->at + strlen("del backend ");
	mem_auto_free char *name = mem_dup_bytes(command, strcspn(command, "\n"));

	(void)len;
	if (strstr(reply, "Backend deleted") == NULL && !str_has_prefix(reply, "No such "))
		return;
	(void)strmap_del(live->worker.going, name);
	(void)strmap_del(live->worker.backends, name);
}

static void try_to_delete(struct live *live, const char *name)
{
	live_add(live, NULL, NULL, "unpublish", "backend", name);
	live_add(live, on_backend_deleted, NULL, "del", "backend", name);
}

void live_drop_backend(struct live *live, const struct backend *backend)
{
	if (!live->worker.can_add_backends || !live_has_backend(live, backend) ||
	    strmap_count(live->worker.deferred) != 0)
		return;
	strmap_set(live->worker.going, backend->name, mem_alloc(sizeof(unsigned)));
	live->drain_ms = 0;
	live->result.backend_changes++;
	try_to_delete(live, backend->name);
}

void live_call_backend_back(struct live *live, const struct backend *backend)
{
	if (strmap_del(live->worker.going, backend->name))
		live_add(live, live_expect_prefix, "Backend published", "publish", "backend",
			 backend->name);
}

void live_drop_again(struct live *live)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(live->worker.going, &cursor, &name, &value)) {
		unsigned *tries = value;

		if (++*tries < BACKENDS_TRIES) {
			try_to_delete(live, name);
			continue;
		}
		live_add(live, NULL, NULL, "publish", "backend", name);
		(void)strmap_del(live->worker.going, name);
	}
}
