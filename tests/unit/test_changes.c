/* What HAProxy's files change for the traffic: each kind of step, the reason of a reload, and files
 * that look otherwise. */
#include "apply/changes.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "unit.h"

#define HEAD  "global\n    description mayfly-1\n# words\ndefaults mayfly\n    mode http\n"
#define OTHER "global\n    description mayfly-2\n# words\ndefaults mayfly\n    mode tcp\n"
#define WEB   "\nbackend web:1\n"
#define A     "    server 10.0.0.5:80 10.0.0.5:80 weight "
#define B     "    server 10.0.0.6:80 10.0.0.6:80 weight "
#define NAMED_OF(weight)                                                                           \
	"    server db.example:80 db.example:80 weight " weight                                    \
	" resolvers mayfly init-addr last,libc,none\n"
#define NAMED	 NAMED_OF("100")
#define BALANCED "    balance source\n"
/* Named by what is said in them: nothing, and `balance source`. */
#define RESERVE "\nbackend spare::cbf29ce484222325.1\n\nbackend spare::cbf29ce484222325.2\n"
#define STATIC	"\nbackend spare::94329bbbf4d47e52.1\n    balance source\n"

static struct changes *compare(const char *name, const char *old, const char *new)
{
	struct changes_file *file = MEM_NEW(file);

	*file = (struct changes_file){
	    .name = name, .is_there = old != NULL, .new_text = new, .new_len = strlen(new)};
	buf_add_str(&file->old, old == NULL ? "" : old);
	return changes_make(file, 1);
}

/* --- haproxy.cfg ----------------------------------------------------------------------------- */

