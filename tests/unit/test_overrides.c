/* Overrides: when a version in the place of another is in force, and what it may not break. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/override.h"
#include "model/table.h"
#include "unit.h"

#define PR                                                                                         \
	{                                                                                          \
		"environments/pr", "{\"name\":\"pr\",\"services\":["                               \
				   "{\"name\":\"b\",\"version\":\"1\",\"route\":\"/b/\"},"         \
				   "{\"name\":\"d\",\"version\":\"1\"}]}"                          \
	}
#define PROD                                                                                       \
	{                                                                                          \
		"environments/prod", "{\"name\":\"prod\",\"services\":["                           \
				     "{\"name\":\"b\",\"version\":\"1\"}]}"                        \
	}
#define MINE                                                                                       \
	{                                                                                          \
		"overrides/pr/b", "{\"version\":\"mine\",\"holder\":\"anna@laptop\"}"              \
	}
#define UP                                                                                         \
	{                                                                                          \
		"backends/b/mine/i", "127.0.0.1:1"                                                 \
	}
#define OWN "pr: b=1 d=1; "

struct kv {
	const char *key, *value; /* value NULL: deleted */
};

static void put(struct table *table, const struct kv *kv)
{
	if (kv->value == NULL)
		table_del(table, kv->key);
	else
		table_put(table, kv->key, kv->value, strlen(kv->value), 1);
}

/* "pr: b=mine! d=1; prod: b=1; ": each environment's services, '!' after an override's version. */
static void print(const struct snapshot *s, struct buf *b)
{
	for (size_t i = 0; i < s->env_count; i++) {
		buf_printf(b, "%s:", s->envs[i]->name);
		for (size_t j = 0; j < s->envs[i]->service_count; j++) {
			const struct env_service *service = &s->envs[i]->services[j];

			buf_printf(b, " %s=%s%s", service->name, service->version,
				   service->is_override ? "!" : "");
		}
		buf_add_str(b, "; ");
	}
}

static const struct {
	const char *name;
	struct kv kvs[6];
	const char *wanted;
} table_of[] = {
    {"a version with an instance takes the service of that environment alone",
     {PR, PROD, UP, MINE},
     "pr: b=mine! d=1; prod: b=1; "},
    {"the environment may come last", {MINE, UP, PR}, "pr: b=mine! d=1; "},
    {"the instance may come last", {PR, MINE, UP}, "pr: b=mine! d=1; "},
    {"a key without an instance changes nothing", {PR, MINE}, OWN},
    {"nor with another version's", {PR, MINE, {"backends/b/other/i", "127.0.0.1:1"}}, OWN},
    {"nor with another service's", {PR, MINE, {"backends/d/mine/i", "127.0.0.1:1"}}, OWN},
    {"a key of no environment harms nobody",
     {PR, UP, {"overrides/gone/b", "{\"version\":\"mine\"}"}},
     OWN},
    {"an instance that drains gives it back",
     {PR,
      MINE,
      UP,
      {"backends/b/mine/i", "{\"address\":\"127.0.0.1\",\"port\":1,\"state\":\"drain\"}"}},
     OWN},
    {"so does one in maintenance",
     {PR,
      MINE,
      UP,
      {"backends/b/mine/i", "{\"address\":\"127.0.0.1\",\"port\":1,\"state\":\"maint\"}"}},
     OWN},
    {"and one without weight",
     {PR, MINE, UP, {"backends/b/mine/i", "{\"address\":\"127.0.0.1\",\"port\":1,\"weight\":0}"}},
     OWN},
    {"one of two that is up is enough",
     {PR,
      MINE,
      UP,
      {"backends/b/mine/a", "{\"address\":\"127.0.0.1\",\"port\":2,\"state\":\"drain\"}"}},
     "pr: b=mine! d=1; "},
    {"but not one whose address another's key has",
     {PR,
      MINE,
      UP,
      {"backends/b/mine/a", "{\"address\":\"127.0.0.1\",\"port\":1,\"state\":\"drain\"}"}},
     OWN},
    {"an instance that goes gives it back", {PR, MINE, UP, {"backends/b/mine/i", NULL}}, OWN},
    {"so does the key", {PR, MINE, UP, {"overrides/pr/b", NULL}}, OWN},
    {"an environment that comes again is taken again",
     {PR, MINE, UP, {"environments/pr", NULL}, PR},
     "pr: b=mine! d=1; "},
    {"an environment that changes stays taken",
     {PR,
      MINE,
      UP,
      {"environments/pr", "{\"name\":\"pr\",\"services\":[{\"name\":\"b\",\"version\":\"2\"}]}"}},
     "pr: b=mine!; "},
    {"another version may take it over",
     {PR,
      MINE,
      UP,
      {"backends/b/bob/i", "127.0.0.1:2"},
      {"overrides/pr/b", "{\"version\":\"bob\"}"}},
     "pr: b=bob! d=1; "},
    {"a service that the environment has not is added, wherever it sorts",
     {PR,
      {"overrides/pr/c", "{\"version\":\"mine\"}"},
      {"backends/c/mine/i", "127.0.0.1:1"},
      {"overrides/pr/e", "{\"version\":\"mine\"}"},
      {"backends/e/mine/i", "127.0.0.1:1"},
      {"overrides/pr/a", "{\"version\":\"nobody\"}"}},
     "pr: b=1 c=mine! d=1 e=mine!; "},
    {"the version that it has already is no change, but told",
     {PR, {"backends/b/1/i", "127.0.0.1:1"}, {"overrides/pr/b", "{\"version\":\"1\"}"}},
     "pr: b=1! d=1; "},
    {"fixed addresses are instances, too",
     {PR,
      {"overrides/pr/b", "{\"version\":\"out\"}"},
      {"services/b", "{\"addresses\":[\"10.0.0.9:80\"],\"version\":\"out\"}"}},
     "pr: b=out! d=1; "},
    {"and when they go, the environment's own choice is back",
     {PR,
      {"overrides/pr/b", "{\"version\":\"out\"}"},
      {"services/b", "{\"addresses\":[\"10.0.0.9:80\"],\"version\":\"out\"}"},
      {"services/b", "{}"}},
     OWN},
    {"a bad value keeps the last good one",
     {PR, MINE, UP, {"overrides/pr/b", "{\"version\":\"not good\"}"}},
     "pr: b=mine! d=1; "},
};

