/*
 * Files checked before they are used: prints what the parser says of each.  Knows neither etcd nor
 * the loop.
 */
#include "cmd/file_check.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
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
#include "store/itemdir.h"
#include "sys/file.h"

struct check {
	const struct item_kind *kind;
	file_check_item_fn *check_item; /* NULL: nothing more */
	void *ctx;
	struct strmap *seen; /* an item's name -> the path that has it */
	void **items;	     /* references to all of them */
	size_t item_count, item_cap;
	bool is_refused; /* for what they are together */
	const char *path;
	size_t problems; /* of this file */
};

static void print_line(FILE *to, const char *path, const char *message)
{
	buf_auto struct buf line = BUF_INIT;

	str_add_escaped(&line, path, strlen(path));
	buf_printf(&line, ": %s\n", message);
	(void)fputs(line.data, to);
}

static void on_bad(void *ctx, const struct mf_err *why)
{
	struct check *c = ctx;

	c->problems++;
	print_line(stderr, c->path, why->msg);
}

static void check_distinct(struct check *c, const void *item)
{
	const char *name = c->kind->name(item);
	const char *first = strmap_find(c->seen, name);
	struct mf_err err;

	if (first == NULL) {
		strmap_set(c->seen, name, mem_dup_str(c->path));
		return;
	}
	(void)mf_err_set(&err, MF_EDATA, "%s %s: also in %s", c->kind->noun, name, first);
	on_bad(c, &err);
}

static void check_item(struct check *c, const void *item)
{
	struct mf_err err;

	if (c->check_item == NULL || c->check_item(c->ctx, item, c->path, &err) == 0)
		return;
	(void)mf_err_wrap(&err, "%s %s", c->kind->noun, c->kind->name(item));
	on_bad(c, &err);
}

static int check_text(struct check *c, const struct buf *text, size_t *ret_count,
		      struct mf_err *err)
{
	void **items;
	size_t count;

	if (c->kind->parse(buf_str(text), text->len, &items, &count, on_bad, c, err) != 0)
		return err->code;
	for (size_t i = 0; i < count; i++) {
		check_distinct(c, items[i]);
		check_item(c, items[i]);
		MEM_GROW(c->items, c->item_count, c->item_cap);
		c->items[c->item_count++] = items[i];
	}
	free(items);
	*ret_count = count;
	return c->problems == 0 ? 0 : MF_EDATA;
}

static int check_file(struct check *c, const char *path)
{
	mem_auto_free char *good = NULL;
	buf_auto struct buf text = BUF_INIT;
	struct mf_err err;
	size_t count = 0;
	int code = file_read(path, NODE_MAX_BYTES, &text, &err);

	c->path = path;
	c->problems = 0;
	if (code != 0) { /* the message begins with the path */
		(void)fprintf(stderr, "%s\n", err.msg);
		return code;
	}
	err.msg[0] = '\0';
	code = check_text(c, &text, &count, &err);
	if (code != 0) {
		if (err.msg[0] != '\0')
			print_line(stderr, c->path, err.msg);
		return code;
	}
	good = mem_printf("ok (%zu %s%s)", count, c->kind->noun, count == 1 ? "" : "s");
	print_line(stdout, c->path, good);
	return 0;
}

/* What a run of several files ends with: bad data before whatever else came first. */
static void note(int *worst, int code)
{
	if (code != 0 && (*worst == 0 || code == MF_EDATA))
		*worst = code;
}

static int is_taken(const struct dirent *entry)
{
	return itemdir_is_taken(entry->d_name);
}

static int check_directory(struct check *c, const char *path)
{
	struct dirent **entries;
	int worst = 0, count = scandir(path, &entries, is_taken, alphasort);

	if (count < 0) {
		print_line(stderr, path, strerror(errno));
		return errno == EACCES ? MF_EPERM : MF_EFAIL;
	}
	for (int i = 0; i < count; i++) {
		mem_auto_free char *below = mem_printf("%s/%s", path, entries[i]->d_name);

		note(&worst, check_file(c, below));
		free(entries[i]);
	}
	free(entries);
	if (count == 0) {
		mem_auto_free char *message = mem_printf("holds no %s file", c->kind->noun);

		print_line(stderr, path, message);
		return MF_ENOINPUT;
	}
	return worst;
}

static void on_judged(void *ctx, const char *name, bool is_error, const char *reason)
{
	struct check *c = ctx;
	mem_auto_free char *message =
	    mem_printf("%s%s %s: %s", is_error ? "" : "warning: ", c->kind->noun, name, reason);

	print_line(stderr, strmap_find(c->seen, name), message);
	c->is_refused |= is_error;
}

static void judge(struct check *c)
{
	if (c->kind->judge != NULL)
		c->kind->judge(c->items, c->item_count, on_judged, c);
	for (size_t i = 0; i < c->item_count; i++)
		c->kind->unref(c->items[i]);
	free(c->items);
}

int file_check_all(const struct item_kind *kind, char *const *paths, int count,
		   file_check_item_fn *check_item_fn, void *ctx)
{
	struct check c = {
	    .kind = kind, .check_item = check_item_fn, .ctx = ctx, .seen = strmap_new(free)};
	int worst = 0;

	for (int i = 0; i < count; i++) {
		struct stat st;
		bool is_directory = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);

		note(&worst,
		     is_directory ? check_directory(&c, paths[i]) : check_file(&c, paths[i]));
	}
	judge(&c);
	strmap_free(c.seen);
	if (c.is_refused)
		note(&worst, MF_EDATA);
	if (fflush(stdout) != 0 && worst == 0)
		worst = MF_EWRITE;
	return mf_err_exit_status(worst);
}
