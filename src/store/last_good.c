/* Formats the table's keys in slices, and replaces the file as a whole. */
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
#include "sys/file.h"
#include "sys/loop.h"

enum {
	LAST_GOOD_MS = 10 * 1000, /* between two writings, at least */
	LAST_GOOD_SHARE = 100,	  /* of the time is spent with them, at most: one part of it */
	LAST_GOOD_SLICE = 500,	  /* keys */
};
#define LAST_GOOD_LONGEST ((size_t)1 << 30)

struct last_good {
	struct loop *loop;
	char *dir, *path;
	const struct table *table;
	const struct guard *guard;
	struct loop_timer *timer;
	struct buf keys; /* that are not formatted yet, from next on; each ends with NUL */
	size_t next;
	struct buf text;
	int64_t pause_ms; /* before the next writing */
	bool is_writing;
	bool is_touched; /* since that began */
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

static void add_key(struct last_good *l, const char *key, int64_t now)
{
	const struct guard_held *held = guard_find(l->guard, key);
	buf_auto struct buf value = BUF_INIT;
	int64_t created = 0, left = -1;

	if (held != NULL)
		left = held->until > now ? held->until - now : 0;
	if (!format_value(l, key, held, &value, &created))
		return;
	buf_printf(&l->text, "%lld %lld %s ", (long long)left, (long long)created, key);
	buf_add(&l->text, value.data, value.len);
	buf_add_char(&l->text, '\n');
}

static void begin(struct last_good *l)
{
	void *cursor = NULL;
	const char *key;

	l->is_writing = true;
	l->is_touched = false;
	l->next = 0;
	buf_clear(&l->keys);
	buf_clear(&l->text);
	buf_printf(&l->text, "revision %lld\n", (long long)guard_revision(l->guard));
	while (table_next(l->table, &cursor, &key))
		buf_add(&l->keys, key, strlen(key) + 1);
}

static void write_file(struct last_good *l)
{
	int64_t began = loop_now(l->loop);
	struct mf_err err;

	l->is_writing = false;
	if (file_make_dirs(l->dir, 0755, &err) != 0 ||
	    file_replace(l->path, l->text.data, l->text.len, 0644, NULL, &err) != 0)
		log_warn("cannot keep what is in force for the next start",
			 LOG_STR("error", err.msg));
	l->pause_ms = (loop_now(l->loop) - began) * LAST_GOOD_SHARE;
	if (l->pause_ms < LAST_GOOD_MS)
		l->pause_ms = LAST_GOOD_MS;
	buf_fini(&l->keys);
	buf_fini(&l->text);
}

/* Returns whether all is stored. */
static bool go_on(struct last_good *l, size_t slice)
{
	int64_t now = loop_now(l->loop);

	for (size_t i = 0; i < slice && l->next < l->keys.len; i++) {
		const char *key = l->keys.data + l->next;

		add_key(l, key, now);
		l->next += strlen(key) + 1;
	}
	if (l->next < l->keys.len)
		return false;
	write_file(l);
	return true;
}

static void on_time(void *ctx)
{
	struct last_good *l = ctx;

	if (!l->is_writing)
		begin(l);
	if (!go_on(l, LAST_GOOD_SLICE))
		loop_timer_set(l->timer, 0);
	else if (l->is_touched)
		loop_timer_set(l->timer, l->pause_ms);
}

void last_good_touch(struct last_good *l)
{
	l->is_touched = true;
	if (!loop_timer_is_set(l->timer))
		loop_timer_set(l->timer, l->pause_ms);
}

struct last_good *last_good_new(struct loop *loop, const char *dir, const struct table *table,
				const struct guard *guard)
{
	struct last_good *l = MEM_NEW(l);

	l->loop = loop;
	l->dir = mem_dup_str(dir);
	l->path = mem_printf("%s/last-good", dir);
	l->table = table;
	l->guard = guard;
	l->pause_ms = LAST_GOOD_MS;
	l->timer = loop_timer_new(loop, on_time, l);
	return l;
}

void last_good_free(struct last_good *l)
{
	if (l == NULL)
		return;
	if (l->is_touched || l->is_writing) {
		begin(l);
		(void)go_on(l, SIZE_MAX);
	}
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
