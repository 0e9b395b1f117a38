/*
 * Snapshots share what did not change: whatever happens to the table later, each goes on saying
 * what it said, and that is what a table says that was filled anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/service.h"
#include "model/table.h"
#include "unit.h"

enum { STEPS = 2000, KEPT = 6, NAMES = 7 };

struct entry {
	char *value;
	int64_t created;
};

struct world {
	struct table *table;
	struct strmap *entries; /* key to struct entry: what the table was told */
	int64_t revision;
	struct kept {
		struct snapshot *snapshot;
		char *words; /* what it said when it was new */
	} kept[KEPT];
};

static void free_entry(void *value)
{
	struct entry *entry = value;

	free(entry->value);
	free(entry);
}

/* The same numbers in each run. */
static unsigned draw(unsigned below)
{
	static uint64_t state = 88172645463325252U;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % below);
}

/* --- what a snapshot says -------------------------------------------------------------------- */

static void add_claims(struct buf *b, const char *word, const struct claim *claims, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(b, "%s %s: %s\n", word, claims[i].key, claims[i].env->name);
}

static size_t add_backend(struct buf *b, const struct backend *backend)
{
	buf_printf(b, "backend %s %s %s", backend->name, backend->service, backend->version);
	if (backend->settings != NULL)
		buf_printf(b, " %s", service_balance_word(backend->settings->balance));
	for (size_t i = 0; i < backend->instance_count; i++)
		buf_printf(b, " %s*%u(%d)", backend->instances[i]->server,
			   backend->instances[i]->weight, (int)backend->instances[i]->state);
	buf_add_char(b, '\n');
	return backend->instance_count;
}

static char *words_of(const struct snapshot *s)
{
	struct buf b = BUF_INIT;
	size_t instances = 0;

	for (size_t i = 0; i < s->env_count; i++) {
		buf_add_str(&b, "env ");
		env_format_json(s->envs[i], NULL, NULL, &b);
		buf_add_char(&b, '\n');
	}
	for (size_t i = 0; i < s->backend_count; i++)
		instances += add_backend(&b, s->backends[i]);
	ck_assert_uint_eq(s->instance_count, instances);
	for (size_t i = 0; i < s->service_count; i++)
		buf_printf(&b, "service %s\n", s->services[i]);
	add_claims(&b, "host", s->hosts, s->host_count);
	add_claims(&b, "prefix", s->prefixes, s->prefix_count);
	add_claims(&b, "header", s->headers, s->header_count);
	for (size_t i = 0; i < s->problem_count; i++)
		buf_printf(&b, "%s: %s\n", s->problems[i].object, s->problems[i].reason);
	return buf_take(&b);
}

/* --- changes --------------------------------------------------------------------------------- */

static char *any_env(const char *name)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "{\"name\":\"%s\"", name);
	if (draw(2) == 0)
		buf_printf(&b, ",\"prefix\":\"p%u\"", draw(3));
	if (draw(2) == 0)
		buf_printf(&b, ",\"header\":\"h%u\"", draw(3));
	if (draw(3) == 0)
		buf_printf(&b, ",\"hosts\":[\"x%u.org\",\"y%u.org\"]", draw(3), draw(3));
	buf_printf(&b, ",\"services\":[{\"name\":\"s%u\",\"version\":\"%u\"},\"t%u\"]}",
		   draw(NAMES), draw(3), draw(2));
	return buf_take(&b);
}

