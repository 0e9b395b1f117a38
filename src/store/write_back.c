/* Files for keys.  Knows nothing of etcd, nor of whose the keys are. */
#include "store/write_back.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "base/yaml.h"
#include "model/env.h"
#include "model/env_fields.h"
#include "model/fields.h"
#include "model/node.h"
#include "store/env_sync.h"
#include "store/itemdir.h"
#include "store/kept_file.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	ROUND_US = 5000, /* how long one round writes */
	RETRY_MS = 5000,
	MAX_BYTES = 8 << 20, /* YAML is longer than the JSON that it is made of */
};

/* What becomes of a file. */
struct task {
	char *place; /* of a kept file; NULL: of the archive, and there is none like it */
	char *text;  /* NULL: it goes */
	bool has_failed;
};

struct write_back {
	struct loop *loop;
	char *dir, *place, *archive;
	struct write_back_events events;
	void *ctx;
	struct strmap *tasks; /* by path */
	struct strmap *names; /* of the environments that have a file */
	struct loop_timer *timer;
	struct problems *problems;
	bool is_wiped; /* the last listing had nothing */
	bool is_swept;
};

static void free_task(void *value)
{
	struct task *task = value;

	free(task->place);
	free(task->text);
	free(task);
}

/* The text is handed over. */
static void add_task(struct write_back *files, const char *path, const char *place, char *text)
{
	struct task *task = MEM_NEW(task);

	task->place = mem_dup_str(place);
	task->text = text;
	strmap_set(files->tasks, path, task);
	loop_timer_set(files->timer, 0);
}

/* --- texts ----------------------------------------------------------------------------------- */

static bool is_stored_only(const char *key)
{
	for (size_t i = 0; i < fields_of_env.count; i++)
		if (strcmp(fields_of_env.rows[i].key, key) == 0)
			return (fields_of_env.rows[i].flags & FIELD_STORED) != 0;
	return false;
}

/* As a file says it.  False: it is no valid environment. */
static bool format_body(const char *name, const struct env_sync_stored *stored, struct buf *ret)
{
	struct node *root;
	struct env *env;
	struct mf_err err;

	if (env_parse_json(name, stored->value, stored->len, 0, &env, &err) != 0)
		return false;
	env_unref(env);
	if (node_parse_json(stored->value, stored->len, &root, &err) != 0)
		return false;
	for (size_t i = 0; i < root->child_count; i++)
		if (!is_stored_only(root->children[i].key))
			yaml_add_member(&root->children[i], ret);
	node_free(root);
	return true;
}

static void archive(struct write_back *files, const char *name, int64_t revision, const char *body)
{
	mem_auto_free char *path =
	    mem_printf("%s/%s@%lld.yaml", files->archive, name, (long long)revision);

	add_task(files, path, NULL, mem_dup_str(body));
}

static void keep(struct write_back *files, const char *name, int64_t revision, const char *body)
{
	mem_auto_free char *path = mem_printf("%s/%s.yaml", files->dir, name);
	mem_auto_free char *place = mem_printf("%s/%s.yaml", files->place, name);
	struct buf text = BUF_INIT;

	if (body != NULL)
		kept_file_format(place, revision, body, &text);
	add_task(files, path, place, body == NULL ? NULL : buf_take(&text));
}

void write_back_note(struct write_back *files, const char *name,
		     const struct env_sync_stored *before, const struct env_sync_stored *now,
		     bool is_ours)
{
	buf_auto struct buf body = BUF_INIT;
	bool is_gone = now->value == NULL;

	if (files == NULL)
		return;
	if (is_gone && files->archive != NULL && format_body(name, before, &body))
		archive(files, name, before->revision, buf_str(&body));
	files->is_wiped = files->is_wiped && is_gone;
	if (files->dir == NULL || name_check(NAME_ENVIRONMENT, name, strlen(name), NULL) != 0)
		return;
	if (is_gone || is_ours) {
		(void)strmap_del(files->names, name);
		if (!files->is_wiped)
			keep(files, name, 0, NULL);
		return;
	}
	strmap_set(files->names, name, files);
	if (format_body(name, now, &body))
		keep(files, name, now->revision, buf_str(&body));
}

/* --- what an earlier run kept ------------------------------------------------------------------
 */

static void sweep_file(struct write_back *files, const char *file)
{
	mem_auto_free char *path = mem_printf("%s/%s", files->dir, file);
	mem_auto_free char *place = mem_printf("%s/%s", files->place, file);
	mem_auto_free char *name = mem_dup_bytes(file, strcspn(file, "."));
	buf_auto struct buf text = BUF_INIT;
	const char *body;
	int64_t revision;
	struct mf_err err;

	if (strmap_find(files->names, name) != NULL || !itemdir_is_taken(file) ||
	    file_read(path, MAX_BYTES, &text, &err) != 0 ||
	    !kept_file_parse(place, buf_str(&text), text.len, &revision, &body))
		return;
	if (files->archive != NULL)
		archive(files, name, revision, body);
	keep(files, name, 0, NULL);
}

