/* Environments, from a directory of files into etcd, and back.  Knows nothing of services. */
#include "cmd/env_follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "cmd/env_rights.h"
#include "cmd/place.h"
#include "store/env_kind.h"
#include "store/env_sync.h"
#include "store/itemdir.h"
#include "store/kept_file.h"
#include "store/write_back.h"

struct env_follow {
	struct env_follow_options options;
	const struct env_follow_events *events;
	void *ctx;
	const char *owner;
	struct buf place; /* the directory, as origins name it */
	struct item_kind kind;
	struct env_sync *sync;
	struct env_rights *rights;
	struct itemdir *dir;
	struct write_back *files; /* NULL: none are written */
};

static void on_problem(void *ctx, const char *object, const char *reason)
{
	struct env_follow *follow = ctx;

	follow->events->on_problem(follow->ctx, object, reason);
}

/* --- from the directory --------------------------------------------------------------------- */

/* What was written there from etcd, and nobody has changed since, is not desired for that. */
static bool is_kept(const char *path, const char *text, size_t len)
{
	buf_auto struct buf place = BUF_INIT;
	const char *body;
	int64_t revision;

	return len > 0 && text[0] == '#' && place_find(path, &place, NULL) == 0 &&
	       kept_file_parse(buf_str(&place), text, len, &revision, &body);
}

static void on_put(void *ctx, void *env, const char *file)
{
	const struct env_follow *follow = ctx;
	mem_auto_free char *source = mem_printf("%s/%s", buf_str(&follow->place), file);

	env_rights_put(follow->rights, env, source);
}

static void on_del(void *ctx, const char *name)
{
	const struct env_follow *follow = ctx;

	env_rights_del(follow->rights, name);
	env_sync_del(follow->sync, name);
}

static void on_allowed(void *ctx, struct env *env, const char *source)
{
	env_sync_put(((const struct env_follow *)ctx)->sync, env, source);
}

static const struct env_rights_events rights_events = {on_allowed, on_problem};

static void on_commit(void *ctx)
{
	env_sync_commit(((const struct env_follow *)ctx)->sync);
}

static const struct itemdir_events dir_events = {
    .on_put = on_put,
    .on_del = on_del,
    .on_problem = on_problem,
    .on_commit = on_commit,
};

/* --- from etcd ------------------------------------------------------------------------------ */

/*
 * What an earlier run left goes, unless it is of a directory that another envwatch may follow, or a
 * broken file or a missing directory may still mean it, or it is one that the policy refuses now.
 */
static bool may_delete(void *ctx, const char *name, const char *source)
{
	const struct env_follow *follow = ctx;

	if (env_rights_refuses(follow->rights, name) ||
	    place_is_other(buf_str(&follow->place), source))
		return false;
	if (itemdir_file_count(follow->dir) == 0 && !follow->options.allow_empty)
		return false;
	return !itemdir_is_broken(follow->dir, place_file(source));
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct env_follow *follow = ctx;

	follow->events->on_state(follow->ctx, why);
}

static void on_stored(void *ctx, const char *name, const struct env_sync_stored *before,
		      const struct env_sync_stored *now)
{
	const struct env_follow *follow = ctx;
	bool is_ours = strcmp(now->owner, follow->owner) == 0 &&
		       !place_is_other(buf_str(&follow->place), now->source);

	write_back_note(follow->files, name, before, now, is_ours);
}

static void on_listed(void *ctx, size_t count)
{
	write_back_end_list(((const struct env_follow *)ctx)->files, count);
}

static const struct env_sync_events sync_events = {
    .may_delete = may_delete,
    .on_problem = on_problem,
    .on_state = on_state,
    .on_stored = on_stored,
    .on_listed = on_listed,
};

/* --- files for keys --------------------------------------------------------------------------- */

static void on_idle(void *ctx)
{
	struct env_follow *follow = ctx;

	follow->events->on_idle(follow->ctx);
}

static const struct write_back_events files_events = {on_problem, on_idle};

static int open_files(struct env_follow *follow, struct loop *loop, struct mf_err *err)
{
	struct write_back_options options = {.dir = follow->options.write_back,
					     .archive = follow->options.archive};
	buf_auto struct buf place = BUF_INIT;

	if (options.dir == NULL && options.archive == NULL)
		return 0;
	if (options.dir != NULL && place_find(options.dir, &place, err) != 0)
		return err->code;
	options.place = buf_str(&place);
	return write_back_open(loop, &options, &files_events, follow, &follow->files, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int start(struct env_follow *follow, struct loop *loop, struct etcd *etcd,
		 struct mf_err *err)
{
	const struct env_follow_options *options = &follow->options;
	struct env_sync_options sync = *options->sync;
	int code = place_find(options->dir, &follow->place, err);

	if (code != 0 || (code = open_files(follow, loop, err)) != 0)
		return code;
	sync.kind = &env_sync_envs;
	follow->kind = env_kind_to_put;
	follow->kind.is_ignored = is_kept;
	follow->rights = env_rights_new(follow->owner, &rights_events, follow);
	code = env_rights_load(follow->rights, options->policy, err);
	if (code != 0)
		return code;
	follow->sync = env_sync_new(loop, etcd, &sync, &sync_events, follow);
	return itemdir_open(sync.no_follow ? NULL : loop, &follow->kind, options->dir,
			    options->allow_empty, &dir_events, follow, &follow->dir, err);
}

int env_follow_open(struct loop *loop, struct etcd *etcd, const struct env_follow_options *options,
		    const struct env_follow_events *events, void *ctx,
		    struct env_follow **ret_follow, struct mf_err *err)
{
	struct env_follow *follow = MEM_NEW(follow);
	int code;

	follow->options = *options;
	follow->owner = options->sync->owner;
	follow->events = events;
	follow->ctx = ctx;
	code = start(follow, loop, etcd, err);
	if (code != 0) {
		env_follow_close(follow);
		return code;
	}
	itemdir_report(follow->dir);
	if (itemdir_file_count(follow->dir) == 0 && !options->allow_empty)
		log_warn("no environment files: nothing is deleted from etcd",
			 LOG_STR("directory", options->dir));
	*ret_follow = follow;
	return 0;
}

void env_follow_close(struct env_follow *follow)
{
	if (follow == NULL)
		return;
	itemdir_close(follow->dir);
	env_rights_free(follow->rights);
	env_sync_free(follow->sync);
	write_back_close(follow->files);
	buf_fini(&follow->place);
	free(follow);
}

void env_follow_rescan(struct env_follow *follow)
{
	char **names = write_back_list(follow->files);
	struct mf_err err;

	if (env_rights_load(follow->rights, follow->options.policy, &err) != 0)
		log_error("policy not reloaded, the old one stays", LOG_STR("error", err.msg));
	env_sync_commit(follow->sync);
	itemdir_rescan(follow->dir);
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		env_sync_tell_stored(follow->sync, names[i]);
	strlist_free(names);
}

const struct env_sync *env_follow_sync(const struct env_follow *follow)
{
	return follow->sync;
}

bool env_follow_is_idle(const struct env_follow *follow)
{
	return write_back_is_idle(follow->files);
}