/* A key, and a value for it. */
static char *any_key(char **ret_value)
{
	static const char *const balances[] = {"random", "source", "leastconn"};
	static const char *const more[] = {"", ",\"addresses\":[\"10.0.0.9:80\"]",
					   ",\"protocol\":\"tcp\",\"listen\":99"};
	mem_auto_free char *name = mem_printf("e%u", draw(NAMES));

	switch (draw(6)) {
	case 0:
	case 1:
		*ret_value = any_env(name);
		return mem_printf("environments/%s", name);
	case 2:
		*ret_value = mem_printf("{\"address\":\"10.0.0.%u\",\"port\":80,\"weight\":%u}",
					1 + draw(3), draw(3));
		return mem_printf("backends/s%u/%u/i%u", draw(NAMES), draw(3), draw(3));
	case 3:
		*ret_value = mem_printf("{\"version\":\"%u\"}", draw(3));
		return mem_printf("overrides/%s/s%u", name, draw(NAMES));
	case 4:
		*ret_value = mem_dup_str(draw(2) == 0 ? "drain" : "maint");
		return draw(3) == 0
			   ? mem_printf("states/s%u/latest/10.0.0.9:80", draw(NAMES))
			   : mem_printf("states/s%u/%u/i%u", draw(NAMES), draw(3), draw(3));
	default:
		*ret_value = mem_printf("{\"balance\":\"%s\"%s}", balances[draw(3)], more[draw(3)]);
		return mem_printf("services/s%u", draw(NAMES));
	}
}

static void put(struct world *world, const char *key, char *value)
{
	struct entry *old = strmap_find(world->entries, key);
	struct entry *entry = MEM_NEW(entry);

	/* Now and then it was deleted and made anew in between. */
	entry->created = old == NULL || draw(5) == 0 ? world->revision : old->created;
	entry->value = value;
	strmap_set(world->entries, key, entry);
	table_put(world->table, key, value, strlen(value), entry->created);
}

static void put_all(const struct world *world, struct table *table)
{
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(world->entries, &cursor, &key, &value)) {
		const struct entry *entry = value;

		table_put(table, key, entry->value, strlen(entry->value), entry->created);
	}
}

static void change(struct world *world)
{
	char *value;
	mem_auto_free char *key = any_key(&value);

	world->revision++;
	if (draw(3) != 0) {
		put(world, key, value);
		return;
	}
	free(value);
	(void)strmap_del(world->entries, key);
	if (draw(2) == 0) {
		table_del(world->table, key);
		return;
	}
	table_begin_full(world->table);
	put_all(world, world->table);
	table_end_full(world->table);
}

/* --- snapshots ------------------------------------------------------------------------------- */

static void forget(struct kept *kept)
{
	snapshot_unref(kept->snapshot);
	free(kept->words);
	*kept = (struct kept){NULL, NULL};
}

static void check(const struct kept *kept)
{
	mem_auto_free char *words = kept->snapshot == NULL ? NULL : words_of(kept->snapshot);

	if (words != NULL)
		ck_assert_str_eq(words, kept->words);
}

static void check_against_new_table(const struct world *world, const struct kept *kept)
{
	struct table *table = table_new();
	struct snapshot *snapshot;
	mem_auto_free char *words = NULL;

	put_all(world, table);
	snapshot = table_snapshot(table, 1);
	words = words_of(snapshot);
	ck_assert_str_eq(kept->words, words);
	snapshot_unref(snapshot);
	table_free(table);
}

static bool is_some_out(void *ctx, enum snapshot_part part, const char *name)
{
	(void)ctx;
	return part == SNAPSHOT_SETTINGS || strchr("24", name[1]) != NULL;
}

static bool waits(void *ctx, const char *env)
{
	(void)ctx;
	return strchr("135", env[1]) != NULL;
}

static void check_claims(const struct snapshot *s, const struct claim *claims, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ck_assert(i == 0 || strcmp(claims[i - 1].key, claims[i].key) < 0);
		ck_assert_ptr_eq(snapshot_find_env(s, claims[i].env->name), claims[i].env);
	}
}

/* Who waits has what it had, and whatever answered for it; the others have what they are to have,
 * unless one that waits has it yet. */
