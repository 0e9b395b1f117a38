/* One file of items.  Knows nothing of the other files beside it, nor of who hears of it. */
#include "store/itemfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/node.h"
#include "sys/file.h"

struct itemfile *itemfile_new(const struct item_kind *kind, const char *name)
{
	struct itemfile *file = MEM_NEW(file);

	file->kind = kind;
	file->name = mem_dup_str(name);
	return file;
}

static void drop_bads(struct itemfile *file)
{
	for (size_t i = 0; i < file->bad_count; i++) {
		free(file->bads[i].object);
		free(file->bads[i].reason);
	}
	free(file->bads);
	file->bads = NULL;
	file->bad_count = 0;
	file->reason_count = 0;
}

static void drop_items(struct itemfile *file)
{
	for (size_t i = 0; i < file->item_count; i++)
		file->kind->unref(file->items[i].value);
	free(file->items);
	file->items = NULL;
	file->item_count = 0;
}

void itemfile_free(struct itemfile *file)
{
	if (file == NULL)
		return;
	drop_bads(file);
	drop_items(file);
	free(file->name);
	free(file);
}

bool itemfile_is_live(const struct itemfile *file, const struct itemfile_item *item)
{
	return file->gone_at == 0 && item->left_at == 0 && !item->is_kept;
}

static void add_reason(struct itemfile *file, const char *object, const char *reason)
{
	for (size_t i = 0; i < file->bad_count; i++) {
		struct itemfile_bad *bad = &file->bads[i];

		if (strcmp(bad->object, object) == 0) {
			char *both = mem_printf("%s; %s", bad->reason, reason);

			free(bad->reason);
			bad->reason = both;
			return;
		}
	}
	file->bads = mem_realloc(file->bads, file->bad_count + 1, sizeof(*file->bads));
	file->bads[file->bad_count++] =
	    (struct itemfile_bad){mem_dup_str(object), mem_dup_str(reason)};
}

/*
 * "environment dev: prefix: ..." is about an object of its own; two nameless ones share theirs, and
 * then the reasons stand side by side.
 */
static void add_bad(struct itemfile *file, const char *message)
{
	const char *colon = strstr(message, ": ");
	bool has_own = colon != NULL && str_has_prefix(message, file->kind->noun);
	buf_auto struct buf object = BUF_INIT;

	if (++file->reason_count > ITEMFILE_MAX_REASONS)
		return;
	buf_add_str(&object, "file ");
	str_add_escaped(&object, file->name, strlen(file->name));
	if (has_own) {
		buf_printf(&object, ": %.*s", (int)(colon - message), message);
		message = colon + 2;
	}
	add_reason(file, object.data, message);
}

static void on_bad(void *ctx, const struct mf_err *why)
{
	add_bad(ctx, why->msg);
}

/* "and 59,990 more" */
static void add_rest(struct itemfile *file)
{
	buf_auto struct buf object = BUF_INIT;
	char rest[64];
	size_t count = file->reason_count - ITEMFILE_MAX_REASONS;

	if (file->reason_count <= ITEMFILE_MAX_REASONS)
		return;
	if (count < 1000)
		(void)snprintf(rest, sizeof(rest), "and %zu more", count);
	else /* a file's size allows no million */
		(void)snprintf(rest, sizeof(rest), "and %zu,%03zu more", count / 1000,
			       count % 1000);
	buf_add_str(&object, "file ");
	str_add_escaped(&object, file->name, strlen(file->name));
	add_reason(file, object.data, rest);
}

static void set_all_bad(struct itemfile *file, const char *message)
{
	drop_bads(file);
	add_bad(file, message);
	for (size_t i = 0; i < file->item_count; i++)
		file->items[i].is_kept = true;
}

/* By name, so that many items in a file are no more than that. */
static struct strmap *map_items(const struct item_kind *kind, void **values, size_t count)
{
	struct strmap *map = strmap_new(NULL);

	for (size_t i = 0; i < count; i++)
		strmap_set(map, kind->name(values[i]), values[i]);
	return map;
}

/*
 * Take the items over.  One that was there and is not among them has left; when a part of
 * the file is broken it may be just that part, and is kept.
 */