void write_back_end_list(struct write_back *files, size_t count)
{
	DIR *dir;
	const struct dirent *entry;

	if (files == NULL)
		return;
	files->is_wiped = count == 0;
	if (files->dir == NULL || files->is_swept)
		return;
	if (count == 0) {
		log_info("etcd has no environments: no file of them is removed",
			 LOG_STR("directory", files->dir));
		return;
	}
	files->is_swept = true;
	dir = opendir(files->dir);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		sweep_file(files, entry->d_name);
	if (dir != NULL)
		(void)closedir(dir);
}

char **write_back_list(const struct write_back *files)
{
	char **names = NULL;
	void *cursor = NULL, *value;
	const char *name;

	while (files != NULL && strmap_next(files->names, &cursor, &name, &value))
		strlist_add(&names, name);
	return names;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int remove_file(const char *path, struct mf_err *err)
{
	if (unlink(path) == 0) {
		log_info("file removed: its environment is gone, or another file says it",
			 LOG_STR("file", path));
		return 0;
	}
	return errno == ENOENT ? 0 : mf_err_set_sys(err, MF_EWRITE, "cannot be removed");
}

static int replace_file(const char *path, const char *text, struct mf_err *err)
{
	bool is_changed = false;
	int code = file_replace(path, text, strlen(text), 0644, &is_changed, err);

	if (is_changed)
		log_info("file written", LOG_STR("file", path));
	return code;
}

static int do_task(const char *path, const struct task *task, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	const char *body;
	int64_t revision;
	int code;

	if (task->place == NULL)
		return replace_file(path, task->text, err);
	code = file_read(path, MAX_BYTES, &text, err);
	if (code != 0 && code != MF_ENOINPUT)
		return code;
	if (code == 0 &&
	    !kept_file_parse(task->place, buf_str(&text), text.len, &revision, &body)) {
		log_debug("a file that somebody wrote is left alone", LOG_STR("file", path));
		return 0;
	}
	return task->text == NULL ? remove_file(path, err) : replace_file(path, task->text, err);
}

/* False: it has failed. */
static bool finish_task(struct write_back *files, const char *path, struct task *task)
{
	mem_auto_free char *object = mem_printf("file %s", path);
	struct mf_err err;

	task->has_failed = do_task(path, task, &err) != 0;
	(void)problems_set(files->problems, object, task->has_failed ? err.msg : NULL);
	return !task->has_failed;
}

/* The next one to do; those that failed have to wait for their time. */
static struct task *find_task(const struct write_back *files, bool with_failed,
			      const char **ret_path)
{
	void *cursor = NULL, *value;

	while (strmap_next(files->tasks, &cursor, ret_path, &value))
		if (with_failed || !((const struct task *)value)->has_failed)
			return value;
	return NULL;
}

static void clear_failed(struct write_back *files)
{
	void *cursor = NULL, *value;
	const char *path;

	while (strmap_next(files->tasks, &cursor, &path, &value))
		((struct task *)value)->has_failed = false;
}

static void on_time(void *ctx)
{
	struct write_back *files = ctx;
	int64_t end = loop_now_us() + ROUND_US;
	const char *path;
	struct task *task;

	if (find_task(files, false, &path) == NULL)
		clear_failed(files);
	while ((task = find_task(files, false, &path)) != NULL && loop_now_us() < end) {
		mem_auto_free char *done = mem_dup_str(path);

		if (finish_task(files, done, task))
			(void)strmap_del(files->tasks, done);
	}
	if (task != NULL)
		loop_timer_set(files->timer, 0);
	else if (find_task(files, true, &path) != NULL)
		loop_timer_set(files->timer, RETRY_MS);
	if (task == NULL)
		files->events.on_idle(files->ctx);
}

bool write_back_is_idle(const struct write_back *files)
{
	const char *path;

	return files == NULL || find_task(files, false, &path) == NULL;
}

/* --- the whole -------------------------------------------------------------------------------- */

int write_back_open(struct loop *loop, const struct write_back_options *options,
		    const struct write_back_events *events, void *ctx,
		    struct write_back **ret_files, struct mf_err *err)
{
	struct write_back *files;
	int code = 0;

	if (options->dir != NULL)
		code = file_make_dirs(options->dir, 0755, err);
	if (code == 0 && options->archive != NULL)
		code = file_make_dirs(options->archive, 0755, err);
	if (code != 0)
		return code;
	files = MEM_NEW(files);
	files->loop = loop;
	files->dir = mem_dup_str(options->dir);
	files->place = mem_dup_str(options->place);
	files->archive = mem_dup_str(options->archive);
	files->events = *events;
	files->ctx = ctx;
	files->tasks = strmap_new(free_task);
	files->names = strmap_new(NULL);
	files->problems = problems_new(events->on_problem, ctx);
	files->timer = loop_timer_new(loop, on_time, files);
	*ret_files = files;
	return 0;
}

void write_back_close(struct write_back *files)
{
	if (files == NULL)
		return;
	loop_timer_free(files->timer);
	strmap_free(files->tasks);
	strmap_free(files->names);
	problems_free(files->problems);
	free(files->dir);
	free(files->place);
	free(files->archive);
	free(files);
}
