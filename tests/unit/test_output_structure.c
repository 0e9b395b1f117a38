/*
 * What a change of the outputs takes: the fingerprint says whether a reload, the structure whether
 * another check of it; and how many backends are kept in reserve, so that it takes neither.
 */
#include "render/output.h"

#include <string.h>

#include "output_world.h"
#include "unit.h"

/* --- the fingerprint ---------------------------------------------------------------------------
 */

struct numbers {
	char fingerprint[17], structure[17];
};

static struct numbers numbers_of(const char *model, const char *yaml, const struct extra *extra)
{
	struct settings *settings = make_settings(yaml);
	struct snapshot *snapshot = make_snapshot(model);
	buf_auto struct buf bad = BUF_INIT;
	mem_auto_free char *words = NULL;
	struct output_set set = {0};
	struct numbers numbers;

	ck_assert_int_eq(render(snapshot, settings, extra, &bad, &set), 0);
	ck_assert_str_eq(buf_str(&bad), "");
	ck_assert_uint_eq(strlen(set.fingerprint), 16);
	ck_assert_uint_eq(strlen(set.structure), 16);
	words = mem_printf("\n    description mayfly-%s\n", set.fingerprint);
	ck_assert_ptr_nonnull(strstr(buf_str(&find(&set, "haproxy.cfg")->bytes), words));
	memcpy(numbers.fingerprint, set.fingerprint, 17);
	memcpy(numbers.structure, set.structure, 17);
	output_set_fini(&set);
	snapshot_unref(snapshot);
	settings_free(settings);
	return numbers;
}

#define DEV(service, version, route)                                                               \
	"environments/dev {\"name\":\"dev\",\"services\":[{\"name\":\"" service                    \
	"\",\"version\":\"" version "\",\"route\":\"" route "\"}]}\n"
#define INSTANCE "backends/web/1/a 10.0.0.1:80\n"

static const struct {
	const char *what, *model, *yaml;
	struct extra extra;
	bool is_reload, is_check; /* whether the numbers differ from those of small_model */
} numbers_cases[] = {
    {"the same", DEV("web", "1", "/") INSTANCE, "", {NULL, NULL}, false, false},
    {"another's settings",
     DEV("web", "1", "/") INSTANCE,
     "dnsmasq: {address: 10.9.9.9}",
     {NULL, NULL},
     false,
     false},
    {"a route", DEV("web", "1", "/x") INSTANCE, "", {NULL, NULL}, false, false},
    {"no environment", INSTANCE, "", {NULL, NULL}, false, false},
    {"an instance",
     DEV("web", "1", "/") INSTANCE "backends/web/1/b 10.0.0.2:80\n",
     "",
     {NULL, NULL},
     false,
     false},
    {"another address",
     DEV("web", "1", "/") "backends/web/1/a 10.0.0.9:80\n",
     "",
     {NULL, NULL},
     false,
     false},
    {"no instance", DEV("web", "1", "/"), "", {NULL, NULL}, false, false},
    {"a new version",
     DEV("web", "1", "/") INSTANCE "backends/web/2/a 10.0.0.2:80\n",
     "",
     {NULL, NULL},
     false,
     true},
    {"another version",
     DEV("web", "2", "/") "backends/web/2/a 10.0.0.2:80\n",
     "",
     {NULL, NULL},
     false,
     true},
    {"a service's settings",
     DEV("web", "1", "/") INSTANCE "services/web {\"balance\":\"leastconn\"}\n",
     "",
     {NULL, NULL},
     true,
     true},
    {"settings",
     DEV("web", "1", "/") INSTANCE,
     "haproxy: {stats_bind: \"*:8404\"}",
     {NULL, NULL},
     true,
     true},
    {"another reserve",
     DEV("web", "1", "/") INSTANCE,
     "haproxy: {reserve: 7}",
     {NULL, NULL},
     true,
     true},
    {"a page", DEV("web", "1", "/") INSTANCE, "", {"503.html", "gone\n"}, true, true},
    {"a map's template", DEV("web", "1", "/") INSTANCE, "", {"map", ""}, false, false},
    {"a block",
     DEV("web", "1", "/") INSTANCE,
     "",
     {"haproxy.cfg", "{{<haproxy.cfg}}{{$backend}}fullconn 9{{/backend}}{{/haproxy.cfg}}"},
     true,
     true},
    {"servers in a block",
     DEV("web", "1", "/") INSTANCE,
     "",
     {"haproxy.cfg", "{{<haproxy.cfg}}{{$sections}}{{/sections}}{{/haproxy.cfg}}"},
     false,
     false},
};

