/* store/pipeline: which of the revisions that arrive together become snapshots. */
#include "store/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "gateway.h"
#include "model/settings.h"
#include "model/table.h"
#include "store/hold.h"
#include "unit_loop.h"

#define ENVS	16
#define NO_MORE "{\"header\":{\"revision\":\"5\"}}"

static struct loop *loop;
static struct gateway gateway;
static struct settings *settings;
static struct pipeline *pipeline;
static struct buf list, events, story; /* "REVISION:ENVIRONMENTS " for each snapshot */
static const char *last;	       /* a story that ends so is over */
static bool tells_seen;		       /* "seen REVISION " is part of it */
static size_t held;
static char dir[32]; /* what is kept from run to run */

static void add_base64(struct buf *b, const char *text)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += 3) {
		unsigned n = (unsigned)(unsigned char)text[i] << 16;

		n |= i + 1 < len ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		n |= i + 2 < len ? (unsigned)(unsigned char)text[i + 2] : 0;
		buf_add_char(b, digits[n >> 18]);
		buf_add_char(b, digits[n >> 12 & 63]);
		buf_add_char(b, i + 1 < len ? digits[n >> 6 & 63] : '=');
		buf_add_char(b, i + 2 < len ? digits[n & 63] : '=');
	}
}

/* value NULL: none, as of a key that was deleted. */
static void add_kv(struct buf *b, const char *key, const char *value, int revision)
{
	buf_add_str(b, "{\"key\":\"");
	add_base64(b, key);
	buf_printf(b, "\",\"create_revision\":\"1\",\"mod_revision\":\"%d\"", revision);
	if (value != NULL) {
		buf_add_str(b, ",\"value\":\"");
		add_base64(b, value);
		buf_add_char(b, '"');
	}
	buf_add_char(b, '}');
}

static void add_env(struct buf *b, int i, bool is_there, int revision)
{
	mem_auto_free char *key = mem_printf("/m/environments/e%d", i);
	mem_auto_free char *value =
	    mem_printf("{\"name\":\"e%d\",\"services\":[{\"name\":\"web\",\"version\":\"1\"}]}", i);

	add_kv(b, key, is_there ? value : NULL, revision);
}

static void add_instance(struct buf *b, int i)
{
	mem_auto_free char *key = mem_printf("/m/backends/web/1/i%d", i);
	mem_auto_free char *value = mem_printf("10.0.0.%d:80", i + 1);

	buf_add_char(b, ',');
	add_kv(b, key, value, 1);
}

static void put_all(void)
{
	for (int i = 0; i < ENVS; i++) {
		buf_add_str(&list, i == 0 ? "" : ",");
		add_env(&list, i, true, 1);
	}
	for (int i = 0; i < ENVS; i++)
		add_instance(&list, i);
	buf_add_str(&list, "]}");
}

static void add_key_event(const char *key, int revision)
{
	buf_printf(&events,
		   "{\"result\":{\"header\":{\"revision\":\"%d\"},\"events\":[{\"kv\":", revision);
	add_kv(&events, key, "x", revision);
	buf_add_str(&events, "}]}}\n");
}

/* One revision a line, as etcd writes what happens one after the other. */
static void add_event(int i, bool is_there, int revision)
{
	buf_printf(&events,
		   "{\"result\":{\"header\":{\"revision\":\"%d\"},\"events\":[{%s\"kv\":", revision,
		   is_there ? "" : "\"type\":\"DELETE\",");
	add_env(&events, i, is_there, revision);
	buf_add_str(&events, "}]}}\n");
}

static void on_snapshot(void *ctx, struct snapshot *snapshot)
{
	(void)ctx;
	buf_printf(&story, "%lld:%zu ", (long long)snapshot->revision, snapshot->env_count);
	if (strstr(story.data, last) != NULL)
		loop_stop(loop);
}

static void on_seen(void *ctx, int64_t revision)
{
	(void)ctx;
	if (!tells_seen)
		return;
	buf_printf(&story, "seen %lld ", (long long)revision);
	if (strstr(story.data, last) != NULL)
		loop_stop(loop);
}

static void on_held(void *ctx, const struct hold_report *report)
{
	(void)ctx;
	held = report->envs;
}

static void follow_script(const char *until, bool is_guarded, const struct gateway_line *script)
{
	static const struct pipeline_events pipeline_events = {
	    .on_snapshot = on_snapshot, .on_held = on_held, .on_seen = on_seen};
	const struct pipeline_options options = {.follow = true, .is_guarded = is_guarded};
	struct mf_err err = {0};

	last = until;
	gateway_init(&gateway, loop, script);
	ck_assert_int_eq(settings_set_endpoints(settings, gateway.url, &err), 0);
	ck_assert_int_eq(settings_set_prefix(settings, "/m", &err), 0);
	ck_assert_msg(
	    pipeline_new(loop, settings, &options, &pipeline_events, NULL, &pipeline, &err) == 0,
	    "%s", err.msg);
	unit_loop_run(loop);
	gateway_is_done(&gateway);
	pipeline_free(pipeline);
	gateway_fini(&gateway);
}