static const struct {
	const char *old, *new, *says, *reload;
	bool check;
} configs[] = {
    {HEAD WEB A "100\n", HEAD WEB A "100\n", "", NULL, false},
    {HEAD WEB A "100\n", HEAD "# other words\n\n\n" WEB A "100", "", NULL, false},
    {NULL, HEAD, "", "first configuration", true},
    {NULL, HEAD WEB A "100\n" B "100\n", "version web:1: new (reload), 2 instances\n",
     "first configuration", true},
    {HEAD, HEAD WEB A "100\n", "version web:1: new (reload), 1 instance\n", "new version web:1",
     true},
    {HEAD, HEAD WEB, "version web:1: new, no instance\n", NULL, true},
    {HEAD WEB A "100\n", HEAD, "version web:1: gone\n", NULL, true},
    {HEAD WEB, HEAD WEB A "100\n", "instance web:1 10.0.0.5:80: added\n", NULL, false},
    {HEAD WEB B "100\n", HEAD WEB A "50\n" B "100\n",
     "instance web:1 10.0.0.5:80: added (weight 50)\n", NULL, false},
    {HEAD WEB, HEAD WEB A "0\n", "instance web:1 10.0.0.5:80: added (drain)\n", NULL, false},
    {HEAD WEB, HEAD WEB A "7 disabled\n", "instance web:1 10.0.0.5:80: added (maint)\n", NULL,
     false},
    {HEAD WEB A "100\n" B "100\n", HEAD WEB B "100\n", "instance web:1 10.0.0.5:80: removed\n",
     NULL, false},
    {HEAD WEB B "1\n" A "1\n", HEAD WEB A "1\n" B "1\n", "", NULL, false},
    {HEAD WEB A "100\n", HEAD WEB A "50\n", "instance web:1 10.0.0.5:80: weight 100 -> 50\n", NULL,
     false},
    {HEAD WEB A "100\n", HEAD WEB A "0\n", "instance web:1 10.0.0.5:80: drain\n", NULL, false},
    {HEAD WEB A "0\n", HEAD WEB A "9\n", "instance web:1 10.0.0.5:80: weight 0 -> 9\n", NULL,
     false},
    {HEAD WEB A "9\n", HEAD WEB A "9 disabled\n", "instance web:1 10.0.0.5:80: maint\n", NULL,
     false},
    {HEAD WEB A "9 disabled\n", HEAD WEB A "8\n",
     "instance web:1 10.0.0.5:80: weight 9 -> 8\ninstance web:1 10.0.0.5:80: ready\n", NULL, false},
    {HEAD WEB A "9\n", HEAD WEB A "9 check\n", "instance web:1 10.0.0.5:80: changed\n", NULL,
     false},
    /* what else differs */
    {HEAD WEB, OTHER WEB, "", "structure changed: defaults mayfly", true},
    {HEAD WEB, OTHER WEB BALANCED, "", "structure changed: backend web:1, defaults mayfly", true},
    {HEAD, OTHER "frontend a\nfrontend b\nfrontend c\nfrontend d\n", "",
     "structure changed: defaults mayfly, frontend a, frontend b and 2 more", true},
    {HEAD, OTHER WEB A "100\n", "version web:1: new (reload), 1 instance\n",
     "structure changed: defaults mayfly; new version web:1", true},
    {"global\n description mayfly-1\n", "global\n description mayfly-2\n", "", "structure changed",
     true},
    {HEAD,
     HEAD "backend a:1\n" A "1\nbackend b:1\n" A "1\nbackend c:1\n" A "1\nbackend d:1\n" A "1",
     "version a:1: new (reload), 1 instance\nversion b:1: new (reload), 1 instance\n"
     "version c:1: new (reload), 1 instance\nversion d:1: new (reload), 1 instance\n",
     "new versions a:1, b:1, c:1 and 1 more", true},
    /* as many as stand in reserve, of the same kind, need no reload; more in it is no change */
    {HEAD RESERVE, HEAD RESERVE WEB A "100\n", "version web:1: new, 1 instance\n", NULL, true},
    {HEAD RESERVE, HEAD WEB A "100\n", "version web:1: new, 1 instance\n", NULL, true},
    {HEAD, HEAD RESERVE, "", NULL, false},
    {HEAD RESERVE, HEAD RESERVE WEB "option x\n" A "100\n",
     "version web:1: new (reload), 1 instance\n", "new version web:1", true},
    {HEAD RESERVE, HEAD RESERVE WEB NAMED, "version web:1: new (reload), 1 instance\n",
     "new version web:1", true},
    {HEAD RESERVE, HEAD RESERVE WEB A "1\nbackend a:1\n" A "1\nbackend b:1\n" A "1\n",
     "version a:1: new, 1 instance\nversion b:1: new, 1 instance\n"
     "version web:1: new (reload), 1 instance\n",
     "new version web:1", true},
    {HEAD STATIC, HEAD STATIC WEB "balance source\n" A "1\n",
     "version web:1: new (reload), 1 instance\n", "new version web:1", true},
    /* only a reload makes its table anew, but it can do without a server */
    {HEAD WEB BALANCED A "100\n", HEAD WEB BALANCED A "50\n",
     "instance web:1 10.0.0.5:80: weight 100 -> 50\n",
     "servers of a version that balances by source: web:1", false},
    {HEAD WEB BALANCED A "1\n", HEAD WEB BALANCED, "instance web:1 10.0.0.5:80: removed\n", NULL,
     false},
    {HEAD WEB BALANCED A "1\n", HEAD WEB BALANCED A "1 disabled\n",
     "instance web:1 10.0.0.5:80: maint\n", NULL, false},
    /* HAProxy resolves the host names that it was started with */
    {HEAD WEB A "1\n", HEAD WEB A "1\n" NAMED, "instance web:1 db.example:80: added\n",
     "host names of version web:1", false},
    {HEAD WEB A "1\n" NAMED, HEAD WEB A "1\n", "instance web:1 db.example:80: removed\n",
     "host names of version web:1", false},
    {HEAD WEB NAMED, HEAD WEB NAMED_OF("7"), "instance web:1 db.example:80: weight 100 -> 7\n",
     NULL, false},
    /* somebody's own */
    {"", "global\n  daemon\n", "", "structure changed: global", true},
    {"a\n", "b\nserver x y\n", "", "haproxy.cfg has no fingerprint as description", false},
    {"global\n maxconn 1\n", "global\n maxconn 2\n", "", "structure changed: global", true},
    {HEAD "listen x:1\n server a b\n", HEAD "listen x:1\n server a c\n", "", NULL, true},
    {HEAD WEB "server\nserver a\n", HEAD WEB "server\nserver a b weight\n",
     "instance web:1 a: weight 1 -> \ninstance web:1 a: changed\n", NULL, false},
    {HEAD WEB "server \x1b[31m x\n", HEAD WEB, "instance web:1 \\x1b[31m: removed\n", NULL, false},
};

