/* Files as a source: what is told is what etcd would hold. */
#include "store/file_source.h"

#include "base/strmap.h"
#include "record.h"
#include "store/backends_file.h"

#define ORIGIN(file) "\"origin\":{\"owner\":\"files\",\"source\":\"" file "\"}"
#define DEV_JSON(file)                                                                             \
	"{\"name\":\"dev\",\"prefix\":\"www-dev\",\"header\":\"dev\",\"hosts\":[],\"services\":["  \
	"{\"name\":\"search\",\"version\":\"latest\",\"route\":[]}]," ORIGIN(file) "}"

static struct record rec;
static struct source *source;

static void on_full_begin(void *ctx)
{
	record_add(ctx, "begin");
}

static void on_full_end(void *ctx)
{
	record_add(ctx, "end");
}

static void on_put(void *ctx, const char *key, const char *value, size_t len,
		   int64_t create_revision)
{
	mem_auto_free char *line = mem_printf("put %s %.*s", key, (int)len, value);

	ck_assert_int_eq(create_revision, 0);
	record_add(ctx, line);
}

static void on_del(void *ctx, const char *key)
{
	mem_auto_free char *line = mem_printf("del %s", key);

	record_add(ctx, line);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	mem_auto_free char *line =
	    reason == NULL ? mem_printf("over %s", object) : mem_printf("%s: %s", object, reason);

	record_add(ctx, line);
}

static void on_commit(void *ctx, int64_t revision)
{
	mem_auto_free char *line = mem_printf("commit %lld", (long long)revision);

	record_add(ctx, line);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	record_add(ctx, why == NULL ? "state good" : "state bad");
}

static const struct source_events events = {
    .on_full_begin = on_full_begin,
    .on_full_end = on_full_end,
    .on_put = on_put,
    .on_del = on_del,
    .on_problem = on_problem,
    .on_commit = on_commit,
    .on_state = on_state,
};

static void setup(void)
{
	record_begin(&rec);
	source = NULL;
	ck_assert_int_eq(mkdir(record_path(&rec, "d"), 0755), 0);
}

static void teardown(void)
{
	source_free(source);
	record_end(&rec);
}

static int open_source(struct loop *loop, const char *dir, const char *backends, struct mf_err *err)
{
	mem_auto_free char *d = dir == NULL ? NULL : mem_dup_str(record_path(&rec, dir));
	mem_auto_free char *b = backends == NULL ? NULL : mem_dup_str(record_path(&rec, backends));
	int code = file_source_new(loop, d, b, &events, &rec, &source, err);

	rec.seen = rec.lines.len;
	return code;
}

/* --- the backends file ---------------------------------------------------------------------- */

static const struct backends {
	const char *text;
	const char *values; /* NULL: an error */
	const char *error;
} backends[] = {
    {"{}", "", NULL},
    {"frontend:\n  0.0.1: [\"10.0.0.5:8080\"]\n",
     "backends/frontend/0.0.1/10.0.0.5:8080=10.0.0.5:8080\n", NULL},
    {"a: {1: [10.0.0.5:8080, '[FD00::0:5]:80'], 1.10: []}\nb: {}\n",
     "backends/a/1/10.0.0.5:8080=10.0.0.5:8080\nbackends/a/1/[fd00::5]:80=[fd00::5]:80\n", NULL},
    /* an emptied file, which may just be being written, is no order to remove all */
    {"", NULL, "services with their versions are expected here"},
    {"# nothing\n", NULL, "services with their versions are expected here"},
    {"[a]", NULL, "services with their versions are expected here (line 1, column 1)"},
    {"a: 1", NULL, "service a: versions with their instances are expected here (line 1, column 4)"},
    {"a: {1: x}", NULL,
     "service a: version 1: a list of \"address:port\" is expected here (line 1, column 8)"},
    {"A b: {}", NULL, "service: \"A b\": not allowed: "},
    {"a: {'x y': []}", NULL,
     "service a: version: \"x y\": not allowed: a space (line 1, column 5)"},
    {"a:\n  1:\n    - 10.0.0.5:8080\n    - localhost:80\n", NULL,
     "service a: version 1: \"localhost:80\": must be a numeric address"},
    {"a:\n  1:\n    - 10.0.0.5:8080\n    - localhost:80\n", NULL, "(line 4, column 7)"},
    {"a: {1: [10.0.0.5:80, [x]]}", NULL, "(line 1, column 22)"},
    {"a: {1: ['[fd00::5]:80', '[fd00:0::5]:80']}", NULL,
     "service a: version 1: [fd00::5]:80: given twice (line 1, column 25)"},
    {"a: {1: []}\na: {}", NULL, "(line 2, column 1)"},
    {"a: {1: [\n", NULL, "not YAML: "},
};

