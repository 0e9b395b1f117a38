/* How many there may be of a kind: who stays, who comes in, and what it costs. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/policy.h"
#include "model/sorted.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

static struct policy *parse(const char *yaml)
{
	struct policy *policy;
	struct mf_err err;

	ck_assert_msg(policy_parse("p", yaml, strlen(yaml), &policy, &err) == 0, "%s", err.msg);
	return policy;
}

static void put_owned(struct table *table, const char *name, const char *owner, int64_t created)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	mem_auto_free char *value = mem_printf(
	    "{\"name\":\"%s\",\"services\":[],\"origin\":{\"owner\":\"%s\"}}", name, owner);

	put_at(table, key, value, created);
}

static void del_env(struct table *table, const char *name)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);

	table_del(table, key);
}

/* The names of all that are in force, joined. */
static void expect(struct table *table, const char *names)
{
	struct snapshot *s = table_snapshot(table, 1);
	buf_auto struct buf list = BUF_INIT;

	for (size_t i = 0; i < s->env_count; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : " ", s->envs[i]->name);
	ck_assert_str_eq(buf_str(&list), names);
	snapshot_unref(s);
}

START_TEST(of_an_owner_the_first_that_were_created_stay)
{
	struct policy *two = parse("environments: [{max_environments: 2}]");
	struct policy *three = parse("environments:\n- {owners: [a], max_environments: 3}\n");
	struct table *table = table_new();
	struct snapshot *s;

	table_set_policy(table, two);
	put_owned(table, "c", "a", 30);
	put_owned(table, "d", "a", 40);
	put_owned(table, "other", "b", 50);
	expect(table, "c d other");
	put_owned(table, "a", "a", 60); /* whatever its name is */
	expect(table, "c d other");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(problem_of(s, "environment a"),
			 "owner a has 2 environments, and may have no more (p, line 1)");
	snapshot_unref(s);
	put_owned(table, "b", "a", 20); /* older than both: as a listing by name brings it */
	expect(table, "b c other");
	put_owned(table, "c", "a", 30);
	expect(table, "b c other");
	del_env(table, "b");
	expect(table, "c d other");
	put_owned(table, "d", "b", 40); /* to another owner */
	expect(table, "a c d other");
	put_owned(table, "x", "b", 10);
	expect(table, "a c d x");
	put_owned(table, "x", "a", 10); /* and from it: into a full one */
	expect(table, "c d other x");
	put_at(table, "environments/c", "junk", 30); /* its last good one counts */
	expect(table, "c d other x");
	put_owned(table, "b", "a", 5); /* which is older than both */
	expect(table, "b d other x");
	del_env(table, "b");
	expect(table, "c d other x");
	del_env(table, "c");
	expect(table, "a d other x");
	table_set_policy(table, three);
	put_owned(table, "y", "a", 70);
	put_owned(table, "z", "a", 80);
	expect(table, "a d other x y");
	table_set_policy(table, NULL);
	expect(table, "a d other x y z");
	table_set_policy(table, two);
	expect(table, "a d other x");
	table_begin_full(table);
	put_owned(table, "z", "a", 80);
	put_owned(table, "y", "a", 90); /* deleted and created anew */
	table_end_full(table);
	expect(table, "y z");
	table_free(table);
	policy_free(two);
	policy_free(three);
}
END_TEST

/* A plain judge: of each owner the first two by created, then name. */
static void judge(const int owner[], const int64_t created[], size_t count, struct buf *ret)
{
	for (size_t i = 0; i < count; i++) {
		size_t before = 0;

		for (size_t k = 0; k < count && owner[i] >= 0; k++)
			before += owner[k] == owner[i] &&
				  (created[k] < created[i] || (created[k] == created[i] && k < i));
		if (owner[i] >= 0 && before < 2)
			buf_printf(ret, "%se%zu", ret->len == 0 ? "" : " ", i);
	}
}

