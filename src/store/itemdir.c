/*
 * A directory of files of items: polled as a whole at each hint, then compared with what was
 * reported last.  Knows nothing of etcd, nor of what a file's text means.
 */
#include "store/itemdir.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "store/itemfile.h"
#include "sys/dirwatch.h"
#include "sys/file.h"
#include "sys/loop.h"

#define SETTLE_MS 1000
#define RETRY_MS  2000 /* what cannot be read may become readable without a hint */

struct itemdir {
	struct loop *loop; /* NULL: read once */
	const struct item_kind *kind;
	char *path;
	char *only; /* the name of the one file that is taken; NULL: all are */
	bool allow_empty;
	const struct itemdir_events *events;
	void *ctx;
	struct dirwatch *watch;
	struct loop_timer *timer;
	struct itemfile **files; /* by name */
	size_t file_count, file_cap;
	dev_t dev; /* the directory that files were last seen in */
	ino_t ino;
	bool is_replaced;	  /* it may be another one since files were last seen in it */
	bool is_held;		  /* nothing goes until files are back */
	bool is_reported;	  /* the first round is over */
	struct mf_err why;	  /* code not 0: out of reach */
	struct strmap *effective; /* what was reported: an item's name -> struct effective */
	struct strmap *refused;	  /* by name: the file in which an item is that may not be */
	struct problems *problems;
};

/* An item in force, and the file it comes from. */
struct effective {
	const struct item_kind *kind;
	void *value;
	char *file;
};

struct listing {
	char **names;
	size_t count, cap;
	char **links; /* those of them that may be symbolic links; NULL at the end */
	size_t link_count;
	dev_t dev;
	ino_t ino;
};

static void free_effective(void *value)
{
	struct effective *effective = value;

	effective->kind->unref(effective->value);
	free(effective->file);
	free(effective);
}

static struct effective *copy_effective(const struct effective *other)
{
	struct effective *copy = MEM_NEW(copy);

	copy->kind = other->kind;
	copy->value = other->kind->ref(other->value);
	copy->file = mem_dup_str(other->file);
	return copy;
}

/* --- what is there -------------------------------------------------------------------------- */

/* Hidden files and what editors leave: .#dev.yaml, #dev.yaml#, ~dev.yaml, dev.yaml~. */
bool itemdir_is_taken(const char *name)
{
	if (strchr(".#~", name[0]) != NULL)
		return false;
	return str_has_suffix(name, ".yaml") || str_has_suffix(name, ".yml");
}

static void listing_fini(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->names[i]);
	free(listing->names);
	strlist_free(listing->links);
}

static void add_link(struct listing *listing, const char *name)
{
	listing->links =
	    mem_realloc(listing->links, listing->link_count + 2, sizeof(*listing->links));
	listing->links[listing->link_count++] = mem_dup_str(name);
	listing->links[listing->link_count] = NULL;
}

static bool takes(const struct itemdir *dir, const char *name)
{
	return dir->only == NULL ? itemdir_is_taken(name) : strcmp(dir->only, name) == 0;
}

static int list_names(const struct itemdir *dir, DIR *d, struct listing *listing,
		      struct mf_err *err)
{
	struct dirent *entry;

	while (errno = 0, (entry = readdir(d)) != NULL) {
		if (!takes(dir, entry->d_name))
			continue;
		if (listing->count == ITEMDIR_MAX_FILES)
			return mf_err_set(err, MF_EDATA, "more than %zu %s files",
					  ITEMDIR_MAX_FILES, dir->kind->noun);
		MEM_GROW(listing->names, listing->count, listing->cap);
		listing->names[listing->count++] = mem_dup_str(entry->d_name);
		if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN)
			add_link(listing, entry->d_name);
	}
	return errno == 0 ? 0 : mf_err_set_sys(err, MF_EFAIL, "cannot be read");
}

static int list_directory(const struct itemdir *dir, struct listing *listing, struct mf_err *err)
{
	DIR *d = opendir(dir->path);
	struct stat st;
	int code;

	if (d == NULL &&
	    (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG))
		return mf_err_set_sys(err, MF_ENOINPUT, "cannot be read");
	if (d == NULL)
		return mf_err_set_sys(err, errno == EACCES ? MF_EPERM : MF_EFAIL, "cannot be read");
	if (fstat(dirfd(d), &st) != 0)
		code = mf_err_set_sys(err, MF_EFAIL, "cannot be read");
	else
		code = list_names(dir, d, listing, err);
	(void)closedir(d);
	listing->dev = st.st_dev;
	listing->ino = st.st_ino;
	return code;
}