START_TEST(parses_backends)
{
	const struct backends *t = &backends[_i];
	buf_auto struct buf got = BUF_INIT;
	struct strmap *values = NULL;
	const char *key;
	void *cursor = NULL, *value;
	struct mf_err err;
	int code = backends_file_parse(t->text, strlen(t->text), &values, &err);

	if (t->values == NULL) {
		ck_assert_int_eq(code, MF_EDATA);
		ck_assert_msg(strstr(err.msg, t->error) != NULL, "%s", err.msg);
		ck_assert_ptr_null(values);
		return;
	}
	ck_assert_int_eq(code, 0);
	while (strmap_next(values, &cursor, &key, &value))
		buf_printf(&got, "%s=%s\n", key, (char *)value);
	ck_assert_str_eq(buf_str(&got), t->values);
	strmap_free(values);
}
END_TEST

/* --- the source ----------------------------------------------------------------------------- */

START_TEST(reads_both_once)
{
	struct mf_err err;

	record_write(&rec, "d/a.yaml", "{name: dev, services: [search]}");
	record_write(&rec, "b", "frontend: {0.0.1: [\"10.0.0.5:8080\"]}");
	ck_assert_int_eq(open_source(NULL, "d", "b", &err), 0);
	ck_assert_str_eq(rec.lines.data,
			 "begin\n"
			 "put environments/dev " DEV_JSON(
			     "a.yaml") "\n"
				       "put backends/frontend/0.0.1/10.0.0.5:8080 10.0.0.5:8080\n"
				       "end\ncommit 1\n");
}
END_TEST

START_TEST(either_is_optional)
{
	struct mf_err err;

	record_write(&rec, "b", "frontend: {0.0.1: []}");
	ck_assert_int_eq(open_source(NULL, "d", NULL, &err), 0);
	source_free(source);
	ck_assert_int_eq(open_source(rec.loop, NULL, "b", &err), 0);
	ck_assert_str_eq(rec.lines.data, "begin\nend\ncommit 1\nbegin\nend\ncommit 1\n");
}
END_TEST

START_TEST(missing_files_fail)
{
	struct mf_err err;

	for (int i = 0; i < 2; i++) {
		struct loop *loop = i == 0 ? NULL : rec.loop;

		ck_assert_int_eq(open_source(loop, "none", NULL, &err), MF_ENOINPUT);
		ck_assert_int_eq(open_source(loop, NULL, "none", &err), MF_ENOINPUT);
		ck_assert_int_eq(open_source(loop, "d", "none/b", &err), MF_ENOINPUT);
		ck_assert_ptr_nonnull(strstr(err.msg, "none/b: No such file"));
		ck_assert_ptr_null(source);
	}
	ck_assert(!record_has(&rec, "end"));
}
END_TEST

