/* Environments as items of a directory.  Knows nothing of files. */
#include "store/envdir.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/env.h"
#include "store/itemdir.h"

struct envdir {
	struct itemdir *items;
	const struct envdir_events *events;
	void *ctx;
};

static int parse_file(const char *text, size_t len, void ***ret_items, size_t *ret_count,
		      item_bad_fn *on_bad, void *ctx, struct mf_err *err)
{
	struct env **envs;
	int code = env_parse_file(text, len, &envs, ret_count, on_bad, ctx, err);

	if (code != 0)
		return code;
	*ret_items = mem_alloc(*ret_count * sizeof(**ret_items));
	for (size_t i = 0; i < *ret_count; i++)
		(*ret_items)[i] = envs[i];
	free(envs);
	return 0;
}

static const char *get_name(const void *item)
{
	return ((const struct env *)item)->name;
}

/* The digest covers what a request meets inside; who is let in is compared by itself. */
static bool is_equal(const void *item, const void *other)
{
	const struct env *a = item, *b = other;

	if (a->digest != b->digest || strcmp(a->prefix, b->prefix) != 0 ||
	    a->host_count != b->host_count)
		return false;
	for (size_t i = 0; i < a->host_count; i++)
		if (strcmp(a->hosts[i], b->hosts[i]) != 0)
			return false;
	return true;
}

static void *ref(void *item)
{
	return env_ref(item);
}

static void unref(void *item)
{
	env_unref(item);
}

const struct item_kind envdir_kind = {
    .noun = "environment",
    .gone = "deleted",
    .parse = parse_file,
    .name = get_name,
    .is_equal = is_equal,
    .ref = ref,
    .unref = unref,
};

static void on_put(void *ctx, void *item, const char *file)
{
	struct envdir *dir = ctx;

	dir->events->on_put(dir->ctx, item, file);
}

static void on_del(void *ctx, const char *name)
{
	struct envdir *dir = ctx;

	dir->events->on_del(dir->ctx, name);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	struct envdir *dir = ctx;

	dir->events->on_problem(dir->ctx, object, reason);
}

static void on_commit(void *ctx)
{
	struct envdir *dir = ctx;

	dir->events->on_commit(dir->ctx);
}

int envdir_open(struct loop *loop, const char *path, bool allow_empty,
		const struct envdir_events *events, void *ctx, struct envdir **ret_envdir,
		struct mf_err *err)
{
	static const struct itemdir_events item_events = {on_put, on_del, on_problem, on_commit};
	struct envdir *dir = MEM_NEW(dir);
	int code;

	dir->events = events;
	dir->ctx = ctx;
	code = itemdir_open(loop, &envdir_kind, path, allow_empty, &item_events, dir, &dir->items,
			    err);
	if (code != 0) {
		envdir_close(dir);
		return code;
	}
	*ret_envdir = dir;
	itemdir_tell(dir->items);
	return 0;
}

void envdir_close(struct envdir *dir)
{
	if (dir == NULL)
		return;
	itemdir_close(dir->items);
	free(dir);
}

void envdir_rescan(struct envdir *dir)
{
	itemdir_rescan(dir->items);
}

bool envdir_is_broken(const struct envdir *dir, const char *file)
{
	return itemdir_is_broken(dir->items, file);
}

size_t envdir_file_count(const struct envdir *dir)
{
	return itemdir_file_count(dir->items);
}
