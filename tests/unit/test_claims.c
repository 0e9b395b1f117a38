/* Claims on hosts, prefixes and headers: who gets a name, and what is said to who does not. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "table_world.h"
#include "unit.h"

static const struct env *claimant(const struct claim *claims, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(claims[i].key, key) == 0)
			return claims[i].env;
	return NULL;
}

START_TEST(the_older_claim_wins)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "b", "\"prefix\":\"www\",\"hosts\":[\"x.y\"],\"header\":\"h\",", 1);
	put_env(table, "a", "\"prefix\":\"www\",\"hosts\":[\"x.y\"],\"header\":\"h\",", 2);
	put_env(table, "c", "\"prefix\":\"www\",\"hosts\":[\"c.y\"],", 2);
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->env_count, 3);
	ck_assert_uint_eq(s->prefix_count, 1);
	ck_assert_str_eq(claimant(s->prefixes, s->prefix_count, "www")->name, "b");
	ck_assert_str_eq(claimant(s->hosts, s->host_count, "x.y")->name, "b");
	ck_assert_str_eq(claimant(s->hosts, s->host_count, "c.y")->name, "c");
	ck_assert_str_eq(claimant(s->headers, s->header_count, "h")->name, "b");
	ck_assert_str_eq(claimant(s->headers, s->header_count, "c")->name, "c");
	ck_assert_uint_eq(s->problem_count, 3);
	ck_assert_str_eq(problem_of(s, "prefix www"),
			 "claimed by environments b, a and c; b has it");
	ck_assert_str_eq(problem_of(s, "host x.y"), "claimed by environments b and a; b has it");
	ck_assert_str_eq(problem_of(s, "header h"), "claimed by environments b and a; b has it");
	snapshot_unref(s);
	table_del(table, "environments/b");
	put_env(table, "a", "\"prefix\":\"www\",", 3);
	s = table_snapshot(table, 2);
	ck_assert_str_eq(claimant(s->prefixes, s->prefix_count, "www")->name, "c");
	ck_assert_ptr_null(claimant(s->hosts, s->host_count, "x.y"));
	ck_assert_ptr_null(problem_of(s, "host x.y"));
	ck_assert_str_eq(problem_of(s, "prefix www"), "claimed by environments c and a; c has it");
	snapshot_unref(s);
	table_free(table);
}
END_TEST

static const char *host_of(const struct snapshot *s, const char *host)
{
	const struct env *env = claimant(s->hosts, s->host_count, host);

	return env == NULL ? "" : env->name;
}

START_TEST(an_older_prefix_keeps_its_hosts)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "prod", "\"prefix\":\"www\",", 1);
	put_env(table, "evil", "\"hosts\":[\"www.example.com\",\"www\",\"www-x.example.com\"],", 2);
	s = table_snapshot(table, 1);
	ck_assert_str_eq(host_of(s, "www.example.com"), "");
	ck_assert_str_eq(host_of(s, "www"), "");
	ck_assert_str_eq(host_of(s, "www-x.example.com"), "evil"); /* has another first label */
	ck_assert_str_eq(claimant(s->prefixes, s->prefix_count, "www")->name, "prod");
	ck_assert_str_eq(problem_of(s, "host www.example.com"),
			 "claimed by environments prod (prefix www) and evil; prod has it");
	ck_assert_uint_eq(s->problem_count, 2);
	snapshot_unref(s);
	put_env(table, "prod", "\"prefix\":\"other\",", 1); /* lets go of it */
	s = table_snapshot(table, 2);
	ck_assert_str_eq(host_of(s, "www.example.com"), "evil");
	ck_assert_str_eq(host_of(s, "www"), "evil");
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	put_env(table, "prod", "\"prefix\":\"www\",", 1);
	snapshot_unref(table_snapshot(table, 3));
	table_del(table, "environments/prod");
	s = table_snapshot(table, 4);
	ck_assert_str_eq(host_of(s, "www.example.com"), "evil");
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(an_older_host_is_what_a_prefix_does_not_have)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "prod", "\"hosts\":[\"shop.a\",\"shop.b\"],", 1);
	put_env(table, "late", "\"prefix\":\"shop\",\"hosts\":[\"shop.c\"],", 2);
	s = table_snapshot(table, 1);
	ck_assert_str_eq(host_of(s, "shop.a"), "prod");
	ck_assert_str_eq(host_of(s, "shop.c"), "late");
	ck_assert_str_eq(claimant(s->prefixes, s->prefix_count, "shop")->name, "late");
	ck_assert_uint_eq(s->problem_count, 1);
	ck_assert_str_eq(
	    problem_of(s, "prefix shop of environment late"),
	    "does not have shop.a (environment prod), shop.b (environment prod), whose "
	    "claims come first");
	snapshot_unref(s);
	table_del(table, "environments/prod");
	s = table_snapshot(table, 2);
	ck_assert_str_eq(host_of(s, "shop.a"), "");
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(the_default_of_a_name_beats_an_older_claim)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "evil",
		"\"prefix\":\"www-new\",\"header\":\"new\",\"hosts\":[\"www-new.example.com\"],",
		1);
	s = table_snapshot(table, 1);
	ck_assert_str_eq(claimant(s->headers, s->header_count, "new")->name, "evil");
	snapshot_unref(s);
	put_env(table, "new", "", 2);
	s = table_snapshot(table, 2);
	ck_assert_str_eq(claimant(s->headers, s->header_count, "new")->name, "new");
	ck_assert_str_eq(claimant(s->prefixes, s->prefix_count, "www-new")->name, "new");
	ck_assert_str_eq(host_of(s, "www-new.example.com"), "");
	ck_assert_str_eq(
	    problem_of(s, "header new"),
	    "claimed by environments new and evil; new has it, as the default of its name");
	snapshot_unref(s);
	put_env(table, "evil", "\"header\":\"new\",", 2); /* as from files: of one age */
	s = table_snapshot(table, 3);
	ck_assert_str_eq(
	    problem_of(s, "header new"),
	    "claimed by environments new and evil; new has it, as the default of its name");
	snapshot_unref(s);
	put_env(table, "evil",
		"\"prefix\":\"www-new\",\"header\":\"new\",\"hosts\":[\"www-new.example.com\"],",
		1);
	table_del(table, "environments/new");
	s = table_snapshot(table, 4);
	ck_assert_str_eq(host_of(s, "www-new.example.com"), "evil");
	ck_assert_str_eq(claimant(s->headers, s->header_count, "new")->name, "evil");
	ck_assert_uint_eq(s->problem_count, 0);
	snapshot_unref(s);
	table_free(table);
}
END_TEST