START_TEST(any_history_leaves_the_same)
{
	struct policy *policy = parse("environments: [{max_environments: 2}]");
	struct table *table = table_new();
	int owner[9];
	int64_t created[9] = {0};
	const size_t count = sizeof(owner) / sizeof(owner[0]);

	srand((unsigned)_i + 1);
	memset(owner, -1, sizeof(owner));
	table_set_policy(table, policy);
	for (int step = 0; step < 400; step++) {
		size_t i = (size_t)rand() % count;
		char name[] = {'e', (char)('0' + i), '\0'}, who[] = {'a', '\0'};
		buf_auto struct buf names = BUF_INIT;

		if (rand() % 3 == 0) {
			owner[i] = -1;
			del_env(table, name);
		} else {
			if (owner[i] < 0 || rand() % 4 == 0)
				created[i] = rand() % 5;
			owner[i] = rand() % 3;
			who[0] = (char)('a' + owner[i]);
			put_owned(table, name, who, created[i]);
		}
		if (rand() % 50 == 0)
			table_set_policy(table, policy);
		judge(owner, created, count, &names);
		expect(table, buf_str(&names));
	}
	table_free(table);
	policy_free(policy);
}
END_TEST

/* The versions that are in force with their instances: "v1=2 v2=1". */
static void expect_versions(struct table *table, const char *list)
{
	struct snapshot *s = table_snapshot(table, 1);
	buf_auto struct buf text = BUF_INIT;

	for (size_t i = 0; i < s->backend_count; i++)
		buf_printf(&text, "%s%s=%zu", i == 0 ? "" : " ", s->backends[i]->version,
			   s->backends[i]->instance_count);
	ck_assert_str_eq(buf_str(&text), list);
	snapshot_unref(s);
}

static void put_instance(struct table *table, const char *at, int64_t created)
{
	mem_auto_free char *key = mem_printf("backends/web/%s", at);
	mem_auto_free char *address = mem_printf("10.0.0.5:%d", at[0] * 256 + at[2]);

	put_at(table, key, address, created);
}

static void del_instance(struct table *table, const char *at)
{
	mem_auto_free char *key = mem_printf("backends/web/%s", at);

	table_del(table, key);
}

START_TEST(a_service_has_so_many_versions_and_each_so_many_instances)
{
	struct policy *policy =
	    parse("services: [{names: [web], max_versions: 2, max_instances: 2}]");
	struct table *table = table_new();
	struct snapshot *s;

	table_set_policy(table, policy);
	put_instance(table, "1/a", 30);
	put_instance(table, "2/a", 40);
	put_instance(table, "3/a", 50);
	expect_versions(table, "1=1 2=1");
	s = table_snapshot(table, 1);
	ck_assert_str_eq(problem_of(s, "instance web/3/a"),
			 "service web has 2 versions, and may have no more (p, line 1)");
	snapshot_unref(s);
	put_instance(table, "3/b", 35); /* an older one: the version is older than 2 */
	expect_versions(table, "1=1 3=2");
	put_instance(table, "3/c", 36);
	expect_versions(table, "1=1 3=2");
	s = table_snapshot(table, 1);
	ck_assert_str_eq(problem_of(s, "instance web/3/a"),
			 "version web:3 has 2 instances, and may have no more (p, line 1)");
	snapshot_unref(s);
	put_at(table, "backends/api/1/a", "10.0.0.5:80", 1); /* another service */
	table_del(table, "backends/api/1/a");
	del_instance(table, "3/b");
	expect_versions(table, "1=1 3=2");
	del_instance(table, "3/c"); /* what is left of 3 is younger than 2 */
	expect_versions(table, "1=1 2=1");
	del_instance(table, "1/a");
	expect_versions(table, "2=1 3=1");
	put_at(table, "backends/web/2/a", "junk", 90); /* created anew, the last good one stays */
	put_instance(table, "4/a", 70);
	expect_versions(table, "3=1 4=1");
	put_at(table, "backends/web/2/a", "10.0.0.5:81", 90);
	expect_versions(table, "3=1 4=1");
	table_set_policy(table, NULL);
	expect_versions(table, "2=1 3=1 4=1");
	table_free(table);
	policy_free(policy);
}
END_TEST

/* Who is within: of the two versions whose first is the oldest, the two oldest of each. */
static void judge_versions(int64_t created[3][4], struct buf *ret)
{
	int64_t first[3];

	for (int v = 0; v < 3; v++) {
		first[v] = INT64_MAX;
		for (int i = 0; i < 4; i++)
			if (created[v][i] >= 0 && created[v][i] < first[v])
				first[v] = created[v][i];
	}
	for (int v = 0; v < 3; v++) {
		size_t before = 0, count = 0;

		for (int k = 0; k < 3; k++)
			before += first[k] < first[v] || (first[k] == first[v] && k < v);
		for (int i = 0; i < 4; i++)
			count += created[v][i] >= 0;
		if (count > 0 && before < 2)
			buf_printf(ret, "%s%d=%zu", ret->len == 0 ? "" : " ", v,
				   count < 2 ? count : 2);
	}
}

