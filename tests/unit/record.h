/*
 * For tests of what follows files: a temporary folder, and a record of all events, a line each,
 * that a test waits on with a deadline.
 */
#ifndef MF_TESTS_RECORD_H
#define MF_TESTS_RECORD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "unit.h"

#define RECORD_DEADLINE_MS 10000

struct record {
	struct loop *loop;
	struct buf lines;
	size_t seen;	     /* so much of it was waited for already */
	const char *awaited; /* the line that stops the loop */
	char dir[64];
};

static inline void record_begin(struct record *r)
{
	struct mf_err err;

	*r = (struct record){.lines = BUF_INIT};
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/mayfly-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
	ck_assert_int_eq(loop_new(&r->loop, &err), 0);
}

static inline void record_end(struct record *r)
{
	struct mf_err err;

	loop_free(r->loop);
	buf_fini(&r->lines);
	ck_assert_int_eq(file_remove_tree(r->dir, &err), 0);
}

/* "/tmp/mayfly-test-abc/NAME", of one call at a time. */
static inline const char *record_path(const struct record *r, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	return path;
}

static inline void write_at(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static inline void record_write(const struct record *r, const char *name, const char *text)
{
	write_at(record_path(r, name), text);
}

static inline void record_remove(const struct record *r, const char *name)
{
	ck_assert_int_eq(unlink(record_path(r, name)), 0);
}

static inline void record_rename(const struct record *r, const char *from, const char *to)
{
	mem_auto_free char *source = mem_dup_str(record_path(r, from));

	ck_assert_int_eq(rename(source, record_path(r, to)), 0);
}

/* The place behind a line in what was not waited for yet; 0: not there. */
static inline size_t record_find(const struct record *r, const char *line)
{
	mem_auto_free char *whole = mem_printf("\n%s\n", line);
	mem_auto_free char *rest = mem_printf("\n%s", buf_str(&r->lines) + r->seen);
	const char *at = strstr(rest, whole);

	return at == NULL ? 0 : r->seen + (size_t)(at - rest) + strlen(line) + 1;
}

static inline void record_add(struct record *r, const char *line)
{
	buf_printf(&r->lines, "%s\n", line);
	if (r->awaited != NULL && record_find(r, r->awaited) != 0)
		loop_stop(r->loop);
}

static inline void record_on_deadline(void *ctx)
{
	loop_stop(ctx);
}

/* Run the loop until the line comes; what came before it is then behind us. */
static inline void record_await(struct record *r, const char *line)
{
	struct loop_timer *deadline = loop_timer_new(r->loop, record_on_deadline, r->loop);
	struct mf_err err;

	r->awaited = line;
	loop_timer_set(deadline, RECORD_DEADLINE_MS);
	if (record_find(r, line) == 0)
		ck_assert_int_eq(loop_run(r->loop, &err), 0);
	loop_timer_free(deadline);
	r->awaited = NULL;
	ck_assert_msg(record_find(r, line) != 0, "\"%s\" never came; what came:\n%s", line,
		      buf_str(&r->lines) + r->seen);
	r->seen = record_find(r, line);
}

static inline bool record_has(const struct record *r, const char *words)
{
	return strstr(buf_str(&r->lines), words) != NULL;
}

#endif
