/* Linearisation: the order in which an environment's ancestors count, and what has none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/lineage.h"
#include "unit.h"

/* "a: b c" for an environment a that extends b and c; environments are separated by ';'. */
#define WORLD_MAX 100
struct world {
	struct env envs[WORLD_MAX];
	size_t count;
	char *text;
};

static void world_init(struct world *world, const char *text)
{
	char *end, *word_end;

	memset(world, 0, sizeof(*world));
	world->text = mem_dup_str(text);
	for (char *item = strtok_r(world->text, ";", &end); item != NULL;
	     item = strtok_r(NULL, ";", &end)) {
		struct env *env = &world->envs[world->count++];

		env->name = strtok_r(item, ": ", &word_end);
		env->parents = mem_alloc(ENV_MAX_PARENTS * sizeof(char *));
		for (char *word = strtok_r(NULL, " ", &word_end); word != NULL;
		     word = strtok_r(NULL, " ", &word_end))
			env->parents[env->parent_count++] = word;
	}
}

static void world_fini(struct world *world)
{
	for (size_t i = 0; i < world->count; i++)
		free(world->envs[i].parents);
	free(world->text);
}

static const struct env *find(void *ctx, const char *name, const char **ret_why)
{
	const struct world *world = ctx;

	for (size_t i = 0; i < world->count; i++)
		if (strcmp(world->envs[i].name, name) == 0)
			return &world->envs[i];
	*ret_why = strcmp(name, "bad") == 0 ? "is set aside" : "is not there";
	return NULL;
}

static const struct {
	const char *world, *order;
} orders[] = {
    {"a:", "a"},
    {"a: b; b:", "a b"},
    {"a: b c; b: prod; c: prod; prod:", "a b c prod"},
    {"a: b c prod; b: prod; c: prod; prod:", "a b c prod"},
    {"a: b c; b: p; c: q; p:; q:", "a b p c q"},
    {"a: b c; b: p q; c: q; p:; q:", "a b p c q"},
    /* The example of the paper, as Python's documentation has it. */
    {"z: k1 k2 k3; k1: a b c; k2: d b e; k3: d a; a: o; b: o; c: o; d: o; e: o; o:",
     "z k1 k2 k3 d a b c e o"},
    {"a: b; b: c; c: d; d: e; e: f; f: g; g: h; h:", "a b c d e f g h"},
    {"a: x b; x: d; b: c; c: d; d: e; e: f; f: g; g:", "a x b c d e f g"},
};

START_TEST(the_nearest_comes_first)
{
	struct world world;
	struct lineage lineage;
	struct mf_err err;
	buf_auto struct buf order = BUF_INIT;

	world_init(&world, orders[_i].world);
	ck_assert_msg(lineage_make(&world.envs[0], find, &world, &lineage, &err) == 0, "%s",
		      err.msg);
	for (size_t i = 0; i < lineage.count; i++)
		buf_printf(&order, "%s%s", i == 0 ? "" : " ", lineage.envs[i]->name);
	ck_assert_str_eq(order.data, orders[_i].order);
	world_fini(&world);
}
END_TEST

START_TEST(who_is_above_whom_is_known)
{
	struct world world;
	struct lineage lineage;

	world_init(&world, "a: b c; b: prod; c: prod x; prod:; x:");
	ck_assert_int_eq(lineage_make(&world.envs[0], find, &world, &lineage, NULL), 0);
	ck_assert_uint_eq(lineage.count, 5); /* a b c prod x */
	ck_assert_uint_eq(lineage.above[0], 0x1e);
	ck_assert_uint_eq(lineage.above[1], 0x8);
	ck_assert_uint_eq(lineage.above[2], 0x18);
	ck_assert_uint_eq(lineage.above[3], 0);
	ck_assert_uint_eq(lineage.above[4], 0);
	world_fini(&world);
}
END_TEST

