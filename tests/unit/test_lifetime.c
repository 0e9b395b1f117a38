/* How long environments live: what is noted of them, and the rules. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/wall_clock.h"
#include "model/env.h"
#include "model/lifetime.h"
#include "model/shared_list.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

#define T0	INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define T0_TEXT "2027-01-15T08:00:00Z"
#define HOUR	INT64_C(3600)

static struct env *env_of(const char *expires, int64_t created)
{
	buf_auto struct buf json = BUF_INIT;
	struct env *env;
	struct mf_err err;

	buf_add_str(&json, "{\"name\":\"dev\",\"services\":[]");
	if (expires != NULL)
		buf_printf(&json, ",\"expires\":\"%s\"", expires);
	buf_add_char(&json, '}');
	ck_assert_int_eq(env_parse_json("dev", buf_str(&json), json.len, created, &env, &err), 0);
	return env;
}

static struct lifetime *note_of(const struct env *env, const char *since, int64_t created,
				const char *keep_until)
{
	mem_auto_free char *content = lifetime_describe_content(env);
	const struct lifetime note = {.since = since,
				      .content = content,
				      .created = created,
				      .keep_until = keep_until,
				      .kept_by = ""};
	buf_auto struct buf value = BUF_INIT;
	struct lifetime *parsed;
	struct mf_err err;

	lifetime_format(&note, &value);
	ck_assert_msg(lifetime_parse("dev", buf_str(&value), value.len, &parsed, &err) == 0, "%s",
		      err.msg);
	return parsed;
}

/* --- when it ends ----------------------------------------------------------------------------- */

static const struct {
	const char *expires; /* NULL: it says nothing */
	const char *since;   /* NULL: nothing is noted */
	const char *keep_until;
	int64_t end;
} ends[] = {
    {NULL, T0_TEXT, "", LIFETIME_NEVER},
    {NULL, T0_TEXT, "2030-01-01T00:00:00Z", LIFETIME_NEVER},
    {T0_TEXT, NULL, "", T0},
    {"2027-01-15T09:00:00+01:00", NULL, "", T0},
    {"8h", NULL, "", LIFETIME_NEVER},
    {"8h", T0_TEXT, "", T0 + 8 * HOUR},
    {"1500ms", T0_TEXT, "", T0 + 2},
    {"8h", T0_TEXT, "2027-01-15T10:00:00Z", T0 + 8 * HOUR},
    {"8h", T0_TEXT, "2027-01-15T20:00:00Z", T0 + 12 * HOUR},
    {T0_TEXT, T0_TEXT, "2027-01-15T09:00:00Z", T0 + HOUR},
    {"100000000000d", T0_TEXT, "", T0 + INT64_C(8640000000000000)},
};

START_TEST(it_ends_at_a_time)
{
	struct env *env = env_of(ends[_i].expires, 7);
	struct lifetime *note =
	    ends[_i].since == NULL ? NULL : note_of(env, ends[_i].since, 7, ends[_i].keep_until);

	ck_assert_int_eq(lifetime_end(env, note), ends[_i].end);
	lifetime_unref(note);
	env_unref(env);
}
END_TEST

/* What was asked for holds for the environment, the time since for its content. */
START_TEST(what_is_noted_of_another_does_not_count)
{
	struct env *env = env_of("8h", 7), *later = env_of("9h", 7), *again = env_of("8h", 8);
	struct lifetime *note = note_of(env, T0_TEXT, 7, "2027-01-16T08:00:00Z");
	struct env *until = env_of(T0_TEXT, 7), *until_again = env_of(T0_TEXT, 8);

	ck_assert_int_eq(lifetime_end(later, note), LIFETIME_NEVER);
	ck_assert_int_eq(lifetime_end(again, note), LIFETIME_NEVER);
	ck_assert_int_eq(lifetime_end(until, note), T0 + 24 * HOUR);
	ck_assert_int_eq(lifetime_end(until_again, note), T0);
	lifetime_unref(note);
	env_unref(env);
	env_unref(later);
	env_unref(again);
	env_unref(until);
	env_unref(until_again);
}
END_TEST

/* --- what is done ----------------------------------------------------------------------------- */

