/*
 * The outputs: whole renders against files in tests/data/golden (`make golden` writes them anew),
 * and what a set of outputs promises whatever is in it.
 */
#include "render/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/settings.h"
#include "render/view.h"

#include "output_world.h"
#include "unit.h"

#define GOLDEN "tests/data/golden/"

/* --- golden ------------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	struct extra extra;
	const char *extra_file;
} cases[] = {
    {"single", {NULL, NULL}, NULL},
    {"full", {"report", NULL}, "report.mustache"},
};

static char *read_golden(const char *name, const char *file)
{
	mem_auto_free char *path = mem_printf(GOLDEN "%s/%s", name, file);
	FILE *f = fopen(path, "r");
	struct buf text = BUF_INIT;
	char chunk[4096];
	size_t n;

	ck_assert_msg(f != NULL, "%s: %s (`make golden` writes it)", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) != 0)
		buf_add(&text, chunk, n);
	(void)fclose(f);
	return buf_take(&text);
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ck_assert(mkdir(path, 0777) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static void write_golden(const char *name, const struct output *output)
{
	mem_auto_free char *path = mem_printf(GOLDEN "%s/out/%s", name, output->name);
	FILE *f;

	make_parents(path);
	f = fopen(path, "w");
	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	ck_assert(fwrite(buf_str(&output->bytes), 1, output->bytes.len, f) == output->bytes.len);
	ck_assert(fclose(f) == 0);
}

static void check_golden(const char *name, const struct output *output)
{
	mem_auto_free char *file = mem_printf("out/%s", output->name);
	mem_auto_free char *text = NULL;

	if (getenv("GOLDEN_WRITE") != NULL) {
		write_golden(name, output);
		return;
	}
	text = read_golden(name, file);
	ck_assert_str_eq(buf_str(&output->bytes), text);
	ck_assert_uint_eq(output->bytes.len, strlen(text));
}

/* Names, places and modes: "name path mode". */
static void check_list(const char *name, const struct output_set *set)
{
	struct output list = {.name = mem_dup_str("outputs.txt"), .bytes = BUF_INIT};

	for (size_t i = 0; i < set->count; i++)
		buf_printf(&list.bytes, "%s \"%s\" %04o\n", set->outputs[i].name,
			   set->outputs[i].path, set->outputs[i].mode);
	check_golden(name, &list);
	free(list.name);
	buf_fini(&list.bytes);
}

START_TEST(golden)
{
	const char *name = cases[_i].name;
	mem_auto_free char *yaml = read_golden(name, "settings.yaml");
	mem_auto_free char *model = read_golden(name, "model.txt");
	mem_auto_free char *extra_text = NULL;
	struct extra extra = cases[_i].extra;
	struct settings *settings = make_settings(yaml);
	struct snapshot *snapshot = make_snapshot(model);
	buf_auto struct buf bad = BUF_INIT;
	struct output_set set = {0};

	if (cases[_i].extra_file != NULL)
		extra_text = read_golden(name, cases[_i].extra_file);
	extra.text = extra_text;
	ck_assert_int_eq(render(snapshot, settings, &extra, &bad, &set), 0);
	ck_assert_str_eq(buf_str(&bad), "");
	for (size_t i = 0; i < set.count; i++)
		check_golden(name, &set.outputs[i]);
	check_list(name, &set);
	output_set_fini(&set);
	snapshot_unref(snapshot);
	settings_free(settings);
}
END_TEST

/* --- dead servers ------------------------------------------------------------------------------
 */

START_TEST(dead_servers_are_asked_for_only_where_there_are_checks)
{
	mem_auto_free char *model =
	    mem_printf("%sservices/web {\"check\":\"/health\"}\n", small_model);
	const char *const models[] = {small_model, model};
	struct settings *settings = make_settings("haproxy: {config: /srv/x/haproxy.cfg}");
	mem_auto_free char *path = output_server_state_path(settings);

	ck_assert_str_eq(path, "/srv/x/server-state");
	for (size_t i = 0; i < 2; i++) {
		struct snapshot *snapshot = make_snapshot(models[i]);
		buf_auto struct buf bad = BUF_INIT;
		struct output_set set = {0};
		const char *cfg;

		ck_assert_int_eq(render(snapshot, settings, &no_extra, &bad, &set), 0);
		cfg = buf_str(&find(&set, "haproxy.cfg")->bytes);
		ck_assert_int_eq(
		    strstr(cfg, "\n    server-state-file /srv/x/server-state\n") != NULL, i == 1);
		ck_assert_int_eq(strstr(cfg, "\n    load-server-state-from-file global\n") != NULL,
				 i == 1);
		output_set_fini(&set);
		snapshot_unref(snapshot);
	}
	settings_free(settings);
}
END_TEST

/* --- templates of a user -----------------------------------------------------------------------
 */