/* Read once, it is an error with its place; bad environments are problems beside good ones. */
START_TEST(bad_files_read_once)
{
	struct mf_err err;

	record_write(&rec, "d/a.yaml", "{name: dev, services: [search]}");
	record_write(&rec, "d/b.yaml", "{name: \"x y\", services: [search]}");
	record_write(&rec, "b", "frontend:\n  0.0.1: [nowhere]\n");
	ck_assert_int_eq(open_source(NULL, NULL, "b", &err), MF_EDATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "/b: service frontend: version 0.0.1: "));
	ck_assert_ptr_nonnull(strstr(err.msg, "(line 2, column 11)"));
	ck_assert_ptr_null(source);
	ck_assert_int_eq(open_source(NULL, "d", NULL, &err), 0);
	ck_assert(record_has(&rec, "put environments/dev "));
	ck_assert(record_has(&rec, "file b.yaml: environment \"x y\": not allowed: a space "
				   "(line 1, column 8)\n"));
}
END_TEST

START_TEST(follows_environments)
{
	struct mf_err err;

	record_write(&rec, "d/a.yaml", "{name: a, services: []}");
	ck_assert_int_eq(open_source(rec.loop, "d", NULL, &err), 0);
	record_write(&rec, "d/dev.yaml", "{name: dev, services: [search]}");
	record_await(&rec, "put environments/dev " DEV_JSON("dev.yaml"));
	record_await(&rec, "commit 2");
	record_remove(&rec, "d/dev.yaml");
	record_await(&rec, "del environments/dev");
	record_await(&rec, "commit 3");
	record_write(&rec, "d/b.yaml", "[");
	record_await(&rec, "commit 4");
	ck_assert(record_has(&rec, "file b.yaml: "));
}
END_TEST

static void save_in_place(const char *text)
{
	record_write(&rec, "b", text);
}

static void save_by_rename(const char *text)
{
	record_write(&rec, ".b.tmp", text);
	record_rename(&rec, ".b.tmp", "b");
}

static void save_by_delete(const char *text)
{
	record_remove(&rec, "b");
	record_write(&rec, "b", text);
}

static void (*const saves[])(const char *text) = {save_in_place, save_by_rename, save_by_delete};

START_TEST(follows_backends)
{
	struct mf_err err;

	record_write(&rec, "b", "f: {1: [10.0.0.1:80, 10.0.0.2:80]}");
	ck_assert_int_eq(open_source(rec.loop, NULL, "b", &err), 0);
	saves[_i]("f: {1: [10.0.0.2:80], 2: [10.0.0.1:80]}");
	record_await(&rec, "del backends/f/1/10.0.0.1:80");
	record_await(&rec, "put backends/f/2/10.0.0.1:80 10.0.0.1:80");
	saves[_i]("f: {2: [10.0.0.1:80]}");
	record_await(&rec, "del backends/f/1/10.0.0.2:80");
	ck_assert(!record_has(&rec, "del backends/f/2"));
}
END_TEST

START_TEST(linked_backends_are_followed)
{
	struct mf_err err;

	ck_assert_int_eq(mkdir(record_path(&rec, "far"), 0755), 0);
	record_write(&rec, "far/real", "f: {1: [10.0.0.1:80]}");
	ck_assert_int_eq(symlink("far/real", record_path(&rec, "b")), 0);
	ck_assert_int_eq(open_source(rec.loop, NULL, "b", &err), 0);
	record_write(&rec, "far/real", "f: {1: [10.0.0.2:80]}");
	record_await(&rec, "put backends/f/1/10.0.0.2:80 10.0.0.2:80");
	record_write(&rec, "far/new", "f: {1: [10.0.0.3:80]}");
	record_rename(&rec, "far/new", "far/real");
	record_await(&rec, "put backends/f/1/10.0.0.3:80 10.0.0.3:80");
}
END_TEST

