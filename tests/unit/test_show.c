/* What a command found, as a table, as JSON, as YAML, and as names. */
#include <string.h>

#include "base/buf.h"
#include "base/node.h"
#include "operator/doc.h"
#include "operator/show.h"
#include "unit.h"

static struct buf text;

/* Two fruits: one has all, the other nothing but a name that is not ASCII. */
static const char *format(enum call_format format, size_t width, bool is_coloured)
{
	static const struct show_column columns[] = {
	    {"NAME", "name", false},
	    {"KINDS", "kinds", false},
	    {"NOTE", "note", true},
	    {"STATE", "state", false},
	};
	struct show_table table = {.columns = columns, .column_count = 4};
	struct show show = {.tables = &table, .table_count = 1, .name_keys = {"name", "count"}};
	struct show_look look = {width, is_coloured};
	struct node *doc = doc_new(), *list = doc_add_list(doc, "fruits"), *row, *kinds;

	row = doc_add_map(list, NULL);
	doc_add_text(row, "name", "apple");
	doc_add_int(row, "count", 7);
	doc_add_text(row, "state", "ready");
	doc_add_text(row, "note", "a\nb");
	kinds = doc_add_list(row, "kinds");
	doc_add_text(kinds, NULL, "red");
	doc_add_text(kinds, NULL, "green");
	row = doc_add_map(list, NULL);
	doc_add_text(row, "name", "p\303\244r");
	doc_add_bool(row, "is_ripe", true);
	(void)doc_add_list(row, "kinds");
	show.doc = doc;
	show.names = table.rows = &doc->children[0];
	buf_clear(&text);
	show_format(&show, format, &look, &text);
	node_free(doc);
	return buf_str(&text);
}

START_TEST(tables_are_aligned)
{
	ck_assert_str_eq(format(CALL_TABLE, 0, false), "NAME   KINDS      STATE\n"
						       "apple  red,green  ready\n"
						       "p\303\244r    -          -\n");
	ck_assert_str_eq(format(CALL_WIDE, 0, false), "NAME   KINDS      NOTE  STATE\n"
						      "apple  red,green  a\\nb  ready\n"
						      "p\303\244r    -          -     -\n");
}
END_TEST

START_TEST(tables_are_cut_to_a_width)
{
	ck_assert_str_eq(format(CALL_TABLE, 23, false), "NAME   KINDS      STATE\n"
							"apple  red,green  ready\n"
							"p\303\244r    -          -\n");
	ck_assert_str_eq(format(CALL_TABLE, 20, false), "NAME   KINDS      ST\n"
							"apple  red,green  re\n"
							"p\303\244r    -          -\n");
	ck_assert_str_eq(format(CALL_TABLE, 10, false),
			 "NAME   KIN\napple  red\np\303\244r    -\n");
	ck_assert_str_eq(format(CALL_TABLE, 2, false), "NA\nap\np\303\244\n");
}
END_TEST

START_TEST(states_have_colours)
{
	const char *table = format(CALL_TABLE, 0, true);

	ck_assert_ptr_nonnull(strstr(table, "\033[1mSTATE\033[0m\n"));
	ck_assert_ptr_nonnull(strstr(table, "\033[32mready\033[0m\n"));
	ck_assert_ptr_null(strstr(format(CALL_JSON, 0, true), "\033"));
}
END_TEST

START_TEST(programs_get_all_of_it)
{
	ck_assert_str_eq(format(CALL_JSON, 10, false),
			 "{\"fruits\":[{\"name\":\"apple\",\"count\":7,\"state\":\"ready\","
			 "\"note\":\"a\\nb\",\"kinds\":[\"red\",\"green\"]},"
			 "{\"name\":\"p\303\244r\",\"is_ripe\":true,\"kinds\":[]}]}\n");
	ck_assert_str_eq(format(CALL_YAML, 10, false), "fruits:\n"
						       "  - name: \"apple\"\n"
						       "    count: 7\n"
						       "    state: \"ready\"\n"
						       "    note: \"a\\nb\"\n"
						       "    kinds:\n"
						       "      - \"red\"\n"
						       "      - \"green\"\n"
						       "  - name: \"p\303\244r\"\n"
						       "    is_ripe: true\n"
						       "    kinds: []\n");
	ck_assert_str_eq(format(CALL_NAME, 0, false), "apple/7\np\303\244r/\n");
	buf_fini(&text);
}
END_TEST

/* One row after the other: columns only get wider, and a long cell moves its own line alone. */
START_TEST(rows_are_aligned_while_they_come)
{
	static const struct show_column columns[] = {{"NAME", "name", false},
						     {"STATE", "state", false}};
	static const char *const names[] = {"a", "pear-tree",
					    "0123456789012345678901234567890123456789-long", "b"};
	const struct show_look look = {0};
	size_t widths[2] = {0};

	buf_clear(&text);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct node *doc = doc_new(), *row = doc_add_map(doc, NULL);
		const struct show_table table = {NULL, doc, columns, 2};

		doc_add_text(row, "name", names[i]);
		doc_add_text(row, "state", "up");
		show_add_rows(&table, CALL_TABLE, &look, widths, i == 0, &text);
		node_free(doc);
	}
	ck_assert_str_eq(buf_str(&text), "NAME  STATE\n"
					 "a     up\n"
					 "pear-tree  up\n"
					 "0123456789012345678901234567890123456789-long  up\n"
					 "b                                         up\n");
	buf_fini(&text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("show");

	tcase_add_test(tc, tables_are_aligned);
	tcase_add_test(tc, tables_are_cut_to_a_width);
	tcase_add_test(tc, states_have_colours);
	tcase_add_test(tc, programs_get_all_of_it);
	tcase_add_test(tc, rows_are_aligned_while_they_come);
	return unit_run("show", tc);
}