START_TEST(a_config_says)
{
	struct changes *changes = compare("haproxy.cfg", configs[_i].old, configs[_i].new);
	buf_auto struct buf text = BUF_INIT;

	changes_print(changes, &text);
	ck_assert_str_eq(buf_str(&text), configs[_i].says);
	ck_assert_pstr_eq(changes->reload, configs[_i].reload);
	ck_assert_int_eq(changes->needs_check, configs[_i].check);
	changes_free(changes);
}
END_TEST

START_TEST(a_page_needs_a_reload_by_the_fingerprint)
{
	struct changes_file *files = mem_alloc(2 * sizeof(*files));
	struct changes *changes;

	files[0] = (struct changes_file){"maps/503.html", true, BUF_INIT, "b", 1};
	buf_add_str(&files[0].old, "a");
	files[1] = (struct changes_file){.name = "haproxy.cfg", .is_there = true};
	files[1].new_text = "global\n description mayfly-2\n";
	files[1].new_len = strlen(files[1].new_text);
	buf_add_str(&files[1].old, "global\n description mayfly-1\n");
	changes = changes_make(files, 2);
	ck_assert_pstr_eq(changes->reload, "structure changed: maps/503.html");
	ck_assert(changes->needs_check);
	changes_free(changes);
}
END_TEST

/* --- maps ------------------------------------------------------------------------------------ */