static const struct {
	const char *expires, *since;
	int64_t created; /* as it is noted; of the environment it is 7 */
	int64_t now, seen;
	enum lifetime_step step;
} steps[] = {
    {NULL, NULL, 7, T0, 0, LIFETIME_WAIT},
    {NULL, T0_TEXT, 7, T0, 0, LIFETIME_FORGET},
    {"8h", NULL, 7, T0, 0, LIFETIME_NOTE},
    {"8h", T0_TEXT, 6, T0, 0, LIFETIME_NOTE},
    {"8h", T0_TEXT, 7, T0 + 8 * HOUR - 1, 0, LIFETIME_WAIT},
    {"8h", T0_TEXT, 7, T0 + 8 * HOUR, 0, LIFETIME_END},
    {T0_TEXT, NULL, 7, T0 + HOUR, 0, LIFETIME_NOTE}, /* somebody may have asked to keep it */
    {T0_TEXT, T0_TEXT, 7, T0 - 1, 0, LIFETIME_WAIT},
    {T0_TEXT, T0_TEXT, 7, T0, 0, LIFETIME_END},
    /* a clock that was behind: nobody lives for a shorter time */
    {"8h", T0_TEXT, 7, T0 + 1000 * HOUR, T0 + 1000 * HOUR - 60, LIFETIME_NOTE},
    /* one that was ahead */
    {"8h", T0_TEXT, 7, T0 - 1000 * HOUR, T0 - 1000 * HOUR - 60, LIFETIME_NOTE},
    {"8h", T0_TEXT, 7, T0 + 8 * HOUR, T0 + 30, LIFETIME_END},
    /* another's that is ahead, or ours that is behind */
    {"8h", T0_TEXT, 7, T0 - 1000 * HOUR, 0, LIFETIME_WAIT},
};

START_TEST(a_step_follows_from_what_is_noted)
{
	struct env *env = env_of(steps[_i].expires, 7);
	struct lifetime *note =
	    steps[_i].since == NULL ? NULL : note_of(env, steps[_i].since, steps[_i].created, "");

	ck_assert_int_eq(lifetime_judge(env, note, steps[_i].now, steps[_i].seen), steps[_i].step);
	ck_assert_int_eq(lifetime_judge(NULL, note, steps[_i].now, steps[_i].seen),
			 note == NULL ? LIFETIME_WAIT : LIFETIME_FORGET);
	lifetime_unref(note);
	env_unref(env);
}
END_TEST

/* Its parents' words are not its own, nor is who wrote it; a word more is another content. */
START_TEST(content_is_what_it_says_itself)
{
	static const char own[] = "{\"name\":\"dev\",\"extends\":\"p\",\"expires\":\"8h\",%s"
				  "\"services\":[]}";
	const char *const more[] = {"", "\"origin\":{\"owner\":\"o\",\"source\":\"s\"},", " ",
				    "\"description\":\"d\","};
	char *contents[4];

	for (size_t i = 0; i < 4; i++) {
		mem_auto_free char *json = mem_printf(own, more[i]);
		struct table *table = table_new();
		struct snapshot *snapshot;

		table_put(table, "environments/p", "{\"name\":\"p\",\"services\":[\"a\"]}",
			  strlen("{\"name\":\"p\",\"services\":[\"a\"]}"), 1);
		table_put(table, "environments/dev", json, strlen(json), 2);
		snapshot = table_snapshot(table, 3);
		ck_assert_uint_eq(snapshot->limited, 1);
		ck_assert_ptr_nonnull(snapshot_find_env(snapshot, "dev"));
		contents[i] = lifetime_describe_content(snapshot_find_env(snapshot, "dev"));
		snapshot_unref(snapshot);
		table_free(table);
	}
	ck_assert_str_eq(contents[0], contents[1]);
	ck_assert_str_eq(contents[0], contents[2]);
	ck_assert_str_ne(contents[0], contents[3]);
	for (size_t i = 0; i < 4; i++)
		free(contents[i]);
}
END_TEST

/* --- the format ------------------------------------------------------------------------------- */

