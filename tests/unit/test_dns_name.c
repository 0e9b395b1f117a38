/* Names that people set for dnsmasq: their format, and which are in force. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/dns_name.h"
#include "model/settings.h"
#include "model/shared_list.h"
#include "model/table.h"
#include "table_world.h"
#include "unit.h"

static const struct {
	const char *value, *wanted;
} good[] = {
    {"10.0.0.1", "10.0.0.1"},
    {" 10.0.0.1 ,fd00:0::1\n", "10.0.0.1,fd00::1"},
    {"::ffff:10.0.0.5", "10.0.0.5"},
};

START_TEST(a_name_has_addresses)
{
	buf_auto struct buf value = BUF_INIT;
	struct dns_name *name;

	ck_assert_int_eq(
	    dns_name_parse("db.example.com", good[_i].value, strlen(good[_i].value), &name, NULL),
	    0);
	dns_name_format(name, &value);
	ck_assert_str_eq(buf_str(&value), good[_i].wanted);
	dns_name_unref(name);
}
END_TEST

static const struct {
	const char *name, *value, *words;
} bad[] = {
    {"db.example.com", "",
     "name db.example.com: \"\": must be a numeric address, such as 10.0.0.5 or fd00::5"},
    {"db.example.com", "10.0.0.1,",
     "name db.example.com: \"\": must be a numeric address, such as 10.0.0.5 or fd00::5"},
    {"db.example.com", "10.0.0.1 10.0.0.2",
     "name db.example.com: \"10.0.0.1 10.0.0.2\": must be a numeric address, such as 10.0.0.5 or "
     "fd00::5"},
    {"Db", "10.0.0.1", "name: \"Db\": not allowed: \"D\": write lower case"},
    {"a\nb", "10.0.0.1", "name: \"a\\nb\": not allowed: a newline"},
};

/* It would end the value for whoever takes it for text. */
START_TEST(a_zero_byte_is_no_blank)
{
	struct dns_name *name;
	struct mf_err err;

	ck_assert_int_eq(dns_name_parse("db", "10.0.0.1\0", 9, &name, &err), MF_EDATA);
	ck_assert_int_eq(dns_name_parse("db", "\00010.0.0.1", 9, &name, &err), MF_EDATA);
}
END_TEST

START_TEST(what_is_none_is_refused)
{
	struct dns_name *name;
	struct mf_err err;

	ck_assert_int_eq(
	    dns_name_parse(bad[_i].name, bad[_i].value, strlen(bad[_i].value), &name, &err),
	    MF_EDATA);
	ck_assert_str_eq(err.msg, bad[_i].words);
}
END_TEST

static void expect(struct table *table, const char *wanted)
{
	struct snapshot *snapshot = table_snapshot(table, 1);
	buf_auto struct buf text = BUF_INIT;

	for (size_t i = 0; snapshot->names != NULL && i < snapshot->names->count; i++) {
		const struct dns_name *name = snapshot->names->items[i];

		buf_printf(&text, "%s=", name->name);
		dns_name_format(name, &text);
		buf_add_char(&text, ' ');
	}
	ck_assert_str_eq(buf_str(&text), wanted);
	snapshot_unref(snapshot);
}

START_TEST(a_service_keeps_its_own_name)
{
	struct settings *settings = settings_new("node");
	struct table *table = table_new();
	struct snapshot *snapshot, *later;

	table_set_settings(table, settings, NULL);
	expect(table, "");
	put_at(table, "names/web.service", "10.0.0.9", 1);
	put_at(table, "names/db.example.com", "10.0.0.1,10.0.0.2", 1);
	expect(table, "db.example.com=10.0.0.1,10.0.0.2 web.service=10.0.0.9 ");
	put_at(table, "backends/web/1/a", "10.0.0.5:80", 1);
	snapshot = table_snapshot(table, 2);
	ck_assert_str_eq(problem_of(snapshot, "name web.service"), "it is a service's own name");
	expect(table, "db.example.com=10.0.0.1,10.0.0.2 ");
	put_at(table, "backends/web/1/b", "10.0.0.6:80", 1);
	later = table_snapshot(table, 3);
	ck_assert_ptr_eq(later->names, snapshot->names); /* nothing of it has changed */
	snapshot_unref(later);
	table_del(table, "names/db.example.com");
	expect(table, "");
	table_del(table, "backends/web/1/a");
	table_del(table, "backends/web/1/b");
	expect(table, "web.service=10.0.0.9 ");
	table_del(table, "names/web.service");
	expect(table, "");
	later = table_snapshot(table, 4);
	ck_assert_ptr_null(problem_of(later, "name web.service"));
	snapshot_unref(later);
	ck_assert_uint_eq(snapshot->names->count, 1);
	snapshot_unref(snapshot);
	table_free(table);
	settings_free(settings);
}
END_TEST

START_TEST(a_bad_value_keeps_the_good_one)
{
	struct table *table = table_new();

	put_at(table, "names/a", "10.0.0.1", 1);
	put_at(table, "names/a", "nowhere", 1);
	expect(table, "a=10.0.0.1 ");
	table_free(table);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("dns_name");

	tcase_add_test(tc, a_zero_byte_is_no_blank);
	tcase_add_loop_test(tc, a_name_has_addresses, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(tc, what_is_none_is_refused, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, a_service_keeps_its_own_name);
	tcase_add_test(tc, a_bad_value_keeps_the_good_one);
	return unit_run("dns_name", tc);
}