START_TEST(user_template_extends_the_shipped_one)
{
	static const struct extra extra = {"haproxy.cfg", "{{<haproxy.cfg}}\n{{$defaults}}\n"
							  "option dontlognull\n"
							  "{{/defaults}}\n{{$backend}}\n"
							  "fullconn {{#servers}}1{{/servers}}0\n"
							  "{{/backend}}\n{{/haproxy.cfg}}\n"};
	struct settings *settings = make_settings("");
	struct snapshot *snapshot = make_snapshot(small_model);
	buf_auto struct buf bad = BUF_INIT;
	struct output_set set = {0};
	const char *cfg;

	ck_assert_int_eq(render(snapshot, settings, &extra, &bad, &set), 0);
	ck_assert_str_eq(buf_str(&bad), "");
	cfg = buf_str(&find(&set, "haproxy.cfg")->bytes);
	ck_assert_ptr_nonnull(strstr(cfg, "no-connection\n    option dontlognull\n\n"));
	ck_assert_ptr_nonnull(strstr(cfg, "backend web:1\n    fullconn 10\n    server "));
	output_set_fini(&set);
	snapshot_unref(snapshot);
	settings_free(settings);
}
END_TEST

static const struct {
	struct extra extra;
	const char *bad; /* how the words begin */
	size_t haproxy, dnsmasq, targets;
} broken[] = {
    {{"map", "{{#entries}}"}, "haproxy: template map:", 0, 1, 0},
    {{"503.html", "{{>nowhere}}"}, "haproxy: template 503.html:", 0, 1, 0},
    {{"hosts", "{{#services}}{{/other}}"}, "dnsmasq: template hosts:", 15, 0, 0},
    {{"report", "{{#services}}"}, "/srv/report.txt: template report:", 15, 1, 0},
    {{"report", "{{node}}"}, "", 15, 1, 1},
};

START_TEST(template_error_fails_only_its_group)
{
	struct settings *settings =
	    make_settings("targets: [{template: report, output: /srv/report.txt}]");
	struct snapshot *snapshot = make_snapshot(small_model);
	buf_auto struct buf bad = BUF_INIT;
	size_t have[3] = {0};
	struct output_set set = {0};

	/* Where `report` is not given, its target fails: a missing template is an error as well. */
	ck_assert_int_eq(render(snapshot, settings, &broken[_i].extra, &bad, &set), 0);
	ck_assert_msg(strstr(buf_str(&bad), broken[_i].bad) != NULL, "%s", buf_str(&bad));
	for (size_t i = 0; i < set.count; i++)
		have[set.outputs[i].group]++;
	ck_assert_uint_eq(have[OUTPUT_HAPROXY], broken[_i].haproxy);
	ck_assert_uint_eq(have[OUTPUT_DNSMASQ], broken[_i].dnsmasq);
	ck_assert_uint_eq(have[OUTPUT_TARGET], broken[_i].targets);
	ck_assert_int_eq(set.fingerprint[0] == '\0', broken[_i].haproxy == 0);
	ck_assert_int_eq(set.structure[0] == '\0', broken[_i].haproxy == 0);
	output_set_fini(&set);
	snapshot_unref(snapshot);
	settings_free(settings);
}
END_TEST

/* A file depends on nothing but its service: whoever has come or gone beside it. */
START_TEST(each_service_has_a_file_of_names)
{
	static const struct extra extra = {
	    "hosts", "{{dnsmasq_address}}{{#services}} {{.}}{{/services}}"
		     "{{#environments}} {{name}}{{/environments}}"
		     "{{#backends}} {{name}}{{/backends}}{{#tcp}} {{service}}{{/tcp}}\n"};
	struct settings *settings =
	    make_settings("dnsmasq: {hosts: /srv/hosts, hostsdir: /srv/names}");
	struct snapshot *snapshot =
	    make_snapshot("environments/dev {\"name\":\"dev\",\"services\":[]}\n"
			  "backends/a/1/x 127.0.0.1:1\n"
			  "backends/b.c/1/x 127.0.0.1:1\n");
	buf_auto struct buf bad = BUF_INIT;
	struct output_set set = {0};
	const struct output *a, *bc;

	ck_assert_int_eq(render(snapshot, settings, &extra, &bad, &set), 0);
	ck_assert_str_eq(buf_str(&bad), "");
	ck_assert(set.has_hostsdir);
	ck_assert_ptr_null(find(&set, "hosts"));
	a = find(&set, "hostsdir/mayfly-a");
	bc = find(&set, "hostsdir/mayfly-b.c");
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(bc);
	ck_assert_str_eq(a->path, "/srv/names/mayfly-a");
	ck_assert_str_eq(buf_str(&a->bytes), "127.0.0.1 a\n");
	ck_assert_str_eq(buf_str(&bc->bytes), "127.0.0.1 b.c\n");
	output_set_fini(&set);
	snapshot_unref(snapshot);
	settings_free(settings);
}
END_TEST

/* --- hostile names -----------------------------------------------------------------------------
 */

/* Names are checked where they enter.  Were one to slip through, it still makes no second word. */
static const char *const hostile[] = {
    "a\nprogram x", "a b",  "a;b", "a#b",   "a\"b",	"a'b",	 "a\\b",
    "a\rb",	    "a\tb", "",	   "a\x7f", "\xc3\xa9", "$HOME", "\"${HOME}\"",
};

