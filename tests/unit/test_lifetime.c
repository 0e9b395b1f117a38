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
				      .kept_by = "",
				      .used = ""};
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

	const struct lifetime_seen seen = {.content = steps[_i].seen};

	ck_assert_int_eq(lifetime_judge(env, note, steps[_i].now, seen), steps[_i].step);
	ck_assert_int_eq(lifetime_judge(NULL, note, steps[_i].now, seen),
			 note == NULL ? LIFETIME_WAIT : LIFETIME_FORGET);
	lifetime_unref(note);
	env_unref(env);
}
END_TEST

/* --- unused ----------------------------------------------------------------------------------- */

static struct env *idle_env(const char *more)
{
	mem_auto_free char *json =
	    mem_printf("{\"name\":\"dev\",\"services\":[],\"idle\":\"3d\"%s}", more);
	struct env *env;
	struct mf_err err;

	ck_assert_int_eq(env_parse_json("dev", json, strlen(json), 7, &env, &err), 0);
	return env;
}

#define DAY (24 * HOUR)
static const struct {
	const char *more, *used; /* in the environment; as it is noted */
	int64_t now, seen_used;	 /* from T0 on, which is its last change */
	enum lifetime_step step;
	int64_t end; /* from T0 on */
} idle_steps[] = {
    {"", "", DAY, 0, LIFETIME_WAIT, 3 * DAY},
    {"", "", 3 * DAY + 59, 0, LIFETIME_WAIT, 3 * DAY}, /* somebody may have seen a use */
    {"", "", 3 * DAY + 60, 0, LIFETIME_END, 3 * DAY},
    {"", "", 3 * DAY + 60, 1, LIFETIME_NOTE, 3 * DAY},
    {"", "", 3 * DAY - 61, 1, LIFETIME_WAIT, 3 * DAY}, /* seldom, but */
    {"", "", 3 * DAY - 60, 1, LIFETIME_NOTE, 3 * DAY}, /* soon enough */
    {"", "", HOUR, HOUR - 1, LIFETIME_WAIT, 3 * DAY},
    {"", "", HOUR, HOUR, LIFETIME_NOTE, 3 * DAY},
    {"", "2027-01-15T20:00:00Z", 13 * HOUR - 1, 13 * HOUR - 1, LIFETIME_WAIT, 84 * HOUR},
    {"", "2027-01-15T20:00:00Z", 13 * HOUR, 13 * HOUR, LIFETIME_NOTE, 84 * HOUR},
    {"", "2027-01-15T20:00:00Z", 3 * DAY + 60, 0, LIFETIME_WAIT, 84 * HOUR},
    {"", "2027-01-15T20:00:00Z", 84 * HOUR + 60, 0, LIFETIME_END, 84 * HOUR},
    {"", "2026-01-15T20:00:00Z", DAY, 0, LIFETIME_WAIT, 3 * DAY}, /* of before its change */
    /* a date is no less an end */
    {",\"expires\":\"8h\"", "", 8 * HOUR, 8 * HOUR - 1, LIFETIME_NOTE, 8 * HOUR},
    {",\"expires\":\"8h\"", "2027-01-15T16:00:00Z", 8 * HOUR, 0, LIFETIME_END, 8 * HOUR},
};

START_TEST(one_that_is_not_used_ends)
{
	struct env *env = idle_env(idle_steps[_i].more);
	mem_auto_free char *content = lifetime_describe_content(env);
	const struct lifetime_seen seen = {
	    .used = idle_steps[_i].seen_used == 0 ? 0 : T0 + idle_steps[_i].seen_used};
	struct lifetime noted = {.env = "dev",
				 .since = T0_TEXT,
				 .content = content,
				 .keep_until = "2027-01-15T10:00:00Z",
				 .kept_by = "anna",
				 .used = idle_steps[_i].used,
				 .created = 7};

	ck_assert_int_eq(lifetime_end(env, &noted), T0 + idle_steps[_i].end);
	ck_assert_int_eq(lifetime_judge(env, &noted, T0 + idle_steps[_i].now, seen),
			 idle_steps[_i].step);
	noted.keep_until = "2030-01-15T10:00:00Z";
	ck_assert_int_ne(lifetime_judge(env, &noted, T0 + 4 * DAY, (struct lifetime_seen){0}),
			 LIFETIME_END);
	noted.created = 6;
	ck_assert_int_eq(lifetime_judge(env, &noted, T0, seen), LIFETIME_NOTE);
	ck_assert_int_eq(lifetime_end_by_use(env, &noted), LIFETIME_NEVER);
	env_unref(env);
}
END_TEST

START_TEST(a_use_is_noted_beside_the_rest)
{
	struct env *env = idle_env(""), *limited = env_of("8h", 7);
	struct lifetime *note = note_of(env, T0_TEXT, 7, "2027-01-15T10:00:00Z");
	const struct lifetime_seen seen = {.used = T0 + HOUR};
	buf_auto struct buf next = BUF_INIT, again = BUF_INIT, other = BUF_INIT;

	lifetime_format_next(env, note, T0 + DAY, seen, &next);
	ck_assert_ptr_nonnull(strstr(buf_str(&next), "\"since\":\"" T0_TEXT "\""));
	ck_assert_ptr_nonnull(strstr(buf_str(&next),
				     "\"keep_until\":\"2027-01-15T10:00:00Z\",\"kept_by\":\"\""
				     ",\"used\":\"2027-01-15T09:00:00Z\"}"));
	lifetime_format_next(env, NULL, T0 + HOUR, (struct lifetime_seen){0}, &again);
	ck_assert_ptr_nonnull(strstr(buf_str(&again), "\"since\":\"2027-01-15T09:00:00Z\""));
	ck_assert_ptr_nonnull(strstr(buf_str(&again), "\"used\":\"\""));
	lifetime_format_next(limited, NULL, T0, seen, &other);
	ck_assert_ptr_nonnull(strstr(buf_str(&other), "\"used\":\"\""));
	lifetime_unref(note);
	env_unref(env);
	env_unref(limited);
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
	tcase_add_loop_test(tc, one_that_is_not_used_ends, 0,
			    (int)(sizeof(idle_steps) / sizeof(idle_steps[0])));
	tcase_add_test(tc, a_use_is_noted_beside_the_rest);
	tcase_add_test(tc, content_is_what_it_says_itself);
	tcase_add_loop_test(tc, what_is_no_note_is_refused, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, notes_are_in_the_snapshot);
	tcase_add_test(tc, a_clock_that_jumps_is_not_relied_upon);
	tcase_add_test(tc, a_clock_that_was_never_set_is_not_relied_upon);
	return unit_run("lifetime", tc);
}