START_TEST(numbers_say_what_a_change_needs)
{
	struct numbers before = numbers_of(small_model, "", &no_extra);
	struct numbers now =
	    numbers_of(numbers_cases[_i].model, numbers_cases[_i].yaml, &numbers_cases[_i].extra);

	ck_assert_msg((strcmp(before.fingerprint, now.fingerprint) != 0) ==
			  numbers_cases[_i].is_reload,
		      "%s: %s %s", numbers_cases[_i].what, before.fingerprint, now.fingerprint);
	ck_assert_msg((strcmp(before.structure, now.structure) != 0) == numbers_cases[_i].is_check,
		      "%s: %s %s", numbers_cases[_i].what, before.structure, now.structure);
}
END_TEST

static void render_known(const char *model, struct output_known known, struct output_set *ret_set)
{
	struct template_set *templates = template_set_new(load, (void *)(uintptr_t)&no_extra);
	struct settings *settings = make_settings("");
	struct snapshot *snapshot = make_snapshot(model);
	struct mf_err err = {0};

	*ret_set = (struct output_set){.known = known};
	ck_assert_msg(output_render_group(templates, snapshot, settings,
					  (struct output_id){OUTPUT_HAPROXY, 0}, ret_set,
					  &err) == 0,
		      "%s", err.msg);
	snapshot_unref(snapshot);
	settings_free(settings);
	template_set_free(templates);
}

START_TEST(a_structure_that_is_known_is_not_made_again)
{
	struct output_known known = {0, 0, ""};
	const struct output *config;
	struct output_set first, same, other;

	render_known(small_model, known, &first);
	ck_assert_uint_eq(strlen(first.structure), 16);
	config = find(&first, "haproxy.cfg");
	ck_assert_ptr_nonnull(config);
	known = (struct output_known){config->len, config->digest, "0123456789abcdef"};
	render_known(small_model, known, &same);
	ck_assert_str_eq(same.structure, "0123456789abcdef");
	render_known(DEV("web", "1", "/") INSTANCE "backends/web/2/a 10.0.0.2:80\n", known, &other);
	ck_assert_str_ne(other.structure, "0123456789abcdef");
	ck_assert_str_ne(other.structure, first.structure);
	output_set_fini(&first);
	output_set_fini(&same);
	output_set_fini(&other);
}
END_TEST

/* The settings of a service count once, however many versions it has, and each service's its own.
 */
START_TEST(settings_of_a_service_are_its_own)
{
	static const char one[] = DEV("web", "1", "/") "services/web {\"balance\":\"leastconn\"}\n"
						       "services/shop {\"balance\":\"source\"}\n"
						       "backends/shop/1/a 10.0.0.2:80\n";
	static const char more[] = DEV("web", "1", "/") "services/web {\"balance\":\"leastconn\"}\n"
							"services/shop {\"balance\":\"source\"}\n"
							"backends/shop/1/a 10.0.0.2:80\n"
							"backends/shop/2/a 10.0.0.2:80\n"
							"backends/web/3/a 10.0.0.2:80\n";
	static const char swapped[] =
	    DEV("web", "1", "/") "services/web {\"balance\":\"source\"}\n"
				 "services/shop {\"balance\":\"leastconn\"}\n"
				 "backends/shop/1/a 10.0.0.2:80\n";
	struct numbers before = numbers_of(one, "", &no_extra);

	ck_assert_str_eq(before.fingerprint, numbers_of(more, "", &no_extra).fingerprint);
	ck_assert_str_ne(before.structure, numbers_of(more, "", &no_extra).structure);
	ck_assert_str_ne(before.fingerprint, numbers_of(swapped, "", &no_extra).fingerprint);
}
END_TEST