static size_t count_char(const char *s, char c)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == c;
	return n;
}

static size_t render_name(const char *name, struct buf *ret_bad)
{
	static struct claim claims[1];
	struct env_service service = {.name = (char *)(uintptr_t)name, .version = "1"};
	struct env env = {.name = (char *)(uintptr_t)name,
			  .prefix = "p",
			  .header = "h",
			  .services = &service,
			  .service_count = 1};
	struct env *envs[] = {&env};
	struct backend backend = {.service = (char *)(uintptr_t)name,
				  .version = (char *)(uintptr_t) "1",
				  .name = (char *)(uintptr_t)name};
	struct backend *backends[] = {&backend};
	char *services[] = {(char *)(uintptr_t)name};
	struct snapshot snapshot = {.envs = envs,
				    .env_count = 1,
				    .backends = backends,
				    .backend_count = 1,
				    .services = services,
				    .service_count = 1,
				    .headers = claims};
	struct settings *settings = make_settings("");
	static const struct extra no_maps = {"map", ""};
	struct output_set set = {0};
	const char *cfg;
	size_t lines;

	(void)render(&snapshot, settings, &no_extra, ret_bad, &set);
	output_set_fini(&set);
	/* haproxy.cfg can hold every name. */
	ck_assert_int_eq(render(&snapshot, settings, &no_maps, ret_bad, &set), 0);
	cfg = buf_str(&find(&set, "haproxy.cfg")->bytes);
	lines = count_char(cfg, '\n');
	ck_assert_ptr_null(strstr(cfg, "\nprogram"));
	ck_assert_ptr_null(strstr(cfg, "$HOME"));
	output_set_fini(&set);
	settings_free(settings);
	return lines;
}

START_TEST(digests_are_of_the_bytes)
{
	struct settings *settings = settings_new("node");
	struct snapshot *snapshot = make_snapshot(small_model);
	buf_auto struct buf bad = BUF_INIT;
	struct output_set set;

	ck_assert_int_eq(render(snapshot, settings, &no_extra, &bad, &set), 0);
	ck_assert_uint_gt(set.count, 0);
	for (size_t i = 0; i < set.count; i++) {
		ck_assert_uint_eq(set.outputs[i].len, set.outputs[i].bytes.len);
		ck_assert_uint_eq(set.outputs[i].digest,
				  str_hash_words(OUTPUT_DIGEST_INIT, buf_str(&set.outputs[i].bytes),
						 set.outputs[i].bytes.len));
	}
	output_set_fini(&set);
	snapshot_unref(snapshot);
	settings_free(settings);
}
END_TEST

START_TEST(hostile_name_stays_one_word)
{
	buf_auto struct buf good = BUF_INIT, bad = BUF_INIT;

	ck_assert_uint_eq(render_name("a", &good), render_name(hostile[_i], &bad));
	ck_assert_str_eq(buf_str(&good), "");
	/* Maps and hosts have no quoting: there the group is refused. */
	if (hostile[_i][0] != '$') {
		ck_assert_msg(strstr(buf_str(&bad), "dnsmasq: template hosts:") != NULL, "%s",
			      buf_str(&bad));
		if (hostile[_i][0] != '\0')
			ck_assert_msg(strstr(buf_str(&bad), "haproxy: template map:") != NULL, "%s",
				      buf_str(&bad));
	}
}
END_TEST

/* --- the view ----------------------------------------------------------------------------------
 */

START_TEST(view_prints_as_json)
{
	struct settings *settings = make_settings("");
	struct snapshot *snapshot = make_snapshot(small_model);
	struct output_view *view = output_view_new(snapshot, settings);
	buf_auto struct buf text = BUF_INIT;
	struct view_json *json;
	struct view root, backends, backend, name;

	output_view_root(view, &root);
	view_print_json(&root, &text);
	ck_assert_int_eq(view_json_parse(buf_str(&text), text.len, &json, NULL), 0);
	view_json_root(json, &root);
	ck_assert(root.cls->get(root.obj, "backends", 8, &backends));
	ck_assert_uint_eq(backends.len, 1);
	backends.list->item(backends.obj, 0, &backend);
	ck_assert(backend.cls->get(backend.obj, "name", 4, &name));
	ck_assert_uint_eq(name.len, 5);
	ck_assert_mem_eq(view_text(&name), "web:1", 5);
	view_json_free(json);
	output_view_free(view);
	snapshot_unref(snapshot);
	settings_free(settings);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("output");

	tcase_add_loop_test(tc, golden, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, dead_servers_are_asked_for_only_where_there_are_checks);
	tcase_add_test(tc, user_template_extends_the_shipped_one);
	tcase_add_loop_test(tc, template_error_fails_only_its_group, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_loop_test(tc, hostile_name_stays_one_word, 0,
			    sizeof(hostile) / sizeof(hostile[0]));
	tcase_add_test(tc, each_service_has_a_file_of_names);
	tcase_add_test(tc, digests_are_of_the_bytes);
	tcase_add_test(tc, view_prints_as_json);
	return unit_run("output", tc);
}