static void follow(const char *until, bool is_guarded)
{
	const struct gateway_line script[] = {
	    {"/v3/kv/range", GATEWAY_SAY, 200, buf_str(&list)},
	    {"/v3/kv/range", GATEWAY_SAY, 200, NO_MORE}, /* between what is left out */
	    {"/v3/kv/range", GATEWAY_SAY, 200, NO_MORE}, /* and behind it */
	    {"/v3/watch", GATEWAY_STREAM, 200, buf_str(&events)},
	    {NULL, GATEWAY_HANG, 0, NULL},
	};

	follow_script(until, is_guarded, script);
}

/* From a listing to its snapshot, and no further. */
static void list_only(const char *until)
{
	const struct gateway_line script[] = {
	    {"/v3/kv/range", GATEWAY_SAY, 200, buf_str(&list)},
	    {"/v3/kv/range", GATEWAY_SAY, 200, NO_MORE}, /* between what is left out */
	    {"/v3/kv/range", GATEWAY_SAY, 200, NO_MORE}, /* and behind it */
	    {NULL, GATEWAY_HANG, 0, NULL},
	};

	held = 0;
	follow_script(until, true, script);
	buf_clear(&list);
	buf_clear(&story);
}

static void setup(void)
{
	tells_seen = false;
	loop = unit_loop_new();
	settings = settings_new("n");
	(void)snprintf(dir, sizeof(dir), "/tmp/mayfly-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	settings_set_str(&settings->state_dir, dir);
	buf_add_str(&list, "{\"header\":{\"revision\":\"5\"},\"kvs\":[");
	buf_add_str(&events, "{\"result\":{\"header\":{\"revision\":\"5\"},\"created\":true}}\n");
}

static void teardown(void)
{
	mem_auto_free char *kept = mem_printf("%s/last-good", dir);

	(void)unlink(kept);
	(void)rmdir(dir);
	settings_free(settings);
	loop_free(loop);
	buf_fini(&list);
	buf_fini(&events);
	buf_fini(&story);
}

START_TEST(the_first_does_not_wait_and_the_others_are_one)
{
	add_env(&list, 0, true, 1);
	buf_add_str(&list, "]}");
	for (int i = 1; i <= 8; i++)
		add_event(i, true, 5 + i);
	follow("13:", false);
	ck_assert_str_eq(buf_str(&story), "5:1 6:2 13:9 ");
}
END_TEST

/* Somebody deletes one after the other: that is the loss of all as well. */
START_TEST(removals_one_by_one_add_up_to_a_loss)
{
	put_all();
	for (int i = 0; i < ENVS - 1; i++)
		add_event(i, false, 6 + i);
	add_event(ENVS, true, 21); /* and is not held up */
	follow("21:17 ", true);
	ck_assert_uint_eq(held, ENVS - 1);
}
END_TEST

START_TEST(a_second_run_knows_what_the_first_had)
{
	put_all();
	list_only("5:16 ");
	buf_add_str(&list, "{\"header\":{\"revision\":\"6\"},\"kvs\":[]}");
	list_only("6:16 ");
	ck_assert_uint_eq(held, ENVS);
	buf_add_str(&list, "{\"header\":{\"revision\":\"6\"},\"kvs\":[]}");
	list_only("6:16 ");
	ck_assert_uint_eq(held, ENVS);
	buf_add_str(&list, "{\"header\":{\"revision\":\"7\"},\"kvs\":[");
	put_all();
	list_only("7:16 ");
	ck_assert_uint_eq(held, 0);
}
END_TEST

/* What is read once has nobody to hold anything back for. */
START_TEST(without_a_guard_all_is_believed)
{
	put_all();
	for (int i = 0; i < ENVS - 1; i++)
		add_event(i, false, 6 + i);
	follow(":1 ", false);
	ck_assert_uint_eq(held, 0);
}
END_TEST

/* Also what changes nothing, but for what only reports. */
START_TEST(says_what_it_has_seen)
{
	add_env(&list, 0, true, 1);
	buf_add_str(&list, "]}");
	add_key_event("/m/nodes/a", 6);
	add_key_event("/m/config/shop/x", 7);
	add_key_event("/m/history/e0/00000000000000000001", 8);
	add_event(0, true, 9);
	tells_seen = true;
	follow("seen 9 ", false);
	ck_assert_str_eq(buf_str(&story), "5:1 seen 5 7:1 seen 7 seen 9 ");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pipeline");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_first_does_not_wait_and_the_others_are_one);
	tcase_add_test(tc, removals_one_by_one_add_up_to_a_loss);
	tcase_add_test(tc, a_second_run_knows_what_the_first_had);
	tcase_add_test(tc, without_a_guard_all_is_believed);
	tcase_add_test(tc, says_what_it_has_seen);
	return unit_run("pipeline", tc);
}