static void check_between(const struct snapshot *s, const struct snapshot *old,
			  const struct snapshot *new)
{
	for (int i = 0; i < NAMES; i++) {
		mem_auto_free char *name = mem_printf("e%d", i);

		ck_assert_ptr_eq(snapshot_find_env(s, name),
				 snapshot_find_env(waits(NULL, name) ? old : new, name));
	}
	check_claims(s, s->hosts, s->host_count);
	check_claims(s, s->prefixes, s->prefix_count);
	check_claims(s, s->headers, s->header_count);
	for (size_t i = 0; i < new->backend_count; i++) {
		const struct backend *backend = new->backends[i];

		ck_assert_ptr_nonnull(snapshot_find_backend(s, backend->service, backend->version));
	}
	ck_assert_ptr_eq(s->names, new->names);
}

static struct snapshot *make_between(struct snapshot *old, struct snapshot *new)
{
	struct snapshot *s = snapshot_between(old, new, waits, NULL, draw(4));

	check_between(s, old, new);
	return s;
}

static void keep(struct world *world)
{
	struct kept *kept = &world->kept[draw(KEPT)], *other = &world->kept[draw(KEPT)];
	const struct kept *before = &world->kept[draw(KEPT)];

	forget(kept);
	kept->snapshot = table_snapshot(world->table, world->revision);
	kept->words = words_of(kept->snapshot);
	check_against_new_table(world, kept);
	if (other == kept || draw(2) == 0)
		return;
	if (draw(2) == 0 && before->snapshot != NULL && before != other) {
		struct snapshot *between = make_between(before->snapshot, kept->snapshot);

		forget(other);
		other->snapshot = between;
	} else {
		forget(other);
		other->snapshot = snapshot_without(kept->snapshot, is_some_out, NULL);
	}
	other->words = words_of(other->snapshot);
}

START_TEST(an_old_snapshot_says_what_it_said)
{
	struct world world = {.table = table_new(), .entries = strmap_new(free_entry)};

	for (int i = 0; i < STEPS; i++) {
		change(&world);
		if (draw(3) == 0)
			keep(&world);
		if (draw(5) == 0)
			forget(&world.kept[draw(KEPT)]);
		for (int j = 0; j < KEPT; j++)
			check(&world.kept[j]);
	}
	table_free(world.table);
	for (int j = 0; j < KEPT; j++) {
		check(&world.kept[j]);
		forget(&world.kept[j]);
	}
	strmap_free(world.entries);
}
END_TEST

/* An environment that waits has its old version's last instance until it goes on. */
START_TEST(who_waits_keeps_its_hosts_and_its_last_instance)
{
	static const char first[] = "{\"name\":\"e1\",\"hosts\":[\"x.y\"],\"services\":[{"
				    "\"name\":\"a\",\"version\":\"1\"}]}";
	static const char second[] = "{\"name\":\"e1\",\"services\":[{\"name\":\"a\","
				     "\"version\":\"2\"}]}";
	static const char other[] = "{\"name\":\"e2\",\"hosts\":[\"x.y\",\"z.y\"],"
				    "\"services\":[\"b\"]}";
	static const char drained[] = "{\"address\":\"10.0.0.1\",\"port\":1,\"weight\":0}";
	struct table *table = table_new();
	struct snapshot *old, *new, *between;

	table_put(table, "environments/e1", first, strlen(first), 1);
	table_put(table, "backends/a/1/i", "10.0.0.1:1", 10, 1);
	table_put(table, "backends/b/1/i", "10.0.0.1:1", 10, 1);
	old = table_snapshot(table, 1);
	table_put(table, "environments/e1", second, strlen(second), 1);
	table_put(table, "environments/e2", other, strlen(other), 2);
	table_put(table, "backends/a/1/i", drained, strlen(drained), 1);
	table_put(table, "backends/b/1/i", drained, strlen(drained), 1);
	new = table_snapshot(table, 3);
	between = make_between(old, new);
	ck_assert_str_eq(snapshot_find_claim(between->hosts, between->host_count, "x.y")->name,
			 "e1");
	ck_assert_str_eq(snapshot_find_claim(between->hosts, between->host_count, "z.y")->name,
			 "e2");
	ck_assert_ptr_eq(snapshot_find_backend(between, "a", "1"),
			 snapshot_find_backend(old, "a", "1"));
	ck_assert_ptr_eq(snapshot_find_backend(between, "b", "1"),
			 snapshot_find_backend(new, "b", "1"));
	ck_assert_int_eq(between->revision, 1);
	snapshot_unref(old);
	snapshot_unref(new);
	snapshot_unref(between);
	table_free(table);
}
END_TEST