/* All at once, and with a snapshot after each. */
START_TEST(test_table)
{
	size_t count = 0;

	while (count < 6 && table_of[_i].kvs[count].key != NULL)
		count++;
	for (int stepwise = 0; stepwise < 2; stepwise++) {
		struct table *table = table_new();
		buf_auto struct buf got = BUF_INIT;
		struct snapshot *s;

		for (size_t i = 0; i < count; i++) {
			put(table, &table_of[_i].kvs[i]);
			if (stepwise != 0)
				snapshot_unref(table_snapshot(table, 1));
		}
		s = table_snapshot(table, 1);
		print(s, &got);
		ck_assert_msg(strcmp(buf_str(&got), table_of[_i].wanted) == 0,
			      "%s\ngot: %s\nwanted: %s", table_of[_i].name, buf_str(&got),
			      table_of[_i].wanted);
		snapshot_unref(s);
		table_free(table);
	}
}
END_TEST

START_TEST(the_choice_decides_the_digest_and_the_routes_stay)
{
	static const struct kv kvs[] = {PR,
					MINE,
					UP,
					{"environments/pr",
					 "{\"name\":\"pr\",\"services\":["
					 "{\"name\":\"b\",\"version\":\"mine\",\"route\":"
					 "\"/b/\"},{\"name\":\"d\",\"version\":\"1\"}]}"}};
	struct table *table = table_new();
	struct snapshot *own, *taken, *still, *same;

	put(table, &kvs[0]);
	put(table, &kvs[1]);
	own = table_snapshot(table, 1);
	put(table, &kvs[2]);
	taken = table_snapshot(table, 2);
	ck_assert_uint_ne(own->envs[0]->digest, taken->envs[0]->digest);
	ck_assert_uint_eq(taken->envs[0]->services[0].route_count, 1);
	ck_assert_str_eq(taken->envs[0]->services[0].routes[0], "/b/");
	ck_assert_ptr_eq(taken->headers[0].env, taken->envs[0]);
	ck_assert_ptr_eq(taken->prefixes[0].env, taken->envs[0]);
	/* The version that is not used meanwhile keeps its backend. */
	ck_assert_ptr_nonnull(snapshot_find_backend(taken, "b", "1"));
	/* Another instance, nothing else: the same environment. */
	put(table, &(struct kv){"backends/b/mine/j", "127.0.0.1:2"});
	still = table_snapshot(table, 3);
	ck_assert_ptr_eq(still->envs[0], taken->envs[0]);
	put(table, &kvs[3]);
	same = table_snapshot(table, 4);
	/* But for what answers where the override's instances are dead. */
	ck_assert_uint_eq(taken->envs[0]->fallback_count, 1);
	ck_assert_str_eq(taken->envs[0]->fallbacks[0].service, "b");
	ck_assert_str_eq(taken->envs[0]->fallbacks[0].version, "mine");
	ck_assert_str_eq(taken->envs[0]->fallbacks[0].next, "1");
	ck_assert(snapshot_find_backend(taken, "b", "mine")->stands_in);
	ck_assert(!snapshot_find_backend(taken, "b", "1")->stands_in);
	ck_assert_uint_eq(same->envs[0]->fallback_count, 0);
	ck_assert_uint_ne(same->envs[0]->digest, taken->envs[0]->digest);
	snapshot_unref(own);
	snapshot_unref(taken);
	snapshot_unref(still);
	snapshot_unref(same);
	table_free(table);
}
END_TEST

