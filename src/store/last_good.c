/* A copy of this process formats the table's keys, and replaces the file as a whole. */
#include "store/last_good.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/backend.h"
#include "model/guard.h"
#include "model/table.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	LAST_GOOD_SHARE = 100, /* of the time is spent with them, at most: one part of it */
	LAST_GOOD_DEADLINE_MS = 60 * 1000,
};
#define LAST_GOOD_LONGEST ((size_t)1 << 30)

struct last_good {
	struct loop *loop;
	char *dir, *path;
	const struct table *table;
	const struct guard *guard;
	struct loop_timer *timer;
	struct child *child;	    /* that writes; NULL: none does */
	int64_t began;		    /* when the last one did */
	int64_t pause_ms, least_ms; /* before the next one; at least */
	bool is_touched;	    /* since the last one began */
};

/* --- storing ---------------------------------------------------------------------------------- */

/* An instance that is held back is drained in the table. */
static bool format_value(const struct last_good *l, const char *key, const struct guard_held *held,
			 struct buf *value, int64_t *ret_created)
{
	if (held == NULL || held->instance == NULL)
		return table_format(l->table, key, value, ret_created);
	instance_format(held->instance, NULL, value);
	return true;
}

static void add_key(const struct last_good *l, const char *key, int64_t now, struct buf *value,
		    struct buf *text)
{
	const struct guard_held *held = guard_find(l->guard, key);
	int64_t created = 0, left = -1;

	if (held != NULL)
		left = held->until > now ? held->until - now : 0;
	buf_clear(value);
	if (!format_value(l, key, held, value, &created))
		return;
	buf_printf(text, "%lld %lld ", (long long)left, (long long)created);
	buf_add_str(text, key);
	buf_add_char(text, ' ');
	buf_add(text, value->data, value->len);
	buf_add_char(text, '\n');
}

static int write_file(const struct last_good *l, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT, value = BUF_INIT;
	int64_t now = loop_now(l->loop);
	void *cursor = NULL;
	const char *key;

	buf_printf(&text, "revision %lld\n", (long long)guard_revision(l->guard));
	while (table_next(l->table, &cursor, &key))
		add_key(l, key, now, &value, &text);
	if (file_make_dirs(l->dir, 0755, err) != 0)
		return err->code;
	return file_replace(l->path, text.data, text.len, 0644, NULL, err);
}

static void log_failure(const char *error)
{
	log_warn("cannot keep what is in force for the next start", LOG_STR("error", error));
}

static int write_in_copy(void *ctx, struct buf *ret_report)
{
	struct mf_err err;

	if (write_file(ctx, &err) != 0)
		buf_add_str(ret_report, err.msg);
	return 0;
}

static void on_written(void *ctx, const struct child_result *result)
{
	struct last_good *l = ctx;
	struct mf_err err;

	l->child = NULL;
	if (result->status != 0 || result->timed_out) {
		(void)child_explain(result, "writes it", &err);
		log_failure(err.msg);
	} else if (result->output_len > 0) {
		log_failure(result->output);
	}
	l->pause_ms = (loop_now(l->loop) - l->began) * LAST_GOOD_SHARE;
	if (l->pause_ms < l->least_ms)
		l->pause_ms = l->least_ms;
	if (l->is_touched)
		loop_timer_set(l->timer, l->pause_ms);
}

/* A large table takes some tenths of a second: nothing here waits for that. */
static void on_time(void *ctx)
{
	const struct child_options options = {.deadline_ms = LAST_GOOD_DEADLINE_MS};
	struct last_good *l = ctx;

	l->is_touched = false;
	l->began = loop_now(l->loop);
	l->child = child_fork(l->loop, &options, write_in_copy, l, on_written, l);
}

void last_good_touch(struct last_good *l)
{
	l->is_touched = true;
	if (l->child == NULL && !loop_timer_is_set(l->timer))
		loop_timer_set(l->timer, l->pause_ms);
}

struct last_good *last_good_new(struct loop *loop, const char *dir, const struct table *table,
				const struct guard *guard, int64_t pause_ms)
{
	struct last_good *l = MEM_NEW(l);

	l->loop = loop;
	l->dir = mem_dup_str(dir);
	l->path = mem_printf("%s/last-good", dir);
	l->table = table;
	l->guard = guard;
	l->pause_ms = l->least_ms = pause_ms;
	l->timer = loop_timer_new(loop, on_time, l);
	return l;
}

void last_good_free(struct last_good *l)
{
	struct mf_err err;

	if (l == NULL)
		return;
	if ((l->is_touched || l->child != NULL) && write_file(l, &err) != 0)
		log_failure(err.msg);
	child_cancel(l->child);
	loop_timer_free(l->timer);
	free(l->dir);
	free(l->path);
	free(l);
}

/* --- loading ---------------------------------------------------------------------------------- */

/* Up to the next space, which becomes its end. */
static char *take_field(char **rest)
{
	char *field = *rest;

	*rest += strcspn(*rest, " ");
	if (**rest == ' ')
		*(*rest)++ = '\0';
	return field;
}

static void load_line(char *line, struct guard *guard, int64_t now)
{
	int64_t left, created;
	bool is_good = str_parse_int(take_field(&line), -1, INT64_MAX, &left);
	const char *key;

	is_good &= str_parse_int(take_field(&line), 0, INT64_MAX, &created);
	key = take_field(&line);
	if (is_good && *key != '\0')
		guard_restore(guard, key, line, created, left, now);
}

void last_good_load(const char *dir, struct guard *guard, struct loop *loop)
{
	static const char head[] = "revision ";
	mem_auto_free char *path = mem_printf("%s/last-good", dir);
	buf_auto struct buf text = BUF_INIT;
	int64_t now = loop_now(loop), revision;
	struct mf_err err;
	char *line, *rest;

	if (file_read(path, LAST_GOOD_LONGEST, &text, &err) != 0) {
		if (err.code != MF_ENOINPUT)
			log_warn("what was in force is unknown", LOG_STR("error", err.msg));
		return;
	}
	if (text.len == 0)
		return;
	for (line = strtok_r(text.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		if (!str_has_prefix(line, head))
			load_line(line, guard, now);
		else if (str_parse_int(line + strlen(head), 0, INT64_MAX, &revision))
			guard_restore_revision(guard, revision);
}