START_TEST(broken_backends_keep_the_last_good)
{
	struct mf_err err;

	record_write(&rec, "b", "f: {1: [10.0.0.1:80]}");
	ck_assert_int_eq(open_source(rec.loop, NULL, "b", &err), 0);
	record_write(&rec, "b", "f: {1: [x]}");
	record_await(&rec, "commit 2");
	ck_assert(record_has(&rec, "backends file: "));
	ck_assert(record_has(&rec, "/b: service f: version 1: \"x\": "));
	record_remove(&rec, "b");
	record_await(&rec, "commit 3");
	ck_assert(record_has(&rec, "/b: No such file or directory\n"));
	save_by_rename("f: {1: [10.0.0.1:80, 10.0.0.2:80]}");
	record_await(&rec, "over backends file");
	record_await(&rec, "commit 4");
	ck_assert(!record_has(&rec, "del "));
	ck_assert(record_has(&rec, "put backends/f/1/10.0.0.2:80 10.0.0.2:80\n"));
}
END_TEST

START_TEST(broken_backends_at_the_start)
{
	struct mf_err err;

	record_write(&rec, "b", "f: {1: [x]}");
	ck_assert_int_eq(open_source(rec.loop, "d", "b", &err), 0);
	ck_assert(record_has(&rec, "backends file: "));
	ck_assert(record_has(&rec, "state bad"));
	ck_assert(!record_has(&rec, "end\n"));
	record_write(&rec, "d/a.yaml", "{name: a, services: []}");
	record_await(&rec,
		     "put environments/a {\"name\":\"a\",\"prefix\":\"www-a\",\"header\":\"a\","
		     "\"hosts\":[],\"services\":[]," ORIGIN("a.yaml") "}");
	ck_assert(!record_has(&rec, "commit"));
	record_write(&rec, "b", "f: {1: [10.0.0.1:80]}");
	record_await(&rec, "over backends file");
	record_await(&rec, "end");
	record_await(&rec, "commit 1");
	ck_assert(record_has(&rec, "state good"));
	ck_assert(record_has(&rec, "put backends/f/1/10.0.0.1:80 10.0.0.1:80\n"));
}
END_TEST

START_TEST(a_refresh_forgets_nothing_good)
{
	struct mf_err err;

	record_write(&rec, "d/a.yaml", "{name: a, services: []}");
	record_write(&rec, "d/b.yaml", "{name: b, services: []}");
	record_write(&rec, "b", "f: {1: [10.0.0.1:80]}");
	ck_assert_int_eq(open_source(rec.loop, "d", "b", &err), 0);
	record_write(&rec, "d/a.yaml", "[");
	record_write(&rec, "b", "f: {1: [x]}");
	source_refresh(source);
	ck_assert(record_has(&rec, "file a.yaml: "));
	ck_assert(record_has(&rec, "backends file: "));
	record_remove(&rec, "d/a.yaml");
	record_remove(&rec, "d/b.yaml");
	source_refresh(source);
	ck_assert(record_has(&rec, "no environment file is left"));
	ck_assert(!record_has(&rec, "del "));
	record_write(&rec, "b", "f: {1: [10.0.0.1:80, 10.0.0.2:80]}");
	source_refresh(source);
	ck_assert(record_has(&rec, "put backends/f/1/10.0.0.2:80 10.0.0.2:80\n"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("file_source");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, parses_backends, 0, (int)(sizeof(backends) / sizeof(backends[0])));
	tcase_add_test(tc, reads_both_once);
	tcase_add_test(tc, either_is_optional);
	tcase_add_test(tc, missing_files_fail);
	tcase_add_test(tc, bad_files_read_once);
	tcase_add_test(tc, follows_environments);
	tcase_add_loop_test(tc, follows_backends, 0, (int)(sizeof(saves) / sizeof(saves[0])));
	tcase_add_test(tc, linked_backends_are_followed);
	tcase_add_test(tc, broken_backends_keep_the_last_good);
	tcase_add_test(tc, broken_backends_at_the_start);
	tcase_add_test(tc, a_refresh_forgets_nothing_good);
	return unit_run("file_source", tc);
}
