/* The settings of services, from their file into etcd.  Knows nothing of environments. */
#include "cmd/services_follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cmd/place.h"
#include "store/env_sync.h"
#include "store/itemdir.h"
#include "store/services_kind.h"

struct services_follow {
	const struct services_follow_events *events;
	void *ctx;
	struct buf place; /* the file, as origins name it */
	struct env_sync *sync;
	struct itemdir *file;
};

static void on_problem(void *ctx, const char *object, const char *reason)
{
	struct services_follow *follow = ctx;

	follow->events->on_problem(follow->ctx, object, reason);
}

/* --- from the file --------------------------------------------------------------------------- */

static void on_put(void *ctx, void *service, const char *file)
{
	const struct services_follow *follow = ctx;

	(void)file;
	env_sync_put(follow->sync, service, buf_str(&follow->place));
}

static void on_del(void *ctx, const char *name)
{
	env_sync_del(((const struct services_follow *)ctx)->sync, name);
}

static void on_commit(void *ctx)
{
	env_sync_commit(((const struct services_follow *)ctx)->sync);
}

static const struct itemdir_events file_events = {
    .on_put = on_put,
    .on_del = on_del,
    .on_problem = on_problem,
    .on_commit = on_commit,
};

/* --- from etcd ------------------------------------------------------------------------------ */

/* What an earlier run put from this very file, which does not say it any more. */
static bool may_delete(void *ctx, const char *name, const char *source)
{
	const struct services_follow *follow = ctx;

	(void)name;
	return strcmp(source, buf_str(&follow->place)) == 0 &&
	       itemdir_file_count(follow->file) != 0 &&
	       !itemdir_is_broken(follow->file, place_file(source));
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct services_follow *follow = ctx;

	follow->events->on_state(follow->ctx, why);
}

static const struct env_sync_events sync_events = {
    .may_delete = may_delete,
    .on_problem = on_problem,
    .on_state = on_state,
};

/* --- the whole -------------------------------------------------------------------------------- */

int services_follow_open(struct loop *loop, struct etcd *etcd, const char *path,
			 const struct env_sync_options *options,
			 const struct services_follow_events *events, void *ctx,
			 struct services_follow **ret_follow, struct mf_err *err)
{
	struct services_follow *follow = MEM_NEW(follow);
	struct env_sync_options of_services = *options;
	int code;

	follow->events = events;
	follow->ctx = ctx;
	of_services.kind = &env_sync_services;
	code = place_find(path, &follow->place, err);
	if (code == 0) {
		follow->sync = env_sync_new(loop, etcd, &of_services, &sync_events, follow);
		code = itemdir_open_file(options->no_follow ? NULL : loop, &services_kind, path,
					 &file_events, follow, &follow->file, err);
	}
	if (code != 0) {
		services_follow_close(follow);
		return code;
	}
	itemdir_report(follow->file);
	*ret_follow = follow;
	return 0;
}

void services_follow_close(struct services_follow *follow)
{
	if (follow == NULL)
		return;
	itemdir_close(follow->file);
	env_sync_free(follow->sync);
	buf_fini(&follow->place);
	free(follow);
}

void services_follow_rescan(struct services_follow *follow)
{
	env_sync_commit(follow->sync);
	itemdir_rescan(follow->file);
}

const struct env_sync *services_follow_sync(const struct services_follow *follow)
{
	return follow->sync;
}
