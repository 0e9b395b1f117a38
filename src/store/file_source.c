/*
 * Files as a source: environments and instances put into the keys and values that etcd would hold.
 * Knows nothing of how they are read, or of who listens.
 */
#include "store/file_source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/node.h"
#include "store/backends_file.h"
#include "store/env_kind.h"
#include "store/itemdir.h"
#include "sys/dirwatch.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/stat_cache.h"

#define RETRY_MS 2000 /* what cannot be read may become readable without a hint */

struct file_source {
	struct source source;
	const struct source_events *events;
	void *ctx;
	int64_t revision;	      /* 0 until the first listing is complete */
	struct itemdir *environments; /* NULL: none */
	char *backends;		      /* the file's path; NULL: none */
	struct dirwatch *watch;
	struct loop_timer *timer;
	struct stat_cache seen; /* when the file was read last */
	struct strmap *values;	/* what was reported: key -> value */
	char *problem;		/* of the backends file, as reported; NULL: none */
};

static void commit(struct file_source *s)
{
	if (s->revision != 0)
		s->events->on_commit(s->ctx, ++s->revision);
}

/* --- environments --------------------------------------------------------------------------- */

static void on_env_put(void *ctx, void *item, const char *file)
{
	struct file_source *s = ctx;
	const struct env *env = item;
	mem_auto_free char *key = mem_printf("environments/%s", env->name);
	buf_auto struct buf json = BUF_INIT;

	env_format_json(env, FILE_SOURCE_OWNER, file, &json);
	s->events->on_put(s->ctx, key, json.data, json.len, 0);
}

static void on_env_del(void *ctx, const char *name)
{
	struct file_source *s = ctx;
	mem_auto_free char *key = mem_printf("environments/%s", name);

	s->events->on_del(s->ctx, key);
}

static void on_env_problem(void *ctx, const char *object, const char *reason)
{
	struct file_source *s = ctx;

	s->events->on_problem(s->ctx, object, reason);
}

static void on_env_commit(void *ctx)
{
	commit(ctx);
}

static const struct itemdir_events environment_events = {
    .on_put = on_env_put,
    .on_del = on_env_del,
    .on_problem = on_env_problem,
    .on_commit = on_env_commit,
};

/* --- instances ------------------------------------------------------------------------------ */

static bool report_backends(struct file_source *s, struct strmap *values)
{
	bool is_changed = false;
	const char *key;
	void *cursor = NULL, *value;

	while (strmap_next(s->values, &cursor, &key, &value))
		if (strmap_find(values, key) == NULL) {
			s->events->on_del(s->ctx, key);
			is_changed = true;
		}
	cursor = NULL;
	while (strmap_next(values, &cursor, &key, &value))
		if (strmap_find(s->values, key) == NULL) { /* a key says its value */
			s->events->on_put(s->ctx, key, value, strlen(value), 0);
			is_changed = true;
		}
	strmap_free(s->values);
	s->values = values;
	return is_changed;
}

/* Before it is read, so that nothing falls in between. */
static void follow_link(struct file_source *s)
{
	const char *slash = strrchr(s->backends, '/');
	char *name = slash == NULL ? s->backends : s->backends + (slash - s->backends) + 1;
	char *names[] = {name, NULL};
	struct stat st;

	if (s->watch != NULL)
		dirwatch_follow_links(
		    s->watch, lstat(s->backends, &st) == 0 && S_ISLNK(st.st_mode) ? names : NULL);
}

static int load_backends(struct file_source *s, bool *ret_changed, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	struct stat_cache seen = {0};
	struct strmap *values;

	follow_link(s);
	if (stat_cache_take(s->backends, &seen) == 0 && stat_cache_is_current(&s->seen, &seen))
		return s->problem == NULL ? 0 : mf_err_set(err, MF_EDATA, "%s", s->problem);
	s->seen = seen;
	if (file_read(s->backends, NODE_MAX_BYTES, &text, err) != 0) {
		if (err->code != MF_EDATA)
			s->seen = (struct stat_cache){0};
		return err->code;
	}
	if (backends_file_parse(buf_str(&text), text.len, &values, err) != 0)
		return mf_err_wrap(err, "%s", s->backends);
	*ret_changed = report_backends(s, values);
	return 0;
}