START_TEST(any_history_leaves_the_same_versions)
{
	struct policy *policy = parse("services: [{max_versions: 2, max_instances: 2}]");
	struct table *table = table_new();
	int64_t created[3][4];

	srand((unsigned)_i + 1);
	memset(created, -1, sizeof(created));
	table_set_policy(table, policy);
	for (int step = 0; step < 400; step++) {
		int v = rand() % 3, i = rand() % 4;
		char at[] = {(char)('0' + v), '/', (char)('a' + i), '\0'};
		buf_auto struct buf list = BUF_INIT;

		if (rand() % 3 == 0) {
			created[v][i] = -1;
			del_instance(table, at);
		} else {
			created[v][i] = rand() % 6;
			put_instance(table, at, created[v][i]);
		}
		if (rand() % 50 == 0)
			table_set_policy(table, policy);
		judge_versions(created, &list);
		expect_versions(table, buf_str(&list));
	}
	table_free(table);
	policy_free(policy);
}
END_TEST

START_TEST(of_many_problems_some_are_shown_and_the_others_counted)
{
	const size_t count = 60000;
	struct table *table = table_new();
	struct snapshot *s;

	for (size_t i = 0; i < count; i++) {
		mem_auto_free char *key = mem_printf("backends/web/1/i%05zu", i);

		put_at(table, key, "junk", 1);
	}
	put_at(table, "environments/dev", "junk", 1);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, count + 1);
	snapshot_unref(s);
	table_set_shown(table, 10);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 10 + 2);
	ck_assert_uint_eq(s->problem_total, count + 1);
	ck_assert_str_eq(problem_of(s, "instance (others)"), "and 59990 more");
	ck_assert_ptr_nonnull(problem_of(s, "environment dev"));
	ck_assert_ptr_nonnull(problem_of(s, "instance web/1/i00009"));
	snapshot_unref(s);
	table_begin_full(table);
	table_end_full(table);
	s = table_snapshot(table, 2);
	ck_assert_uint_eq(s->problem_count + s->problem_total, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

/* An environment with some hosts of each of so many first labels. */
static void put_hosts(struct table *table, const char *name, int labels, int64_t created)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	buf_auto struct buf value = BUF_INIT;

	buf_printf(&value, "{\"name\":\"%s\",\"services\":[],\"hosts\":[\"all.example.com\"", name);
	for (int i = 0; i < labels; i++)
		buf_printf(&value, ",\"l%d.example.com\",\"www-owner%d.example.com\"", i, i);
	buf_add_str(&value, "]}");
	put_at(table, key, buf_str(&value), created);
}

START_TEST(of_many_lost_claims_some_are_shown_and_the_others_counted)
{
	struct table *table = table_new();
	struct snapshot *s;

	for (int i = 0; i < 31; i++) {
		mem_auto_free char *name = mem_printf("owner%d", i);

		put_owned(table, name, "", 10 + i);
	}
	put_hosts(table, "first", 31, 5);
	put_hosts(table, "second", 31, 200);
	put_hosts(table, "third", 31, 300);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 63);
	ck_assert_uint_eq(s->problem_total, 63);
	snapshot_unref(s);
	table_set_shown(table, 20);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_count, 21);
	ck_assert_ptr_nonnull(problem_of(s, "host (others)"));
	ck_assert_uint_ge(s->problem_total, 63);
	snapshot_unref(s);
	del_env(table, "third"); /* the second has lost the same ones */
	del_env(table, "first"); /* and has them now, but for those of the prefixes */
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_total, 31);
	snapshot_unref(s);
	del_env(table, "second");
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->problem_total, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

/* --- what it costs ---------------------------------------------------------------------------- */

/* Keys of one kind, of which there are so many: put in an order of their own, with a snapshot, then
 * deleted. */
struct many {
	void (*put)(struct table *table, unsigned i, unsigned count);
	const char *prefix; /* of the keys; the number follows, and the suffix */
	const char *suffix;
	unsigned count;
};

static unsigned shuffle(unsigned i, unsigned count)
{
	return (unsigned)(i * (uint64_t)7919 % count);
}