static int compare_files(const void *a, const void *b)
{
	const struct itemfile *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static struct itemfile *find_file(const struct itemdir *dir, const char *name)
{
	size_t low = 0, high = dir->file_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, dir->files[middle]->name);

		if (order == 0)
			return dir->files[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void load_file(struct itemdir *dir, struct itemfile *file, int64_t now)
{
	mem_auto_free char *path = mem_printf("%s/%s", dir->path, file->name);

	if (itemfile_load(file, path, now, dir->loop == NULL ? 0 : SETTLE_MS))
		file->gone_at = 0;
}

/* Load every file of the listing; the others are gone since now, if not since earlier. */
static void load_files(struct itemdir *dir, const struct listing *listing, int64_t now)
{
	size_t known = dir->file_count;

	for (size_t i = 0; i < listing->count; i++) {
		if (find_file(dir, listing->names[i]) != NULL)
			continue;
		MEM_GROW(dir->files, known, dir->file_cap);
		dir->files[known++] = itemfile_new(dir->kind, listing->names[i]);
	}
	dir->file_count = known;
	if (known > 1)
		qsort(dir->files, known, sizeof(dir->files[0]), compare_files);
	for (size_t i = 0; i < dir->file_count; i++)
		if (dir->files[i]->gone_at == 0)
			dir->files[i]->gone_at = now;
	for (size_t i = 0; i < listing->count; i++)
		load_file(dir, find_file(dir, listing->names[i]), now);
}

/* --- what is believed ----------------------------------------------------------------------- */

size_t itemdir_file_count(const struct itemdir *dir)
{
	size_t count = 0;

	for (size_t i = 0; i < dir->file_count; i++)
		count += dir->files[i]->gone_at == 0 && !dir->files[i]->is_ignored;
	return dir->why.code == 0 ? count : 0;
}

/* Also those that were there. */
static bool has_several(const struct itemdir *dir)
{
	size_t count = 0;

	for (size_t i = 0; i < dir->file_count; i++)
		count += !dir->files[i]->is_ignored;
	return count >= 2;
}

static bool has_items(const struct itemdir *dir)
{
	for (size_t i = 0; i < dir->file_count; i++)
		if (dir->files[i]->item_count != 0)
			return true;
	return false;
}

/*
 * An empty directory is believed when its one file was deleted, and not when it may have been
 * unmounted, replaced, or emptied by accident.
 */
static void judge(struct itemdir *dir, const struct listing *listing, int64_t now)
{
	bool is_other = dir->is_replaced || listing->dev != dir->dev || listing->ino != dir->ino;

	if (itemdir_file_count(dir) != 0) {
		for (size_t i = 0; dir->is_held && i < dir->file_count; i++)
			if (dir->files[i]->gone_at != 0)
				dir->files[i]->gone_at = now;
		dir->is_held = false;
		dir->is_replaced = false;
		dir->dev = listing->dev;
		dir->ino = listing->ino;
	} else if (!dir->allow_empty && has_items(dir)) {
		dir->is_held = dir->is_held || is_other || has_several(dir);
	}
}

/* Forget what went long enough ago; returns when the next poll is due, 0: never. */
static int64_t settle(struct itemdir *dir, int64_t now)
{
	int64_t due = 0;
	size_t kept = 0;

	for (size_t i = 0; i < dir->file_count; i++) {
		struct itemfile *file = dir->files[i];
		int64_t when = 0;

		if (file->gone_at == 0) {
			when = itemfile_settle(file, now, SETTLE_MS);
		} else if (!dir->is_held && now - file->gone_at >= SETTLE_MS) {
			itemfile_free(file);
			continue;
		} else if (!dir->is_held) {
			when = file->gone_at + SETTLE_MS;
		}
		if (when != 0 && (due == 0 || when < due))
			due = when;
		dir->files[kept++] = file;
	}
	dir->file_count = kept;
	return due;
}

/* --- what is reported ------------------------------------------------------------------------ */

static void add_effective(struct strmap *effective, struct problems *problems,
			  const struct itemfile *file, const struct itemfile_item *item)
{
	const struct item_kind *kind = file->kind;
	const char *name = kind->name(item->value);
	const struct effective *first = strmap_find(effective, name);
	mem_auto_free char *object = mem_printf("%s %s", kind->noun, name);
	const char *before = problems_find(problems, object);

	if (first == NULL) {
		struct effective *new = MEM_NEW(new);

		new->kind = kind;
		new->value = kind->ref(item->value);
		new->file = mem_dup_str(file->name);
		strmap_set(effective, name, new);
	} else if (!itemfile_is_live(file, item)) {
		return;
	} else if (before == NULL) {
		problems_put(problems, object, "also in %s; the one in %s counts", file->name,
			     first->file);
	} else {
		problems_put(problems, object, "also in %s, %s", file->name,
			     before + strlen("also in "));
	}
}

/* The first file by name keeps an item; what a file says goes before another's remains. */
static struct strmap *find_effective(const struct itemdir *dir)
{
	struct strmap *effective = strmap_new(free_effective);

	for (int is_live = 1; is_live >= 0; is_live--)
		for (size_t i = 0; i < dir->file_count; i++)
			for (size_t k = 0; k < dir->files[i]->item_count; k++) {
				const struct itemfile_item *item = &dir->files[i]->items[k];

				if (itemfile_is_live(dir->files[i], item) == (is_live == 1))
					add_effective(effective, dir->problems, dir->files[i],
						      item);
			}
	return effective;
}

/* --- what may not be together ----------------------------------------------------------------- */

struct refusal {
	struct itemdir *dir;
	struct strmap *effective;
};

/* What it was, in its place; or nothing, as long as its file is there. */
static void on_refused(void *ctx, const char *name, bool is_error, const char *reason)
{
	const struct refusal *refusal = ctx;
	struct itemdir *dir = refusal->dir;
	const struct effective *before = strmap_find(dir->effective, name);
	const struct effective *now = strmap_find(refusal->effective, name);
	mem_auto_free char *object = mem_printf("%s %s", dir->kind->noun, name);

	(void)is_error;
	problems_put(dir->problems, object, "%s%s", reason,
		     before == NULL ? "" : "; what it was before stays");
	strmap_set(dir->refused, name, mem_dup_str(now->file));
	if (before != NULL)
		strmap_set(refusal->effective, name, copy_effective(before));
}

static void refuse(struct itemdir *dir, struct strmap *effective)
{
	struct refusal refusal = {dir, effective};
	void *cursor = NULL, *value, **items;
	const char *name;
	size_t count = 0;

	strmap_free(dir->refused);
	dir->refused = strmap_new(free);
	if (dir->kind->refuse == NULL)
		return;
	items = mem_alloc((strmap_count(effective) + 1) * sizeof(*items));
	while (strmap_next(effective, &cursor, &name, &value))
		items[count++] = dir->kind->ref(((const struct effective *)value)->value);
	dir->kind->refuse(items, count, on_refused, &refusal);
	for (size_t i = 0; i < count; i++)
		dir->kind->unref(items[i]);
	free(items);
	cursor = NULL;
	while (strmap_next(dir->refused, &cursor, &name, &value))
		if (strmap_find(dir->effective, name) == NULL)
			(void)strmap_del(effective, name);
}

static void collect_problems(const struct itemdir *dir)
{
	mem_auto_free char *self = mem_printf("directory %s", dir->path);

	for (size_t i = 0; i < dir->file_count; i++)
		for (size_t k = 0; dir->files[i]->gone_at == 0 && k < dir->files[i]->bad_count; k++)
			problems_put(dir->problems, dir->files[i]->bads[k].object, "%s",
				     dir->files[i]->bads[k].reason);
	if (dir->why.code != 0)
		problems_put(dir->problems, self, "%s", dir->why.msg);
	else if (dir->is_held)
		problems_put(dir->problems, self,
			     "no %s file is left: nothing is %s until files are back",
			     dir->kind->noun, dir->kind->gone);
}

static bool report_items(struct itemdir *dir, struct strmap *effective)
{
	bool is_changed = false;
	const char *name;
	void *cursor = NULL, *value;

	while (strmap_next(dir->effective, &cursor, &name, &value))
		if (strmap_find(effective, name) == NULL) {
			dir->events->on_del(dir->ctx, name);
			is_changed = true;
		}
	cursor = NULL;
	while (strmap_next(effective, &cursor, &name, &value)) {
		const struct effective *now = value, *before = strmap_find(dir->effective, name);

		if (before != NULL && dir->kind->is_equal(before->value, now->value) &&
		    strcmp(before->file, now->file) == 0)
			continue;
		dir->events->on_put(dir->ctx, now->value, now->file);
		is_changed = true;
	}
	strmap_free(dir->effective);
	dir->effective = effective;
	return is_changed;
}

void itemdir_report(struct itemdir *dir)
{
	struct strmap *effective = find_effective(dir);
	bool is_changed;

	refuse(dir, effective);
	collect_problems(dir);
	is_changed = problems_end(dir->problems);
	is_changed = report_items(dir, effective) || is_changed || !dir->is_reported;
	dir->is_reported = true;
	if (is_changed)
		dir->events->on_commit(dir->ctx);
}

/* --- rounds --------------------------------------------------------------------------------- */

static bool has_unreadable(const struct itemdir *dir)
{
	for (size_t i = 0; i < dir->file_count; i++)
		if (dir->files[i]->gone_at == 0 && dir->files[i]->bad_count != 0 &&
		    dir->files[i]->seen.ino == 0)
			return true;
	return dir->why.code != 0;
}

/* Without reporting anything. */
static int read_directory(struct itemdir *dir, struct mf_err *err)
{
	int64_t now = dir->loop == NULL ? 0 : loop_now(dir->loop), due = 0;
	struct listing listing = {0};

	if (list_directory(dir, &listing, err) != 0) {
		mf_err_set(&dir->why, err->code, "%s", err->msg);
		dir->is_replaced = true;
		mf_err_wrap(err, "%s", dir->path);
	} else {
		dir->why.code = 0;
		/* Before they are read, so that nothing falls in between. */
		if (dir->watch != NULL)
			dirwatch_follow_links(dir->watch, listing.links);
		load_files(dir, &listing, now);
		judge(dir, &listing, now);
		due = settle(dir, now);
	}
	listing_fini(&listing);
	if (dir->timer != NULL) {
		if (has_unreadable(dir) && (due == 0 || due > now + RETRY_MS))
			due = now + RETRY_MS;
		if (due != 0)
			loop_timer_set(dir->timer, due - now);
	}
	return dir->why.code;
}

static void poll_files(struct itemdir *dir)
{
	struct mf_err err;

	(void)read_directory(dir, &err);
	itemdir_report(dir);
}

/* Whoever asks may know of a change that no time shows. */
void itemdir_rescan(struct itemdir *dir)
{
	for (size_t i = 0; i < dir->file_count; i++)
		dir->files[i]->seen = (struct stat_cache){0};
	poll_files(dir);
}

static void on_time(void *ctx)
{
	poll_files(ctx);
}

static void on_hint(void *ctx, bool replaced)
{
	struct itemdir *dir = ctx;

	dir->is_replaced = dir->is_replaced || replaced;
	poll_files(dir);
}

bool itemdir_is_broken(const struct itemdir *dir, const char *name)
{
	const struct itemfile *file = find_file(dir, name);
	void *cursor = NULL, *refused;
	const char *item;

	while (strmap_next(dir->refused, &cursor, &item, &refused))
		if (strcmp(refused, name) == 0)
			return true;
	return file != NULL && (file->gone_at != 0 || file->blank_at != 0 || file->bad_count != 0);
}

static struct itemdir *itemdir_new(const struct item_kind *kind, const char *path,
				   const struct itemdir_events *events, void *ctx)
{
	struct itemdir *dir = MEM_NEW(dir);

	dir->kind = kind;
	dir->path = mem_dup_str(path);
	dir->events = events;
	dir->ctx = ctx;
	dir->effective = strmap_new(free_effective);
	dir->refused = strmap_new(free);
	dir->problems = problems_new(events->on_problem, ctx);
	return dir;
}

static int start(struct itemdir *dir, struct loop *loop, struct mf_err *err)
{
	int code = 0;

	dir->loop = loop;
	if (loop != NULL) {
		dir->timer = loop_timer_new(loop, on_time, dir);
		/* Before the first reading, so that nothing falls in between. */
		code = dirwatch_start(loop, dir->path, on_hint, dir, &dir->watch, err);
	}
	return code == 0 ? read_directory(dir, err) : code;
}

static int keep_or_close(int code, struct itemdir *dir, struct itemdir **ret_itemdir)
{
	if (code == 0)
		*ret_itemdir = dir;
	else
		itemdir_close(dir);
	return code;
}

int itemdir_open(struct loop *loop, const struct item_kind *kind, const char *path,
		 bool allow_empty, const struct itemdir_events *events, void *ctx,
		 struct itemdir **ret_itemdir, struct mf_err *err)
{
	struct itemdir *dir = itemdir_new(kind, path, events, ctx);

	dir->allow_empty = allow_empty;
	return keep_or_close(start(dir, loop, err), dir, ret_itemdir);
}

int itemdir_open_file(struct loop *loop, const struct item_kind *kind, const char *path,
		      const struct itemdir_events *events, void *ctx, struct itemdir **ret_itemdir,
		      struct mf_err *err)
{
	mem_auto_free char *parent = file_parent(path);
	struct itemdir *dir = itemdir_new(kind, parent, events, ctx);
	const char *slash = strrchr(path, '/');
	int code;

	dir->only = mem_dup_str(slash == NULL ? path : slash + 1);
	code = start(dir, loop, err);
	if (code == 0 && itemdir_file_count(dir) == 0)
		code = mf_err_set(err, MF_ENOINPUT, "%s: there is no such file", path);
	return keep_or_close(code, dir, ret_itemdir);
}

void itemdir_close(struct itemdir *dir)
{
	if (dir == NULL)
		return;
	dirwatch_stop(dir->watch);
	loop_timer_free(dir->timer);
	for (size_t i = 0; i < dir->file_count; i++)
		itemfile_free(dir->files[i]);
	free(dir->files);
	strmap_free(dir->effective);
	strmap_free(dir->refused);
	problems_free(dir->problems);
	free(dir->path);
	free(dir->only);
	free(dir);
}