static void report_problem(struct file_source *s, const char *reason)
{
	s->events->on_problem(s->ctx, "backends file", reason);
	free(s->problem);
	s->problem = mem_dup_str(reason);
}

/* The first listing is complete. */
static void finish(struct file_source *s)
{
	s->events->on_full_end(s->ctx);
	s->revision = 1;
	s->events->on_commit(s->ctx, s->revision);
}

static void on_good_backends(struct file_source *s, bool is_changed)
{
	bool was_bad = s->problem != NULL;

	if (was_bad)
		report_problem(s, NULL);
	if (s->revision == 0) {
		s->events->on_state(s->ctx, NULL);
		finish(s);
	} else if (was_bad || is_changed) {
		commit(s);
	}
}

static void on_bad_backends(struct file_source *s, const struct mf_err *why)
{
	if (s->seen.ino == 0)
		loop_timer_set(s->timer, RETRY_MS);
	if (s->problem != NULL && strcmp(s->problem, why->msg) == 0)
		return;
	report_problem(s, why->msg);
	if (s->revision == 0)
		s->events->on_state(s->ctx, why);
	else
		commit(s);
}

static void reload_backends(struct file_source *s)
{
	bool is_changed = false;
	struct mf_err err;

	if (load_backends(s, &is_changed, &err) == 0)
		on_good_backends(s, is_changed);
	else
		on_bad_backends(s, &err);
}

static void on_hint(void *ctx, bool replaced)
{
	(void)replaced; /* a file that went with its directory is a file that cannot be read */
	reload_backends(ctx);
}

static void on_time(void *ctx)
{
	reload_backends(ctx);
}

static int open_backends(struct file_source *s, struct loop *loop, const char *path,
			 struct mf_err *err)
{
	mem_auto_free char *parent = file_parent(path);
	bool is_changed;

	s->backends = mem_dup_str(path);
	if (loop != NULL) {
		s->timer = loop_timer_new(loop, on_time, s);
		if (dirwatch_start(loop, parent, on_hint, s, &s->watch, err) != 0)
			return err->code;
	}
	if (load_backends(s, &is_changed, err) == 0)
		return 0;
	if (loop == NULL || err->code != MF_EDATA)
		return err->code;
	on_bad_backends(s, err);
	return 0;
}

/* --- both ----------------------------------------------------------------------------------- */

static void refresh(struct source *source)
{
	struct file_source *s = (struct file_source *)source;

	if (s->environments != NULL)
		itemdir_rescan(s->environments);
	s->seen = (struct stat_cache){0};
	if (s->backends != NULL)
		reload_backends(s);
}

static void file_source_free(struct source *source)
{
	struct file_source *s = (struct file_source *)source;

	itemdir_close(s->environments);
	dirwatch_stop(s->watch);
	loop_timer_free(s->timer);
	strmap_free(s->values);
	free(s->backends);
	free(s->problem);
	free(s);
}

int file_source_new(struct loop *loop, const char *environments_dir, const char *backends_file,
		    const struct source_events *events, void *ctx, struct source **ret_source,
		    struct mf_err *err)
{
	struct file_source *s = MEM_NEW(s);
	int code = 0;

	s->source.free = file_source_free;
	s->source.refresh = refresh;
	s->events = events;
	s->ctx = ctx;
	s->values = strmap_new(free);
	events->on_full_begin(ctx);
	if (environments_dir != NULL)
		code = itemdir_open(loop, &env_kind, environments_dir, false, &environment_events,
				    s, &s->environments, err);
	if (s->environments != NULL)
		itemdir_report(s->environments);
	if (code == 0 && backends_file != NULL)
		code = open_backends(s, loop, backends_file, err);
	if (code != 0) {
		file_source_free(&s->source);
		return code;
	}
	*ret_source = &s->source;
	if (s->problem == NULL)
		finish(s);
	return 0;
}