static const struct {
	const char *value, *words;
} bad[] = {
    {"{}", "lifetime dev: since is missing"},
    {"[]", "lifetime dev: must be a JSON object with since"},
    {"{\"since\":\"today\",\"content\":\"x\",\"created\":1}",
     "lifetime dev: since: must be a time"},
    {"{\"since\":\"" T0_TEXT "\",\"content\":\"x\",\"created\":-1}", "lifetime dev: created: "},
    {"{\"since\":\"" T0_TEXT "\",\"content\":\"x\",\"created\":1,\"keep_until\":\"no\"}",
     "lifetime dev: keep_until: must be a time"},
};

START_TEST(what_is_no_note_is_refused)
{
	struct lifetime *parsed;
	struct mf_err err;

	ck_assert_int_eq(lifetime_parse("dev", bad[_i].value, strlen(bad[_i].value), &parsed, &err),
			 MF_EDATA);
	ck_assert_msg(strstr(err.msg, bad[_i].words) == err.msg, "%s", err.msg);
}
END_TEST

START_TEST(notes_are_in_the_snapshot)
{
	static const char note[] = "{\"since\":\"" T0_TEXT "\",\"content\":\"x\",\"created\":1}";
	struct table *table = table_new();
	struct snapshot *snapshot;

	table_put(table, "lifetimes/b", note, strlen(note), 1);
	table_put(table, "lifetimes/a", note, strlen(note), 1);
	snapshot = table_snapshot(table, 1);
	ck_assert_uint_eq(snapshot->lifetimes->count, 2);
	ck_assert_str_eq(lifetime_find(snapshot->lifetimes, "b")->env, "b");
	ck_assert_ptr_null(lifetime_find(snapshot->lifetimes, "c"));
	snapshot_unref(snapshot);
	table_del(table, "lifetimes/a");
	table_del(table, "lifetimes/b");
	snapshot = table_snapshot(table, 2);
	ck_assert_ptr_null(lifetime_find(snapshot->lifetimes, "b"));
	snapshot_unref(snapshot);
	table_free(table);
}
END_TEST

/* --- the time of day -------------------------------------------------------------------------- */

START_TEST(a_clock_that_jumps_is_not_relied_upon)
{
	struct wall_clock clock = {0};

	ck_assert(!wall_clock_is_reliable(&clock));
	ck_assert_int_eq(wall_clock_update(&clock, T0, 100), 0);
	ck_assert(wall_clock_is_reliable(&clock));
	ck_assert_int_eq(wall_clock_update(&clock, T0 + 3620, 3700), 0);
	ck_assert(wall_clock_is_reliable(&clock));
	ck_assert_int_eq(wall_clock_update(&clock, T0 + 9999, 3701), 6378);
	ck_assert(!wall_clock_is_reliable(&clock));
	ck_assert_int_eq(wall_clock_update(&clock, T0 + 3622, 3702), -6378);
	ck_assert(!wall_clock_is_reliable(&clock));
	ck_assert_int_eq(
	    wall_clock_update(&clock, T0 + 3622 + WALL_CLOCK_QUIET_S, 3702 + WALL_CLOCK_QUIET_S),
	    0);
	ck_assert(wall_clock_is_reliable(&clock));
}
END_TEST

START_TEST(a_clock_that_was_never_set_is_not_relied_upon)
{
	struct wall_clock clock = {0};

	ck_assert_int_eq(wall_clock_update(&clock, 12, 12), 0);
	ck_assert(!wall_clock_is_reliable(&clock));
	ck_assert_int_eq(wall_clock_update(&clock, T0, 20), T0 - 20);
	ck_assert(!wall_clock_is_reliable(&clock));
	ck_assert(wall_clock_steady() > 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lifetime");

	tcase_add_loop_test(tc, it_ends_at_a_time, 0, (int)(sizeof(ends) / sizeof(ends[0])));
	tcase_add_test(tc, what_is_noted_of_another_does_not_count);
	tcase_add_loop_test(tc, a_step_follows_from_what_is_noted, 0,
			    (int)(sizeof(steps) / sizeof(steps[0])));
	tcase_add_test(tc, content_is_what_it_says_itself);
	tcase_add_loop_test(tc, what_is_no_note_is_refused, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, notes_are_in_the_snapshot);
	tcase_add_test(tc, a_clock_that_jumps_is_not_relied_upon);
	tcase_add_test(tc, a_clock_that_was_never_set_is_not_relied_upon);
	return unit_run("lifetime", tc);
}