/* Each text is of lines "map key value", which are put into the maps named. */
static const struct {
	const char *old, *new, *says;
} models[] = {
    {"environments dev dev@1\n", "environments dev dev@1\n", ""},
    {"",
     "environments dev dev@1\nversions dev@1/a a:1\nversions dev@1/b b:1\nversions dev@10/b b:1\n",
     "environment dev: new (2 services)\n"},
    {"", "environments dev dev@1\n", "environment dev: new (no service)\n"},
    {"environments dev dev@1\nversions dev@1/a a:1\n", "", "environment dev: gone\n"},
    {"environments dev dev@1\nversions dev@1/a a:1\nversions dev@1/b b:1\nversions dev@1/d d:1\n",
     "environments dev dev@2\nversions dev@2/a a:2\nversions dev@2/c c:1\nversions dev@2/d d:1\n",
     "environment dev: a 1 -> 2\nenvironment dev: b 1 removed\nenvironment dev: c 1 added\n"},
    {"environments dev dev@1\nroutes dev@1/ a:1\nroutes dev@1/x/ a:1\nroutes dev@1/y/ a:1\n",
     "environments dev dev@2\nroutes dev@2/ a:2\nroutes dev@2/x/ b:1\nroutes dev@2/z/ a:1\n",
     "environment dev: route /x/: a -> b\nenvironment dev: route /y/ to a removed\n"
     "environment dev: route /z/ to a added\n"},
    {"environments dev dev@1\nroutes dev@1/x/ a:1\nroutes dev@1/y/ a:1\n",
     "environments dev dev@2\nroutes dev@2/x/ ||200|/x|/||a:2\nroutes dev@2/y/? a:1\n"
     "routes dev@2/z/ |||||302!https!|a:1\n",
     "environment dev: route /x/: a -> a (strip, timeout 200ms)\n"
     "environment dev: route /y/ to a removed\n"
     "environment dev: route /y to a (exact) added\n"
     "environment dev: route /z/ to a (redirect 302 to https://) added\n"},
    {"environments dev dev@1\nroutes dev@1/x/ a:1\n",
     "environments dev dev@2\nroutes dev@2/x/ |/x/|||||b:1\nroutes dev@2/y/ |/y/||||405!GET|\n"
     "versions dev@2/.GET/x/ a:1\n",
     "environment dev: route /x/: a -> b (by method)\n"
     "environment dev: route /y/ to (by method) added\n"},
    {"environments dev dev@1\n", "environments dev dev@2\n", "environment dev: changed\n"},
    /* what is not said is what the base says */
    {"environments prod prod@1\nversions prod@1/a a:1\nroutes prod@1/ a:1\n",
     "environments prod prod@1\nenvironments pr pr@2@prod\nversions prod@1/a a:1\n"
     "versions pr@2@prod/b b:1\nversions pr@2@prod/b:1 b:2\nroutes prod@1/ a:1\n",
     "environment pr: new (2 services)\n"},
    {"environments prod prod@1\nenvironments pr pr@2@prod\nversions prod@1/a a:1\n"
     "versions prod@1/b b:1\nversions pr@2@prod/b b:7\nroutes prod@1/ a:1\n",
     "environments prod prod@2\nenvironments pr pr@2@prod\nversions prod@2/a a:2\n"
     "versions prod@2/b b:2\nversions pr@2@prod/b b:7\nroutes prod@2/x/ a:1\n",
     "environment pr: a 1 -> 2 (from prod)\nenvironment pr: route / to a removed (from prod)\n"
     "environment pr: route /x/ to a added (from prod)\n"
     "environment prod: a 1 -> 2\nenvironment prod: b 1 -> 2\n"
     "environment prod: route / to a removed\nenvironment prod: route /x/ to a added\n"},
    {"environments prod prod@1\nenvironments pr pr@2@prod\nversions prod@1/a a:1\n"
     "versions pr@2@prod/a a:2\n",
     "environments prod prod@1\nenvironments pr pr@3@prod\nversions prod@1/a a:1\n",
     "environment pr: a 2 -> 1 (from prod)\n"},
    {"environments prod prod@1\nenvironments pr pr@2@prod\nversions prod@1/a a:1\n",
     "environments prod prod@1\nenvironments pr pr@3\nversions prod@1/a a:1\n"
     "versions pr@3/a a:1\n",
     "environment pr: changed\n"},
    {"environments d d@1\nenvironments p p@1\nhosts x./ d\nhosts y./ d\nhosts w. d\nheaders h d\n",
     "environments d d@1\nenvironments p p@1\nhosts x./ p\nhosts z./ d\nhosts v. d\nheaders h p\n",
     "host x: d -> p\nhost y: d -> gone\nhost z: new -> d\nprefix v: new -> d\n"
     "prefix w: d -> gone\nheader h: d -> p\n"},
    /* said with their environment, unless another had it */
    {"environments d d@1\nhosts x./ d\nhosts y./ d\n",
     "environments p p@1\nhosts x./ p\nhosts z./ p\n",
     "environment d: gone\nenvironment p: new (no service)\nhost x: d -> p\n"},
    {"names d d\nother a b\n", "names d e\nother a c\n", ""},
};

static void fill(struct changes_file *files, size_t count, const char *text, struct buf *ret_texts)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		for (size_t i = 0; i < count; i++) {
			size_t n = strlen(files[i].name) - strlen("maps/.map");

			if (strncmp(text, files[i].name + strlen("maps/"), n) == 0 &&
			    text[n] == ' ')
				buf_add(&ret_texts[i], text + n, len - n + 1);
		}
		text += len + 1;
	}
}

static struct changes *compare_models(const char *old, const char *new, struct buf *ret_new)
{
	static const char *const names[] = {
	    "maps/routes.map",	"maps/versions.map", "maps/names.map", "maps/environments.map",
	    "maps/headers.map", "maps/hosts.map",    "maps/other.map"};
	const size_t count = sizeof(names) / sizeof(names[0]);
	struct changes_file *files = mem_alloc(count * sizeof(*files));
	struct buf olds[sizeof(names) / sizeof(names[0])] = {BUF_INIT};

	for (size_t i = 0; i < count; i++)
		files[i] = (struct changes_file){.name = names[i], .is_there = true};
	fill(files, count, old, olds);
	fill(files, count, new, ret_new);
	for (size_t i = 0; i < count; i++) {
		files[i].old = olds[i];
		files[i].new_text = buf_str(&ret_new[i]);
		files[i].new_len = ret_new[i].len;
	}
	return changes_make(files, count);
}

