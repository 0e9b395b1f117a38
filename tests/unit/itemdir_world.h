/*
 * What the tests of a directory of files share: one of environments, and the story of what is
 * reported of it.
 */
#ifndef MF_TESTS_ITEMDIR_WORLD_H
#define MF_TESTS_ITEMDIR_WORLD_H

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "record.h"
#include "store/env_kind.h"
#include "store/itemdir.h"

#define ENV(name, version)                                                                         \
	"name: " name "\nservices:\n  - name: frontend\n    version: " version "\n    route: /\n"
#define ITEM(name) "- name: " name "\n  services: [frontend]\n"

static struct record rec;
static struct itemdir *dir;

static inline void on_put(void *ctx, void *item, const char *file)
{
	const struct env *env = item;
	mem_auto_free char *line =
	    mem_printf("put %s %s %s", env->name, env->services[0].version, file);

	(void)ctx;
	record_add(&rec, line);
}

static inline void on_del(void *ctx, const char *name)
{
	mem_auto_free char *line = mem_printf("del %s", name);

	(void)ctx;
	record_add(&rec, line);
}

static inline void on_problem(void *ctx, const char *object, const char *reason)
{
	mem_auto_free char *line =
	    reason == NULL ? mem_printf("over %s", object) : mem_printf("%s: %s", object, reason);

	(void)ctx;
	record_add(&rec, line);
}

static inline void on_commit(void *ctx)
{
	(void)ctx;
	record_add(&rec, "commit");
}

static const struct itemdir_events events = {on_put, on_del, on_problem, on_commit};

static inline void setup(void)
{
	record_begin(&rec);
	dir = NULL;
	ck_assert_int_eq(mkdir(record_path(&rec, "d"), 0755), 0);
}

static inline void teardown(void)
{
	itemdir_close(dir);
	record_end(&rec);
}

static inline void open_dir(struct loop *loop, bool allow_empty)
{
	struct mf_err err;

	ck_assert_int_eq(itemdir_open(loop, &env_kind, record_path(&rec, "d"), allow_empty, &events,
				      NULL, &dir, &err),
			 0);
	itemdir_report(dir);
	rec.seen = rec.lines.len;
}

static inline void follow(void)
{
	open_dir(rec.loop, false);
}

/* Into z.yaml: so many, each with its number between these. */
static inline void write_many(const char *before, const char *after, int count)
{
	buf_auto struct buf text = BUF_INIT;

	for (int i = 0; i < count; i++)
		buf_printf(&text, "%s%d%s", before, i, after);
	record_write(&rec, "d/z.yaml", text.data);
}

#endif