static void check_same_claims(const struct claim *a, size_t count, const struct claim *b,
			      size_t other)
{
	ck_assert_uint_eq(count, other);
	for (size_t i = 0; i < count; i++) {
		ck_assert_str_eq(a[i].key, b[i].key);
		ck_assert_str_eq(a[i].env->name, b[i].env->name);
	}
}

/* However it came to be, a set of environments gives the same claims. */
START_TEST(claims_do_not_depend_on_their_history)
{
	struct table *table = table_new();
	char *last[8] = {NULL};
	int64_t created[8] = {0};
	unsigned r = 1;

	for (int step = 0; step < 4000; step++) {
		struct table *fresh;
		struct snapshot *s, *t;
		unsigned i;
		mem_auto_free char *name = NULL, *key = NULL;

		r = r * 1103515245U + 12345U;
		i = r >> 16 & 7;
		name = mem_printf("e%u", i);
		key = mem_printf("environments/%s", name);
		free(last[i]);
		last[i] = NULL;
		created[i] = r >> 19 & 3;
		if ((r >> 21 & 3) != 0)
			last[i] = mem_printf("\"prefix\":\"www-e%u\",\"header\":\"e%u\","
					     "\"hosts\":[\"www-e%u.x\",\"www-e%u\"],",
					     r >> 23 & 7, r >> 24 & 7, r >> 25 & 7, r >> 26 & 7);
		if (last[i] == NULL)
			table_del(table, key);
		else
			put_env(table, name, last[i], created[i]);
		if (step % 7 != 0)
			continue;
		fresh = table_new();
		for (unsigned k = 8; k-- > 0;) {
			mem_auto_free char *other = mem_printf("e%u", k);

			if (last[k] != NULL)
				put_env(fresh, other, last[k], created[k]);
		}
		s = table_snapshot(table, 1);
		t = table_snapshot(fresh, 1);
		check_same_claims(s->hosts, s->host_count, t->hosts, t->host_count);
		check_same_claims(s->prefixes, s->prefix_count, t->prefixes, t->prefix_count);
		check_same_claims(s->headers, s->header_count, t->headers, t->header_count);
		ck_assert_uint_eq(s->problem_count, t->problem_count);
		for (size_t k = 0; k < s->problem_count; k++)
			ck_assert_str_eq(s->problems[k].reason, t->problems[k].reason);
		snapshot_unref(s);
		snapshot_unref(t);
		table_free(fresh);
	}
	for (unsigned i = 0; i < 8; i++)
		free(last[i]);
	table_free(table);
}
END_TEST