static void take(struct itemfile *file, void **values, size_t count, int64_t now, int64_t settle_ms)
{
	const struct item_kind *kind = file->kind;
	struct itemfile_item *items =
	    mem_realloc(NULL, count + file->item_count + 1, sizeof(*items));
	struct strmap *names = map_items(kind, values, count);
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		items[n++] = (struct itemfile_item){.value = values[i]};
	for (size_t i = 0; i < file->item_count; i++) {
		struct itemfile_item old = file->items[i];

		if (strmap_find(names, kind->name(old.value)) != NULL ||
		    (file->bad_count == 0 && settle_ms == 0))
			continue;
		old.is_kept = file->bad_count != 0;
		if (old.is_kept)
			old.left_at = 0;
		else if (old.left_at == 0)
			old.left_at = now;
		old.value = kind->ref(old.value);
		items[n++] = old;
	}
	drop_items(file);
	strmap_free(names);
	free(values);
	file->items = items;
	file->item_count = n;
}

static void parse(struct itemfile *file, const char *path, const struct buf *text, int64_t now,
		  int64_t settle_ms)
{
	void **values = NULL;
	size_t count = 0;
	struct mf_err err;

	drop_bads(file);
	file->is_ignored = file->kind->is_ignored != NULL &&
			   file->kind->is_ignored(path, buf_str(text), text->len);
	if (file->is_ignored) {
		take(file, mem_alloc(1), 0, now, settle_ms);
		return;
	}
	if (file->kind->parse(buf_str(text), text->len, &values, &count, on_bad, file, &err) == 0) {
		add_rest(file);
		take(file, values, count, now, settle_ms);
		return;
	}
	set_all_bad(file, err.msg); /* says enough */
}

/* A file that is written in place is empty first: wait for what follows. */
static bool is_blank_for_now(struct itemfile *file, const struct buf *text, int64_t now,
			     int64_t settle_ms)
{
	if (text->len != 0 || settle_ms == 0) {
		file->blank_at = 0;
		return false;
	}
	if (file->blank_at == 0)
		file->blank_at = now;
	return now - file->blank_at < settle_ms;
}

/* It may become the origin of its items, which must be read again. */
static bool is_name_text(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return str_is_utf8(name, strlen(name));
}

bool itemfile_load(struct itemfile *file, const char *path, int64_t now, int64_t settle_ms)
{
	buf_auto struct buf text = BUF_INIT;
	struct stat_cache now_seen = {0};
	struct mf_err err;
	struct stat st;
	int sys = stat_cache_take(path, &now_seen);

	if (sys == ENOENT && lstat(path, &st) != 0 && errno == ENOENT)
		return false;
	if (sys == 0 && file->blank_at == 0 && stat_cache_is_current(&file->seen, &now_seen))
		return true;
	file->seen = now_seen;
	if (!is_name_text(file->name)) {
		set_all_bad(file, "its name is no printable text");
	} else if (file_read(path, NODE_MAX_BYTES, &text, &err) != 0) {
		if (err.code != MF_EDATA)
			file->seen = (struct stat_cache){0};
		set_all_bad(file, err.sys != 0 ? strerror(err.sys) : err.msg);
	} else if (!is_blank_for_now(file, &text, now, settle_ms)) {
		parse(file, path, &text, now, settle_ms);
	}
	return true;
}

static void sooner(int64_t *due, int64_t when)
{
	if (*due == 0 || when < *due)
		*due = when;
}

int64_t itemfile_settle(struct itemfile *file, int64_t now, int64_t settle_ms)
{
	int64_t due = 0;
	size_t kept = 0;

	for (size_t i = 0; i < file->item_count; i++) {
		struct itemfile_item *item = &file->items[i];

		if (item->left_at != 0 && now - item->left_at >= settle_ms) {
			file->kind->unref(item->value);
			continue;
		}
		if (item->left_at != 0)
			sooner(&due, item->left_at + settle_ms);
		file->items[kept++] = *item;
	}
	file->item_count = kept;
	if (file->blank_at != 0 && now - file->blank_at < settle_ms)
		sooner(&due, file->blank_at + settle_ms);
	return due;
}