/* --- backends in reserve -----------------------------------------------------------------------
 */

#define BALANCE(service, how) "services/" service " {\"balance\":\"" how "\"}\n"
#define BLOCK(text)                                                                                \
	{                                                                                          \
		"haproxy.cfg", "{{<haproxy.cfg}}{{$backend}}" text "{{/backend}}{{/haproxy.cfg}}"  \
	}

static const struct {
	const char *model, *yaml;
	struct extra extra;
	unsigned count; /* of those in reserve */
} reserves[] = {
    {small_model, "", {NULL, NULL}, 64},
    {"", "", {NULL, NULL}, 64},
    {small_model, "haproxy: {reserve: 0}", {NULL, NULL}, 0},
    {small_model, "haproxy: {reserve: 3}", {NULL, NULL}, 3},
    {DEV("web", "1", "/") BALANCE("web", "leastconn"), "", {NULL, NULL}, 128},
    {DEV("web", "1", "/") BALANCE("web", "roundrobin"), "", {NULL, NULL}, 64},
    {DEV("web", "1", "/") BALANCE("web", "source"), "", {NULL, NULL}, 64},
    {DEV("web", "1", "/") BALANCE("shop", "leastconn"), "", {NULL, NULL}, 64},
    {DEV("web", "1", "/") BALANCE("web", "random")
	 BALANCE("shop", "random") "backends/shop/1/a 10.0.0.2:80\n",
     "",
     {NULL, NULL},
     128},
    {DEV("web", "1", "/") "services/web {\"addresses\":[\"old.example.com:80\"],\"balance\":"
			  "\"leastconn\"}\n",
     "",
     {NULL, NULL},
     64},
    {small_model, "", BLOCK("fullconn 9"), 64},
    {small_model, "", BLOCK("# {{version}}"), 64},
    {small_model, "", BLOCK("http-request set-header x-version {{version}}"), 0},
    {small_model, "", BLOCK("fullconn 1{{#servers}}0{{/servers}}"), 0},
    {small_model, "", BLOCK("balance uri"), 0},
    {DEV("web", "1", "/") BALANCE("web", "leastconn"),
     "haproxy: {reserve: 1000}",
     {NULL, NULL},
     2000},
    {DEV("web", "1", "/") BALANCE("web", "leastconn")
	 BALANCE("shop", "random") "backends/shop/1/a 10.0.0.2:80\n",
     "haproxy: {reserve: 1000}",
     {NULL, NULL},
     3 * (2048 / 3)},
};

/* Of each kind of settings in use, unless what is said of a version is of it alone. */
START_TEST(so_many_backends_are_kept_in_reserve)
{
	struct settings *settings = make_settings(reserves[_i].yaml);
	struct snapshot *snapshot = make_snapshot(reserves[_i].model);
	buf_auto struct buf bad = BUF_INIT;
	struct output_set set = {0};
	unsigned count = 0;

	ck_assert_int_eq(render(snapshot, settings, &reserves[_i].extra, &bad, &set), 0);
	ck_assert_str_eq(buf_str(&bad), "");
	for (const char *at = buf_str(&find(&set, "haproxy.cfg")->bytes);
	     (at = strstr(at, "\nbackend spare::")) != NULL; at++)
		count++;
	ck_assert_uint_eq(count, reserves[_i].count);
	ck_assert_uint_eq(find(&set, "maps/spares.map")->bytes.len, 0);
	output_set_fini(&set);
	snapshot_unref(snapshot);
	settings_free(settings);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("output_structure");

	tcase_add_loop_test(tc, numbers_say_what_a_change_needs, 0,
			    sizeof(numbers_cases) / sizeof(numbers_cases[0]));
	tcase_add_test(tc, a_structure_that_is_known_is_not_made_again);
	tcase_add_test(tc, settings_of_a_service_are_its_own);
	tcase_add_loop_test(tc, so_many_backends_are_kept_in_reserve, 0,
			    sizeof(reserves) / sizeof(reserves[0]));
	return unit_run("output_structure", tc);
}