static const struct kv bad[] = {
    {"dev-laptop", NULL},
    {"[]", "must be a JSON object with version"},
    {"{}", "version is missing"},
    {"{\"version\":1.50}", NULL},
    {"{\"version\":\"a b\"}", "version \"a b\": not allowed: a space"},
    {"{\"version\":\"a\",\"holder\":[]}", NULL},
    {"{\"version\":\"a\",\"holder\":\"x\\ny\"}", "holder: a control character"},
};

START_TEST(a_bad_value_is_a_problem)
{
	struct table *table = table_new();
	struct snapshot *s;

	put(table, &(struct kv){"overrides/pr/b", bad[_i].key});
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(s->problems[0].object, "override pr/b");
	if (bad[_i].value != NULL)
		ck_assert_str_eq(s->problems[0].reason, bad[_i].value);
	snapshot_unref(s);
	table_del(table, "overrides/pr/b");
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(a_key_of_another_shape_is_a_problem)
{
	static const char *const keys[] = {"overrides/pr", "overrides/pr/b/c", "overrides/Pr/b",
					   "overrides/pr/b c"};
	struct table *table = table_new();
	struct snapshot *s;

	for (size_t i = 0; i < 4; i++)
		put(table, &(struct kv){keys[i], "{\"version\":\"1\"}"});
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 4);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(an_environment_is_not_overfilled)
{
	struct table *table = table_new();
	struct snapshot *s;

	put(table, &(struct kv){"environments/e", "{\"name\":\"e\",\"services\":[\"a\"]}"});
	for (int i = 0; i < ENV_MAX_SERVICES + 1; i++) {
		mem_auto_free char *key = mem_printf("overrides/e/s%03d", i);
		mem_auto_free char *instance = mem_printf("backends/s%03d/1/i", i);

		put(table, &(struct kv){key, "{\"version\":\"1\"}"});
		put(table, &(struct kv){instance, "127.0.0.1:1"});
	}
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->envs[0]->service_count, ENV_MAX_SERVICES);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(s->problems[0].object, "overrides of environment e");
	ck_assert_str_eq(s->problems[0].reason, "2 left out: it has 512 services");
	snapshot_unref(s);
	table_del(table, "environments/e");
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->env_count + s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

/* The i-th key; what it may hold, by v. */
static void make_kv(unsigned i, unsigned v, char **ret_key, char **ret_value)
{
	static const char *const states[] = {"up", "drain", "up", "maint"};
	unsigned n = i / 4;

	switch (i % 4) {
	case 0:
		*ret_key = mem_printf("environments/e%u", n);
		*ret_value = mem_printf("{\"name\":\"e%u\",\"services\":[{\"name\":\"s%u\","
					"\"version\":\"%u\"},{\"name\":\"s3\"}]}",
					n, v % 3, v / 3 % 3);
		break;
	case 1:
		*ret_key = mem_printf("overrides/e%u/s%u", n % 5, n / 5);
		*ret_value = mem_printf("{\"version\":\"%u\"}", v % 4);
		break;
	case 2:
		*ret_key = mem_printf("backends/s%u/%u/i", n % 4, n / 4);
		*ret_value = mem_printf(
		    "{\"address\":\"10.0.0.%u\",\"port\":1,\"weight\":%u,\"state\":\"%s\"}", i,
		    v % 5, states[v % 4]);
		break;
	default:
		*ret_key = mem_printf("services/s%u", n);
		*ret_value =
		    mem_printf("{\"addresses\":[\"10.0.1.1:1\"],\"version\":\"%u\"}", v % 4);
		break;
	}
}

static void check_backends(const struct snapshot *s)
{
	for (size_t i = 0; i < s->env_count; i++)
		for (size_t j = 0; j < s->envs[i]->service_count; j++)
			ck_assert_ptr_nonnull(snapshot_find_backend(
			    s, s->envs[i]->services[j].name, s->envs[i]->services[j].version));
}

/* Whatever happened before, and in whatever order, only what is there now counts. */
START_TEST(no_history_matters)
{
	enum { KEYS = 64 };
	struct table *table = table_new();
	char *keys[KEYS] = {NULL}, *values[KEYS] = {NULL};
	uint64_t seed = 7;
	size_t taken = 0;

	for (int step = 1; step <= 6000; step++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		unsigned r = (unsigned)(seed >> 33), i = r % KEYS;

		free(keys[i]);
		free(values[i]);
		make_kv(i, r / KEYS % 60, &keys[i], &values[i]);
		if (r / KEYS / 60 % 3 == 0) {
			table_del(table, keys[i]);
			free(values[i]);
			values[i] = NULL;
		} else {
			put(table, &(struct kv){keys[i], values[i]});
		}
		if (step % 20 == 0) {
			struct table *fresh = table_new();
			struct snapshot *s = table_snapshot(table, step), *t;
			buf_auto struct buf got = BUF_INIT, wanted = BUF_INIT;

			for (unsigned k = KEYS; k-- > 0;)
				if (keys[k] != NULL && values[k] != NULL)
					put(fresh, &(struct kv){keys[k], values[k]});
			t = table_snapshot(fresh, step);
			check_backends(s);
			print(s, &got);
			print(t, &wanted);
			ck_assert_str_eq(buf_str(&got), buf_str(&wanted));
			taken += strchr(buf_str(&got), '!') != NULL;
			snapshot_unref(s);
			snapshot_unref(t);
			table_free(fresh);
		}
	}
	ck_assert_uint_gt(taken, 100);
	for (unsigned i = 0; i < KEYS; i++) {
		free(keys[i]);
		free(values[i]);
	}
	table_free(table);
}
END_TEST

START_TEST(what_is_written_can_be_read)
{
	const struct override o = {1, "pr", "b", "mine", "an\"na@laptop", "x-1"};
	buf_auto struct buf value = BUF_INIT;
	struct override *back;
	struct mf_err err;

	override_format(&o, &value);
	ck_assert_str_eq(value.data, "{\"version\":\"mine\",\"holder\":\"an\\\"na@laptop\","
				     "\"instance\":\"x-1\"}");
	ck_assert_int_eq(override_parse("pr", "b", value.data, value.len, &back, &err), 0);
	ck_assert_str_eq(back->env, "pr");
	ck_assert_str_eq(back->service, "b");
	ck_assert_str_eq(back->version, "mine");
	ck_assert_str_eq(back->holder, "an\"na@laptop");
	ck_assert_str_eq(back->instance, "x-1");
	override_unref(back);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("overrides");

	tcase_add_loop_test(tc, test_table, 0, (int)(sizeof(table_of) / sizeof(table_of[0])));
	tcase_add_test(tc, the_choice_decides_the_digest_and_the_routes_stay);
	tcase_add_loop_test(tc, a_bad_value_is_a_problem, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, a_key_of_another_shape_is_a_problem);
	tcase_add_test(tc, an_environment_is_not_overfilled);
	tcase_add_test(tc, no_history_matters);
	tcase_add_test(tc, what_is_written_can_be_read);
	return unit_run("overrides", tc);
}