static struct snapshot *claims_of_many(bool is_one_by_one)
{
	struct table *table = table_new();
	struct snapshot *s = NULL;

	for (int i = 0; i < 600; i++) { /* in another order than that of their ages */
		int n = i * 7 % 600;
		mem_auto_free char *name = mem_printf("e%d", n);
		mem_auto_free char *more =
		    mem_printf("\"prefix\":\"p%d\",\"hosts\":[\"p%d.x\",\"p%d\"],", n,
			       (n + 1) % 600, (n + 2) % 600);

		put_env(table, name, more, n % 5);
		if (is_one_by_one) {
			snapshot_unref(s);
			s = table_snapshot(table, 1);
		}
	}
	if (!is_one_by_one)
		s = table_snapshot(table, 1);
	table_free(table);
	return s;
}

/* Each change on its own is worked out by first labels, many at once as a whole. */
START_TEST(many_claims_at_once_are_as_one_by_one)
{
	struct snapshot *s = claims_of_many(true), *t = claims_of_many(false);

	ck_assert_uint_gt(s->host_count, 0);
	ck_assert_uint_lt(s->host_count, 1200);
	check_same_claims(s->hosts, s->host_count, t->hosts, t->host_count);
	check_same_claims(s->prefixes, s->prefix_count, t->prefixes, t->prefix_count);
	ck_assert_uint_eq(s->problem_count, t->problem_count);
	snapshot_unref(s);
	snapshot_unref(t);
}
END_TEST

START_TEST(of_many_hosts_that_a_prefix_has_eight_are_problems)
{
	struct table *table = table_new();
	struct snapshot *s;

	put_env(table, "prod", "\"prefix\":\"www\",", 1);
	for (int i = 0; i < 20; i++) {
		mem_auto_free char *name = mem_printf("e%d", i);
		mem_auto_free char *more = mem_printf("\"hosts\":[\"www.%d\"],", i);

		put_env(table, name, more, 2);
	}
	s = table_snapshot(table, 1);
	ck_assert_uint_eq(s->host_count, 0);
	ck_assert_uint_eq(s->problem_count, 9);
	ck_assert_str_eq(problem_of(s, "hosts with prefix www"),
			 "12 more are claimed by environments whose claims come after that of the "
			 "prefix");
	snapshot_unref(s);
	table_free(table);
}
END_TEST

START_TEST(claims_of_one_age_go_by_name_and_many_are_counted)
{
	struct table *table = table_new();
	struct snapshot *s;

	for (int i = 19; i >= 10; i--) {
		mem_auto_free char *name = mem_printf("e%d", i);

		put_env(table, name, "\"prefix\":\"www\",", 0);
	}
	s = table_snapshot(table, 1);
	ck_assert_str_eq(s->prefixes[0].env->name, "e10");
	ck_assert_str_eq(problem_of(s, "prefix www"),
			 "claimed by environments e10, e11, e12, e13, e14, e15, e16, e17 and 2 "
			 "others; e10 has it");
	snapshot_unref(s);
	table_free(table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("claims");

	tcase_add_test(tc, the_older_claim_wins);
	tcase_add_test(tc, an_older_prefix_keeps_its_hosts);
	tcase_add_test(tc, an_older_host_is_what_a_prefix_does_not_have);
	tcase_add_test(tc, the_default_of_a_name_beats_an_older_claim);
	tcase_add_test(tc, claims_do_not_depend_on_their_history);
	tcase_add_test(tc, many_claims_at_once_are_as_one_by_one);
	tcase_add_test(tc, of_many_hosts_that_a_prefix_has_eight_are_problems);
	tcase_add_test(tc, claims_of_one_age_go_by_name_and_many_are_counted);
	return unit_run("claims", tc);
}
