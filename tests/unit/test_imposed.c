/* States that operators say: which instance has which, whatever comes first, and what follows. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/imposed.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

#define MAX_STEPS 5

#define UP                                                                                         \
	{                                                                                          \
		"backends/web/1/a", "10.0.0.1:80"                                                  \
	}
#define OTHER                                                                                      \
	{                                                                                          \
		"backends/web/1/b", "10.0.0.2:80"                                                  \
	}
#define MAINT                                                                                      \
	{                                                                                          \
		"backends/web/1/a", "{\"address\":\"10.0.0.1\",\"port\":80,\"state\":\"maint\"}"   \
	}
#define DRAIN                                                                                      \
	{                                                                                          \
		"states/web/1/a", "drain"                                                          \
	}

struct kv {
	const char *key, *value; /* value NULL: deleted; key NULL: the end */
};

static const struct {
	const char *name;
	struct kv kvs[MAX_STEPS];
	const char *wanted; /* "a=drain(drain) b=up " */
} table_of[] = {
    {"it is drained", {UP, OTHER, DRAIN}, "a=drain(drain) b=up "},
    {"the state may come first", {DRAIN, OTHER, UP}, "a=drain(drain) b=up "},
    {"it may be another one", {UP, DRAIN, {"states/web/1/a", "maint\n"}}, "a=maint(maint) "},
    {"it ends", {UP, DRAIN, {"states/web/1/a", NULL}}, "a=up "},
    {"its own state changes beneath", {UP, DRAIN, MAINT, UP}, "a=drain(drain) "},
    {"the stronger one holds", {MAINT, DRAIN}, "a=maint(drain) "},
    {"and its own comes back", {MAINT, DRAIN, {"states/web/1/a", NULL}}, "a=maint "},
    {"it stays behind an instance that goes",
     {UP, DRAIN, {"backends/web/1/a", NULL}, UP},
     "a=drain(drain) "},
    {"one that is nowhere harms nobody", {UP, {"states/web/2/a", "drain"}}, "a=up "},
    {"a bad value keeps the good one", {UP, DRAIN, {"states/web/1/a", "up"}}, "a=drain(drain) "},
    {"of a fixed one the address is the name",
     {{"services/web", "{\"version\":\"1\",\"addresses\":[\"10.0.0.9:80\",\"10.0.0.8:80\"]}"},
      {"states/web/1/10.0.0.9:80", "maint"}},
     "10.0.0.8:80=up 10.0.0.9:80=maint(maint) "},
    {"also when its settings come later",
     {{"states/web/1/10.0.0.9:80", "drain"},
      {"services/web", "{\"version\":\"1\",\"addresses\":[\"10.0.0.9:80\"]}"},
      {"services/web",
       "{\"version\":\"1\",\"addresses\":[\"10.0.0.9:80\"],\"balance\":\"source\"}"}},
     "10.0.0.9:80=drain(drain) "},
};

static void put(struct table *table, const struct kv *kv)
{
	if (kv->value == NULL)
		table_del(table, kv->key);
	else
		put_at(table, kv->key, kv->value, 1);
}

static void print(const struct snapshot *s, struct buf *b)
{
	const struct backend *backend = snapshot_find_backend(s, "web", "1");

	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++) {
		const struct instance *instance = backend->instances[i];

		buf_printf(b, "%s=%s", instance_name(instance),
			   instance_state_word(instance->state));
		if (instance->imposed != INSTANCE_UP)
			buf_printf(b, "(%s)", instance_state_word(instance->imposed));
		buf_add_char(b, ' ');
	}
}

/* Also when a snapshot is taken after each step, and all of them are kept to the end. */
START_TEST(a_state_is_imposed)
{
	struct snapshot *kept[MAX_STEPS] = {NULL};
	struct table *table = table_new(), *in_steps = table_new();
	struct snapshot *snapshot;
	buf_auto struct buf text = BUF_INIT, again = BUF_INIT;

	for (size_t i = 0; i < MAX_STEPS && table_of[_i].kvs[i].key != NULL; i++) {
		put(table, &table_of[_i].kvs[i]);
		put(in_steps, &table_of[_i].kvs[i]);
		kept[i] = table_snapshot(in_steps, 1);
		buf_clear(&again);
		print(kept[i], &again);
	}
	snapshot = table_snapshot(table, 1);
	print(snapshot, &text);
	ck_assert_msg(strcmp(buf_str(&text), table_of[_i].wanted) == 0, "%s: %s", table_of[_i].name,
		      buf_str(&text));
	ck_assert_str_eq(buf_str(&again), table_of[_i].wanted);
	snapshot_unref(snapshot);
	table_free(table);
	table_free(in_steps);
	for (size_t i = 0; i < MAX_STEPS; i++)
		snapshot_unref(kept[i]);
}
END_TEST