static void put_many_junk(struct table *table, unsigned i, unsigned count)
{
	mem_auto_free char *key = mem_printf("backends/web/1/i%u", shuffle(i, count));

	put_at(table, key, "junk", 1);
}

static void put_many_versions(struct table *table, unsigned i, unsigned count)
{
	mem_auto_free char *key = mem_printf("backends/web/%u/a", shuffle(i, count));
	mem_auto_free char *address = mem_printf("10.0.%u.%u:80", i / 256 % 256, i % 256);

	put_at(table, key, address, 1);
}

/* Each with the host of another, too. */
static void put_many_hosts(struct table *table, unsigned i, unsigned count)
{
	unsigned n = shuffle(i, count);
	mem_auto_free char *key = mem_printf("environments/e%u", n);
	mem_auto_free char *value =
	    mem_printf("{\"name\":\"e%u\",\"services\":[\"web\"],\"hosts\":[\"www.%u.example.com\","
		       "\"e%u.example.com\"]}",
		       n, n, (n + 1) % count);

	put_at(table, key, value, 1);
}

static const struct many manies[] = {
    {put_many_junk, "backends/web/1/i", "", 0},
    {put_many_versions, "backends/web/", "/a", 0},
    {put_many_hosts, "environments/e", "", 0},
};

static void come_and_go(const struct many *many)
{
	struct table *table = table_new();

	table_set_shown(table, 100);
	for (unsigned i = 0; i < many->count; i++)
		many->put(table, i, many->count);
	snapshot_unref(table_snapshot(table, 1));
	for (unsigned i = 0; i < many->count; i++) {
		mem_auto_free char *key = mem_printf("%s%u%s", many->prefix,
						     shuffle(i * 3 + 1, many->count), many->suffix);

		table_del(table, key);
	}
	table_free(table);
}

static size_t cost_of(const struct many *kind, unsigned count)
{
	struct many many = *kind;
	size_t before = sorted_work();

	many.count = count;
	come_and_go(&many);
	return sorted_work() - before;
}

/* Eight times as many, eight times the work, and a little for longer searches. */
START_TEST(reading_is_linear)
{
	size_t few = cost_of(&manies[_i], 5000), many = cost_of(&manies[_i], 40000);

	ck_assert_msg(many < few * 8 * 3 / 2, "%zu of %zu", many, few);
}
END_TEST

static void change_label(struct table *table, unsigned i)
{
	mem_auto_free char *key = mem_printf("environments/own-%u", i % 2);
	mem_auto_free char *value = mem_printf(
	    "{\"name\":\"own-%u\",\"services\":[],\"hosts\":[\"www.x%u.example.com\"]}", i % 2, i);

	put_at(table, key, value, 1);
	snapshot_unref(table_snapshot(table, 1));
}

static size_t cost_of_label(unsigned count)
{
	struct table *table = table_new();
	size_t before;

	table_set_shown(table, 100);
	for (unsigned i = 0; i < count; i++)
		put_many_hosts(table, i, count);
	for (unsigned i = 0; i < 4; i++)
		change_label(table, i);
	before = sorted_work();
	for (unsigned i = 4; i < 20; i++)
		change_label(table, i);
	before = sorted_work() - before;
	table_free(table);
	return before;
}

/* Five thousand others with the same first label, or forty thousand: what is left is the copy of
 * all hosts that a snapshot needs. */
START_TEST(a_change_of_a_host_costs_little_among_many)
{
	size_t few = cost_of_label(5000), many = cost_of_label(40000);

	ck_assert_msg(many < few * 8, "%zu of %zu", many, few);
	ck_assert_msg(many < (size_t)16 * 50000, "%zu", many);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("bounds");

	tcase_add_test(tc, of_an_owner_the_first_that_were_created_stay);
	tcase_add_loop_test(tc, any_history_leaves_the_same, 0, 20);
	tcase_add_test(tc, a_service_has_so_many_versions_and_each_so_many_instances);
	tcase_add_loop_test(tc, any_history_leaves_the_same_versions, 0, 20);
	tcase_add_test(tc, of_many_problems_some_are_shown_and_the_others_counted);
	tcase_add_test(tc, of_many_lost_claims_some_are_shown_and_the_others_counted);
	tcase_add_loop_test(tc, reading_is_linear, 0, (int)(sizeof(manies) / sizeof(manies[0])));
	tcase_add_test(tc, a_change_of_a_host_costs_little_among_many);
	return unit_run("bounds", tc);
}
