/* Who has an address, by the instances that there are. */
#include "operator/whose.h"
#include "table_world.h"
#include "unit.h"

START_TEST(an_instance_is_named_if_it_is_the_only_one_there)
{
	struct table *table = table_new();
	struct snapshot *snapshot;
	struct whose whose, found;

	put_at(table, "backends/tasks/1/a", "{\"address\":\"10.0.0.7\",\"port\":80}", 1);
	put_at(table, "backends/web/2/b", "{\"address\":\"10.0.0.7\",\"port\":81}", 2);
	put_at(table, "backends/web/2/c", "{\"address\":\"10.0.0.7\",\"port\":82}", 3);
	put_at(table, "backends/web/2/d", "{\"address\":\"10.0.0.8\",\"port\":80}", 4);
	snapshot = table_snapshot(table, 4);
	whose_init(&whose, snapshot);
	found = whose_find(&whose, "10.0.0.7");
	ck_assert_uint_eq(found.count, 2);
	ck_assert_str_eq(found.list[0].version, "tasks:1");
	ck_assert_str_eq(found.list[0].instance, "a");
	ck_assert_str_eq(found.list[1].version, "web:2");
	ck_assert_ptr_null(found.list[1].instance);
	found = whose_find(&whose, "10.0.0.8");
	ck_assert_uint_eq(found.count, 1);
	ck_assert_str_eq(found.list[0].instance, "d");
	ck_assert_uint_eq(whose_find(&whose, "10.0.0.9").count, 0);
	whose_fini(&whose);
	snapshot_unref(snapshot);
	table_free(table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("whose");

	tcase_add_test(tc, an_instance_is_named_if_it_is_the_only_one_there);
	return unit_run("whose", tc);
}