static const struct {
	const char *world, *reason;
} refused[] = {
    {"a: b", "extends b, which is not there"},
    {"a: bad", "extends bad, which is set aside"},
    {"a: b; b: c", "extends b, which is set aside: extends c, which is not there"},
    {"a: b; b: a", "extends itself: a, b, a"},
    {"a: b; b: c; c: d; d: b", "extends b, which is set aside: extends itself: b, c, d, b"},
    {"a: b; b: c; c: b", "extends b, which is set aside: extends itself: b, c, b"},
    {"a: b; b: c; c: d; d: e; e: f; f: g; g: h; h: i; i:",
     "is at the end of a chain of more than 8 environments: a, b, c, d, e, f, g, h, i"},
    /* found the short way first */
    {"a: e b; b: c; c: d; d: e; e: f; f: g; g: h; h: i; i:",
     "is at the end of a chain of more than 8 environments: a, b, c, d, e, f, g, h, i"},
    {"a: x y; x: p q; y: q p; p:; q:",
     "extends others in an order that contradicts itself: p before "
     "q (in x), q before p (in y)"},
    {"a: prod b; b: prod; prod:",
     "extends others in an order that contradicts itself: prod before b "
     "(in a), b before prod (in b)"},
    {"a: b; b: prod c; c: prod; prod:",
     "extends b, which is set aside: extends others in an order that contradicts itself: prod "
     "before c (in b), c before prod (in c)"},
    {"a: x y z; x: p q; y: q r; z: r p; p:; q:; r:",
     "extends others in an order that contradicts itself: p before q (in x), q before r (in y), "
     "r before p (in z)"},
};

START_TEST(what_has_no_order_is_refused_with_the_way)
{
	struct world world;
	struct lineage lineage;
	struct mf_err err;

	world_init(&world, refused[_i].world);
	ck_assert_int_eq(lineage_make(&world.envs[0], find, &world, &lineage, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, refused[_i].reason);
	world_fini(&world);
}
END_TEST

/* As many ways as this would take for ever one by one. */
START_TEST(a_wide_and_high_family_is_bounded)
{
	buf_auto struct buf text = BUF_INIT;
	struct world world;
	struct lineage lineage;
	struct mf_err err;

	buf_add_str(&text, "a: b0 b1 b2 b3 b4 b5 b6 b7");
	for (int row = 'b'; row < 'h'; row++)
		for (int i = 0; i < 8; i++)
			buf_printf(&text, "; %c%d: %c0 %c1 %c2 %c3 %c4 %c5 %c6 %c7", row, i,
				   row + 1, row + 1, row + 1, row + 1, row + 1, row + 1, row + 1,
				   row + 1);
	for (int i = 0; i < 8; i++)
		buf_printf(&text, "; h%d:", i);
	world_init(&world, text.data);
	ck_assert_msg(lineage_make(&world.envs[0], find, &world, &lineage, &err) == 0, "%s",
		      err.msg);
	ck_assert_uint_eq(lineage.count, 57);
	world_fini(&world);
}
END_TEST

START_TEST(too_many_are_refused)
{
	buf_auto struct buf text = BUF_INIT;
	struct world world;
	struct lineage lineage;
	struct mf_err err;

	buf_add_str(&text, "a: b0 b1 b2 b3 b4 b5 b6 b7");
	for (int i = 0; i < 8; i++)
		buf_printf(&text, "; b%d: c%d0 c%d1 c%d2 c%d3 c%d4 c%d5 c%d6", i, i, i, i, i, i, i,
			   i);
	for (int i = 0; i < 56; i++)
		buf_printf(&text, "; c%d%d:", i / 7, i % 7);
	world_init(&world, text.data);
	ck_assert_int_eq(lineage_make(&world.envs[0], find, &world, &lineage, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "extends more than 63 environments in all");
	world_fini(&world);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lineage");

	tcase_add_loop_test(tc, the_nearest_comes_first, 0, sizeof(orders) / sizeof(orders[0]));
	tcase_add_test(tc, who_is_above_whom_is_known);
	tcase_add_loop_test(tc, what_has_no_order_is_refused_with_the_way, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tc, a_wide_and_high_family_is_bounded);
	tcase_add_test(tc, too_many_are_refused);
	return unit_run("lineage", tc);
}