START_TEST(not_more_host_names_go_than_may)
{
	static const char first[] = "{\"name\":\"e2\",\"hosts\":[\"a.y\",\"b.y\",\"c.y\"],"
				    "\"services\":[\"a\"]}";
	static const char second[] = "{\"name\":\"e2\",\"hosts\":[\"d.y\"],\"services\":[\"a\"]}";
	struct table *table = table_new();
	struct snapshot *old, *new, *between, *next;

	table_put(table, "environments/e2", first, strlen(first), 1);
	old = table_snapshot(table, 1);
	table_put(table, "environments/e2", second, strlen(second), 1);
	new = table_snapshot(table, 2);
	between = snapshot_between(old, new, waits, NULL, 1);
	snapshot_unref(old);
	check_claims(between, between->hosts, between->host_count);
	ck_assert_uint_eq(between->host_count, 3);
	ck_assert_str_eq(between->hosts[0].key, "b.y");
	ck_assert_str_eq(between->hosts[2].key, "d.y");
	next = snapshot_between(between, new, waits, NULL, 1);
	snapshot_unref(between);
	check_claims(next, next->hosts, next->host_count);
	ck_assert_uint_eq(next->host_count, 2);
	ck_assert_str_eq(next->hosts[0].key, "c.y");
	table_del(table, "environments/e2");
	snapshot_unref(new);
	new = table_snapshot(table, 3);
	between = snapshot_between(next, new, waits, NULL, 0);
	ck_assert_uint_eq(between->host_count, 0);
	snapshot_unref(next);
	snapshot_unref(new);
	snapshot_unref(between);
	table_free(table);
}
END_TEST

START_TEST(lists_that_did_not_change_are_shared)
{
	static const char env[] = "{\"name\":\"e\",\"services\":[\"a\"]}";
	static const char other[] = "{\"name\":\"e\",\"services\":[\"a\"],\"hosts\":[\"x.y\"]}";
	struct table *table = table_new();
	struct snapshot *one, *two;

	table_put(table, "environments/e", env, strlen(env), 1);
	table_put(table, "backends/a/1/i", "10.0.0.1:1", 10, 1);
	one = table_snapshot(table, 1);
	table_put(table, "environments/e", other, strlen(other), 1);
	two = table_snapshot(table, 2);
	ck_assert_ptr_eq(one->backends, two->backends);
	ck_assert_ptr_eq(one->services, two->services);
	ck_assert_ptr_ne(one->envs, two->envs);
	ck_assert_ptr_ne(one->hosts, two->hosts);
	snapshot_unref(one);
	one = two;
	table_put(table, "backends/a/1/i", "10.0.0.2:1", 10, 1);
	two = table_snapshot(table, 3);
	ck_assert_ptr_ne(one->backends, two->backends);
	ck_assert_ptr_eq(one->services, two->services);
	ck_assert_ptr_eq(one->envs, two->envs);
	ck_assert_ptr_eq(one->hosts, two->hosts);
	snapshot_unref(one);
	snapshot_unref(two);
	table_free(table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("snapshot");

	tcase_add_test(tc, an_old_snapshot_says_what_it_said);
	tcase_add_test(tc, who_waits_keeps_its_hosts_and_its_last_instance);
	tcase_add_test(tc, not_more_host_names_go_than_may);
	tcase_add_test(tc, lists_that_did_not_change_are_shared);
	return unit_run("snapshot", tc);
}
