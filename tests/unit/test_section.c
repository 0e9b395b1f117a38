/* Sections of haproxy.cfg: which of them are of one kind, and what their names say. */
#include "render/section.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "unit.h"

struct last {
	unsigned count;
	struct section section;
};

static void on_backend(void *ctx, const struct section *section)
{
	struct last *last = ctx;

	last->count++;
	last->section = *section;
}

/* The last backend of a text. */
static struct section read_section(const char *text)
{
	struct last last = {0};

	section_walk_backends(span_of(text), on_backend, &last);
	ck_assert_uint_ne(last.count, 0);
	return last.section;
}

static const struct {
	const char *a, *b;
	bool is_same;
} kinds[] = {
    {"backend web:1\n", "backend api:2\n", true},
    {"backend a\n", "backend a\n  # words\n\n  server s 1.2.3.4:80 weight 1\n", true},
    {"backend a\n  balance random", "backend b\n\tbalance random\n", true},
    {"backend a\n  balance random", "backend a\n", false},
    {"backend a\n  mode tcp\n", "backend a\n  mode http\n", false},
    {"backend a\n  mode tcp\n  option x\n", "backend a\n  option x\n  mode tcp\n", false},
    {"backend a\n", "backend a\nfrontend f\n  mode tcp\n", true},
    {"frontend f\n  mode tcp\nbackend a\n", "backend b\nring r\n  size 1\n", true},
};

START_TEST(what_is_said_besides_name_and_servers_is_the_kind)
{
	struct section a = read_section(kinds[_i].a), b = read_section(kinds[_i].b);

	ck_assert_int_eq(a.kind == b.kind, kinds[_i].is_same);
}
END_TEST

START_TEST(each_backend_is_read_once)
{
	struct last last = {0};

	section_walk_backends(span_of("backend lost\nlisten x\n balance source\nbackend b:1 # x\n"),
			      on_backend, &last);
	ck_assert_uint_eq(last.count, 2);
	ck_assert(span_is(last.section.name, "b:1"));
	ck_assert(last.section.is_plain && !last.section.is_static);
	section_walk_backends(span_of("server x\n"), on_backend, &last);
	section_walk_backends(span_of(""), on_backend, &last);
	ck_assert_uint_eq(last.count, 2);
}
END_TEST

START_TEST(some_ways_to_balance_take_no_servers)
{
	ck_assert(read_section("backend a\n balance source\n").is_static);
	ck_assert(read_section("backend a\n balance uri depth 2\n").is_static);
	ck_assert(read_section("backend a\n balance\n").is_static);
	ck_assert(!read_section("backend a\n balance leastconn\n").is_static);
	ck_assert(!read_section("backend a\n balance random\n mode http\n").is_static);
	ck_assert(!read_section("backend a\n balance leastconn\n").is_plain);
	ck_assert(read_section("backend a\n default-server maxconn 1\n").is_plain);
}
END_TEST

static const struct {
	const char *config; /* of "backend b" */
	const char *words, *unknown;
} options[] = {
    {"backend b\n server s 1.2.3.4:5 weight 7 maxconn 3\n", "maxconn 3", ""},
    {"backend b\n default-server check inter 2s # words\n server s 1.2.3.4:5\n", "check inter 2s",
     ""},
    {"defaults\n default-server maxconn 1\ndefaults x\n default-server ssl verify none\nbackend b\n"
     " default-server sni str(a.b)\n server s 1.2.3.4:5 backup\n server t 1.2.3.4:6 ssl\n",
     "ssl verify none sni str(a.b) backup", ""},
    {"backend a\n default-server ssl\n server s 1.2.3.4:5 ssl\nbackend b\n server s 1.2.3.4:5\n"
     "backend c\n default-server ssl\n",
     "", ""},
    {"backend b\n default-server maxconn 3 tfo ssl\n", "maxconn 3", "tfo"},
    {"backend b\n default-server sni \"str(a b)\"\n", "sni", "sni"},
    {"backend b\n default-server maxconn\n", "maxconn", "maxconn"},
    {"backend b\n default-server resolvers x\n server s 1.2.3.4:5 check\n", "check", "resolvers"},
    {"backend b\n default-server sni a;b\n", "sni", "sni"},
};

START_TEST(servers_get_what_a_file_would_give_them)
{
	struct section_options found;

	section_find_options(span_of(options[_i].config), span_of("b"), &found);
	ck_assert_str_eq(found.words, options[_i].words);
	ck_assert_str_eq(found.unknown, options[_i].unknown);
	ck_assert_int_eq(found.has_check, strstr(options[_i].words, "check") != NULL);
}
END_TEST

START_TEST(options_have_a_bound)
{
	buf_auto struct buf config = BUF_INIT;
	struct section_options found;

	buf_add_str(&config, "backend b\n default-server");
	for (int i = 0; i < 100; i++)
		buf_add_str(&config, " maxconn 1");
	section_find_options(span_of(buf_str(&config)), span_of("b"), &found);
	ck_assert_str_eq(found.unknown, "maxconn");
	ck_assert_uint_lt(strlen(found.words), sizeof(found.words));
}
END_TEST

static const struct {
	const char *name;
	uint64_t kind; /* 0: it is none */
} names[] = {
    {"spare::00000000000000ff.1", 0xff},
    {"spare::cbf29ce484222325.64", UINT64_C(0xcbf29ce484222325)},
    {"spare::cbf29ce484222325", 0},
    {"spare::cbf29ce48422232G.1", 0},
    {"spare::cbf", 0},
    {"spare:1", 0},
    {"web:1", 0},
    {"", 0},
};

START_TEST(a_spare_is_named_by_its_kind)
{
	uint64_t kind = 0;

	ck_assert_int_eq(section_is_spare(span_of(names[_i].name), &kind), names[_i].kind != 0);
	ck_assert_uint_eq(kind, names[_i].kind);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("section");

	tcase_add_loop_test(tc, what_is_said_besides_name_and_servers_is_the_kind, 0,
			    sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(tc, each_backend_is_read_once);
	tcase_add_test(tc, some_ways_to_balance_take_no_servers);
	tcase_add_loop_test(tc, servers_get_what_a_file_would_give_them, 0,
			    sizeof(options) / sizeof(options[0]));
	tcase_add_test(tc, options_have_a_bound);
	tcase_add_loop_test(tc, a_spare_is_named_by_its_kind, 0, sizeof(names) / sizeof(names[0]));
	return unit_run("section", tc);
}
