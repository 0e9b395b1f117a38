/* Lists and deletes instances, and says how it went.  Knows no leases. */
#include "cmd/once.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "cmd/cli.h"
#include "model/backend.h"
#include "model/settings.h"
#include "register/announcement.h"
#include "store/instances.h"
#include "sys/file.h"

struct once {
	struct instances_call *call;
	once_end_fn *on_end;
	void *ctx;
};

static void on_bad(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	problems_log(NULL, "etcd", why->msg);
}

static void end(struct once *once, const struct mf_err *err)
{
	once->call = NULL;
	once->on_end(once->ctx, err == NULL ? 0 : cli_fail(err));
}

static void on_listed(void *ctx, struct instance *const *list, size_t count,
		      const struct mf_err *err)
{
	buf_auto struct buf lines = BUF_INIT;
	struct mf_err failed;

	for (size_t i = 0; i < count; i++) {
		buf_printf(&lines, "%s %s ", list[i]->service, list[i]->version);
		instances_add_endpoint(&lines, list[i]->address, list[i]->port);
		buf_add_char(&lines, '\n');
	}
	if (file_print(&lines, &failed) != 0 && err == NULL)
		err = &failed;
	end(ctx, err);
}

static void on_deleted(void *ctx, struct instance *const *list, size_t count,
		       const struct mf_err *err)
{
	for (size_t i = 0; i < count; i++)
		log_info("deregistered", LOG_STR("id", list[i]->id));
	if (err == NULL && count == 0)
		log_info("nothing is registered there");
	end(ctx, err);
}

static struct once *once_new(once_end_fn *on_end, void *ctx)
{
	struct once *once = MEM_NEW(once);

	once->on_end = on_end;
	once->ctx = ctx;
	return once;
}

struct once *once_start_list(struct etcd *etcd, const struct settings *settings,
			     const struct announcement *o, once_end_fn *on_end, void *ctx)
{
	static const struct instances_events events = {on_bad, on_listed};
	struct instances_which which = {settings->etcd.prefix, o->service, o->version};
	struct once *once = once_new(on_end, ctx);

	once->call = instances_list(etcd, &which, &events, once);
	return once;
}

struct once *once_start_deregister(struct etcd *etcd, const struct settings *settings,
				   const struct announcement *o, once_end_fn *on_end, void *ctx)
{
	static const struct instances_events events = {on_bad, on_deleted};
	struct instances_which which = {settings->etcd.prefix, o->service, o->version};
	struct once *once = once_new(on_end, ctx);

	once->call = instances_delete(etcd, &which, o->address, o->port, &events, once);
	return once;
}

void once_free(struct once *once)
{
	if (once == NULL)
		return;
	instances_cancel(once->call);
	free(once);
}