START_TEST(one_without_its_instance_is_known)
{
	struct table *table = table_new();
	struct snapshot *snapshot, *later;

	put_at(table, "states/web/1/a", "drain", 5);
	put_at(table, "states/web/1/b", "drain", 6);
	put_at(table, "backends/web/1/b", "10.0.0.1:80", 7);
	snapshot = table_snapshot(table, 1);
	ck_assert_uint_eq(snapshot->unused_count, 1);
	ck_assert_str_eq(snapshot->unused[0]->instance, "a");
	ck_assert_int_eq(snapshot->unused[0]->created, 5);
	put_at(table, "states/web/1/a", "drain", 8); /* deleted and said again in between */
	later = table_snapshot(table, 2);
	ck_assert_int_eq(later->unused[0]->created, 8);
	snapshot_unref(later);
	put_at(table, "backends/web/1/a", "10.0.0.2:80", 9);
	later = table_snapshot(table, 3);
	ck_assert_uint_eq(later->unused_count, 0);
	ck_assert_str_eq(snapshot->unused[0]->instance, "a");
	snapshot_unref(later);
	snapshot_unref(snapshot);
	table_free(table);
}
END_TEST

/* The environment's own version answers again, as if the instance had said so itself. */
START_TEST(an_override_that_is_drained_is_not_in_force)
{
	struct table *table = table_new();
	struct snapshot *snapshot;

	put_at(table, "environments/pr",
	       "{\"name\":\"pr\",\"services\":[{\"name\":\"web\",\"version\":\"1\"}]}", 1);
	put_at(table, "overrides/pr/web", "{\"version\":\"mine\"}", 1);
	put_at(table, "backends/web/mine/x", "10.0.0.1:80", 1);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			put_at(table, "states/web/mine/x", "drain", 1);
		else if (i == 2)
			table_del(table, "states/web/mine/x");
		snapshot = table_snapshot(table, 1);
		ck_assert_str_eq(snapshot_find_env(snapshot, "pr")->services[0].version,
				 i == 1 ? "1" : "mine");
		snapshot_unref(snapshot);
	}
	table_free(table);
}
END_TEST

static const struct {
	const char *key, *value, *object, *reason;
} bad[] = {
    {"states/web/1/a", "up", "state web/1/a", "\"up\": must be drain or maint"},
    {"states/web/1/a", "", "state web/1/a", "\"\": must be drain or maint"},
    {"states/web/1/a", "drained", "state web/1/a", "\"drained\": must be drain or maint"},
    {"states/web/1", "drain", "state web/1", "the key must be states/SERVICE/VERSION/INSTANCE"},
    {"states/Web/1/a", "drain", "state Web/1/a",
     "state: service: \"Web\": not allowed: \"W\": write lower case"},
    {"state/web/1/a", "drain", "key state/web/1/a",
     "keys of Mayfly do not begin so, and it is ignored: did you mean \"states/\"?"},
};

START_TEST(what_is_no_state_is_said)
{
	struct table *table = table_new();
	struct snapshot *snapshot;
	const char *reason;

	put_at(table, bad[_i].key, bad[_i].value, 1);
	snapshot = table_snapshot(table, 1);
	reason = problem_of(snapshot, bad[_i].object);
	ck_assert_ptr_nonnull(reason);
	ck_assert_str_eq(reason, bad[_i].reason);
	snapshot_unref(snapshot);
	table_free(table);
}
END_TEST

START_TEST(it_is_written_as_it_is_read)
{
	struct imposed *imposed;
	buf_auto struct buf value = BUF_INIT;

	ck_assert_int_eq(imposed_parse("web", "1", "a", "maint \n", 7, 5, &imposed, NULL), 0);
	imposed_format(imposed, &value);
	ck_assert_str_eq(buf_str(&value), "maint");
	ck_assert_int_eq(imposed->created, 5);
	imposed_unref(imposed);
}
END_TEST

/* It would end the value for whoever takes it for text. */
START_TEST(a_zero_byte_is_no_blank)
{
	struct imposed *imposed;
	struct mf_err err;

	ck_assert_int_eq(imposed_parse("web", "1", "a", "drain\0", 6, 1, &imposed, &err), MF_EDATA);
	ck_assert_int_eq(imposed_parse("web", "1", "a", " drain\r\n", 8, 1, &imposed, &err), 0);
	imposed_unref(imposed);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("imposed");

	tcase_add_test(tc, a_zero_byte_is_no_blank);
	tcase_add_loop_test(tc, a_state_is_imposed, 0,
			    (int)(sizeof(table_of) / sizeof(table_of[0])));
	tcase_add_test(tc, one_without_its_instance_is_known);
	tcase_add_test(tc, an_override_that_is_drained_is_not_in_force);
	tcase_add_loop_test(tc, what_is_no_state_is_said, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, it_is_written_as_it_is_read);
	return unit_run("imposed", tc);
}