START_TEST(maps_say)
{
	struct buf new[8] = {BUF_INIT};
	struct changes *changes = compare_models(models[_i].old, models[_i].new, new);
	buf_auto struct buf text = BUF_INIT;

	changes_print(changes, &text);
	ck_assert_str_eq(buf_str(&text), models[_i].says);
	ck_assert_ptr_null(changes->reload);
	ck_assert(!changes->needs_check);
	changes_free(changes);
	for (size_t i = 0; i < 8; i++)
		buf_fini(&new[i]);
}
END_TEST

/* --- for programs ---------------------------------------------------------------------------- */

static const struct {
	const char *file, *old, *new, *json;
} jsons[] = {
    {"maps/a.map", "# x\nb 1\na 1\n\n  c\t1\r\n", "a 1\nb 2\nd x y\n",
     "{\"kind\":\"map-change\",\"map\":\"a\",\"key\":\"b\",\"from\":\"1\",\"to\":\"2\"},"
     "{\"kind\":\"map-remove\",\"map\":\"a\",\"key\":\"c\",\"value\":\"1\"},"
     "{\"kind\":\"map-add\",\"map\":\"a\",\"key\":\"d\",\"value\":\"x y\"}"},
    {"maps/a.map", "a \"\n", "a \xff\n",
     "{\"kind\":\"map-change\",\"map\":\"a\",\"key\":\"a\",\"from\":\"\\\"\",\"to\":"
     "\"\xef\xbf\xbd\"}"},
    {"maps/a.map", "a 1\na 2\n", "a 1\n",
     "{\"kind\":\"map-remove\",\"map\":\"a\",\"key\":\"a\",\"value\":\"2\"}"},
    {"maps/environments.map", "", "d d@1\n",
     "{\"kind\":\"environment-add\",\"environment\":\"d\",\"services\":0},"
     "{\"kind\":\"map-add\",\"map\":\"environments\",\"key\":\"d\",\"value\":\"d@1\"}"},
    {"haproxy.cfg", HEAD WEB A "100\n", HEAD WEB A "50 disabled\n",
     "{\"kind\":\"server-maint\",\"backend\":\"web:1\",\"server\":\"10.0.0.5:80\"},"
     "{\"kind\":\"server-weight\",\"backend\":\"web:1\",\"server\":\"10.0.0.5:80\","
     "\"from\":100,\"to\":50}"},
    {"haproxy.cfg", HEAD WEB A "7\n", HEAD WEB A "0\n",
     "{\"kind\":\"server-drain\",\"backend\":\"web:1\",\"server\":\"10.0.0.5:80\",\"from\":7}"},
    {"haproxy.cfg", HEAD WEB A "7\n", HEAD WEB A "007\n",
     "{\"kind\":\"server-weight\",\"backend\":\"web:1\",\"server\":\"10.0.0.5:80\","
     "\"from\":7,\"to\":\"007\"}"},
    {"haproxy.cfg", HEAD, HEAD WEB A "0\n",
     "{\"kind\":\"backend-add\",\"backend\":\"web:1\",\"servers\":1},"
     "{\"kind\":\"server-add\",\"backend\":\"web:1\",\"server\":\"10.0.0.5:80\","
     "\"address\":\"10.0.0.5:80\",\"weight\":0,\"state\":\"drain\"}"},
};

START_TEST(json_says)
{
	struct changes *changes = compare(jsons[_i].file, jsons[_i].old, jsons[_i].new);
	buf_auto struct buf text = BUF_INIT;

	changes_print_json(changes, &text);
	ck_assert_str_eq(buf_str(&text), jsons[_i].json);
	changes_free(changes);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

int main(void)
{
	TCase *tc = tcase_create("changes");

	tcase_add_loop_test(tc, a_config_says, 0, COUNT(configs));
	tcase_add_test(tc, a_page_needs_a_reload_by_the_fingerprint);
	tcase_add_loop_test(tc, maps_say, 0, COUNT(models));
	tcase_add_loop_test(tc, json_says, 0, COUNT(jsons));
	return unit_run("changes", tc);
}
