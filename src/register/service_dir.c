/*
 * Services of a directory, brought together with this host's addresses.  Knows nothing of files,
 * nor of etcd.
 */
#include "register/service_dir.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "base/strmap.h"
#include "register/announcer.h"
#include "register/netif.h"
#include "register/service_file.h"
#include "store/itemdir.h"

struct service_dir {
	struct itemdir *items;
	struct netif_watch *watch; /* NULL: addresses cannot be followed */
	char *watch_why;	   /* why not */
	struct netif_list *list;
	struct announcer *announcer; /* NULL: nothing is announced yet */
	int64_t ttl_ms;
	struct strmap *desired; /* an entry's name -> struct desired */
	struct problems *problems;
	service_problem_fn *on_problem;
	void *ctx;
};

struct desired {
	struct service_entry *entry;
	char *file;
	char *address; /* that it is announced on; NULL: it is not */
	char *why;     /* it cannot be announced at all; NULL: it can */
};

static void desired_free(void *value)
{
	struct desired *desired = value;

	service_kind.unref(desired->entry);
	free(desired->file);
	free(desired->address);
	free(desired->why);
	free(desired);
}

/* --- problems --------------------------------------------------------------------------------- */

static char *explain(const struct service_dir *dir, const struct desired *desired)
{
	const struct service_entry *entry = desired->entry;

	if (desired->why != NULL)
		return mem_printf("%s (file %s)", desired->why, desired->file);
	if (dir->announcer != NULL && desired->address == NULL)
		return mem_printf("waits: this host has no address now that is meant by %s "
				  "(file %s)",
				  entry->want.where.text, desired->file);
	if (dir->announcer != NULL && entry->want.ttl_ms != 0 && entry->want.ttl_ms < dir->ttl_ms)
		return mem_printf("its ttl of %lld ms is shorter than the lease, which all share "
				  "and which has %lld ms until the next start (file %s)",
				  (long long)entry->want.ttl_ms, (long long)dir->ttl_ms,
				  desired->file);
	return NULL;
}

static void report(struct service_dir *dir)
{
	void *cursor = NULL, *value;
	const char *name;

	if (dir->watch_why != NULL)
		problems_put(dir->problems, "addresses", "%s", dir->watch_why);
	while (strmap_next(dir->desired, &cursor, &name, &value)) {
		mem_auto_free char *why = explain(dir, value);
		mem_auto_free char *object = mem_printf("service %s", name);

		if (why != NULL)
			problems_put(dir->problems, object, "%s", why);
	}
	(void)problems_end(dir->problems);
}

/* --- announcements ---------------------------------------------------------------------------- */

static void set_text(char **text, const char *value)
{
	char *copy = mem_dup_str(value);

	free(*text);
	*text = copy;
}

static void announce(struct service_dir *dir, struct desired *desired, const char *address)
{
	struct announcement now = desired->entry->want;
	struct mf_err err;

	set_text(&desired->why, NULL);
	now.address = (char *)address;
	if (address == NULL)
		announcer_del(dir->announcer, desired->entry->name);
	else if (announcer_set(dir->announcer, desired->entry->name, &now, &err) != 0)
		set_text(&desired->why, err.msg);
	set_text(&desired->address, address);
}

static const char *find_address(const struct service_dir *dir, const struct desired *desired)
{
	return netif_find(dir->list, &desired->entry->want.where, desired->address);
}

static void on_put(void *ctx, void *item, const char *file)
{
	struct service_dir *dir = ctx;
	struct service_entry *entry = item;
	struct desired *desired = strmap_find(dir->desired, entry->name);

	if (desired == NULL) {
		desired = MEM_NEW(desired);
		strmap_set(dir->desired, entry->name, desired);
	}
	(void)service_kind.ref(entry);
	service_kind.unref(desired->entry);
	desired->entry = entry;
	set_text(&desired->file, file);
	if (dir->announcer != NULL)
		announce(dir, desired, find_address(dir, desired));
}

static void on_del(void *ctx, const char *name)
{
	struct service_dir *dir = ctx;

	if (dir->announcer != NULL)
		announcer_del(dir->announcer, name);
	(void)strmap_del(dir->desired, name);
}

static void on_item_problem(void *ctx, const char *object, const char *reason)
{
	struct service_dir *dir = ctx;

	dir->on_problem(dir->ctx, object, reason);
}

static void on_commit(void *ctx)
{
	report(ctx);
}

/* Where there is no list the last one holds: nothing is withdrawn because files ran out. */
static void list_addresses(struct service_dir *dir)
{
	struct netif_list *list = netif_list_new();

	if (list == NULL) {
		netif_watch_retry(dir->watch);
		return;
	}
	netif_list_free(dir->list);
	dir->list = list;
}

static void on_addresses(void *ctx)
{
	struct service_dir *dir = ctx;
	void *cursor = NULL, *value;
	const char *name;

	list_addresses(dir);
	while (dir->announcer != NULL && strmap_next(dir->desired, &cursor, &name, &value)) {
		struct desired *desired = value;
		const char *address = find_address(dir, desired);

		if (!str_is_same(address, desired->address))
			announce(dir, desired, address);
	}
	report(dir);
}

void service_dir_announce(struct service_dir *dir, struct announcer *announcer, int64_t ttl_ms)
{
	void *cursor = NULL, *value;
	const char *name;

	dir->announcer = announcer;
	dir->ttl_ms = ttl_ms;
	while (strmap_next(dir->desired, &cursor, &name, &value))
		announce(dir, value, find_address(dir, value));
	report(dir);
}

/* --- the directory ---------------------------------------------------------------------------- */

int service_dir_open(struct loop *loop, const char *path, bool allow_empty,
		     service_problem_fn *on_problem, void *ctx, struct service_dir **ret_dir,
		     struct mf_err *err)
{
	static const struct itemdir_events events = {on_put, on_del, on_item_problem, on_commit};
	struct service_dir *dir = MEM_NEW(dir);
	struct mf_err why;
	int code;

	dir->on_problem = on_problem;
	dir->ctx = ctx;
	dir->desired = strmap_new(desired_free);
	dir->problems = problems_new(on_problem, ctx);
	code = itemdir_open(loop, &service_kind, path, allow_empty, &events, dir, &dir->items, err);
	if (code != 0) {
		service_dir_close(dir);
		return code;
	}
	if (netif_watch_start(loop, on_addresses, dir, &dir->watch, &why) != 0)
		dir->watch_why = mem_dup_str(why.msg);
	list_addresses(dir); /* after the watch, so that nothing falls in between */
	itemdir_report(dir->items);
	*ret_dir = dir;
	return 0;
}

void service_dir_close(struct service_dir *dir)
{
	if (dir == NULL)
		return;
	itemdir_close(dir->items);
	netif_watch_stop(dir->watch);
	netif_list_free(dir->list);
	strmap_free(dir->desired);
	problems_free(dir->problems);
	free(dir->watch_why);
	free(dir);
}

void service_dir_rescan(struct service_dir *dir)
{
	on_addresses(dir);
	itemdir_rescan(dir->items);
}

int64_t service_dir_ttl(const struct service_dir *dir)
{
	int64_t least = 0;
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(dir->desired, &cursor, &name, &value)) {
		int64_t ms = ((const struct desired *)value)->entry->want.ttl_ms;

		if (ms != 0 && (least == 0 || ms < least))
			least = ms;
	}
	return least;
}

size_t service_dir_count(const struct service_dir *dir)
{
	return strmap_count(dir->desired);
}

size_t service_dir_file_count(const struct service_dir *dir)
{
	return itemdir_file_count(dir->items);
}
