/*
 * What mayfly explain says of random requests in random worlds: from what it reads of them, and
 * from all of it.  Both must be the same, to the last byte.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/explain.h"
#include "operator/explain_read.h"
#include "operator/look.h"
#include "operator/reading.h"
#include "unit.h"

#define WORLDS	 800
#define REQUESTS 12
#define MAX_KEYS 200

static struct {
	char key[100], value[1000];
} pairs[MAX_KEYS];
static size_t pair_count, instances_read;
static unsigned long seed;

static int pick(int n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (int)((seed >> 33) % (unsigned long)n);
}

#define ONE_OF(words) words[pick((int)(sizeof(words) / sizeof((words)[0])))]

/* Names that collide: of environments, of first labels, of values of x-mayfly. */
static const char *const names[] = {"a", "b", "c", "www-a", "42", "pr-1", "d", "e"};
static const char *const hosts[] = {"www-a.x.org", "b.x.org",	 "*.x.org", "*.org", "42",
				    "*.b.x.org",   "www-pr-1.y", "shop.y",  "www-a", "c"};
static const char *const services[] = {"s", "t", "u"};
static const char *const versions[] = {"1", "2", "3", "latest"};

/* --- a world ---------------------------------------------------------------------------------- */

static void put(const char *key, const char *value)
{
	ck_assert_uint_lt(pair_count, MAX_KEYS);
	(void)snprintf(pairs[pair_count].key, sizeof(pairs[0].key), "%s", key);
	(void)snprintf(pairs[pair_count++].value, sizeof(pairs[0].value), "%s", value);
}

/* As JSON can say it, too. */
static void add_text(struct buf *b, const char *text)
{
	if (pick(12) == 0)
		buf_printf(b, "\"\\u%04x%s\"", (unsigned char)text[0], text + 1);
	else
		buf_printf(b, "\"%s\"", text);
}

static void add_member(struct buf *b, const char *name, const char *text)
{
	static const char *const colons[] = {":", " : ", "\t:\n"};

	buf_printf(b, ",\"%s\"%s", name, ONE_OF(colons));
	add_text(b, text);
}

static void add_services(struct buf *b, bool extends)
{
	size_t first = (size_t)pick(3), count = (size_t)pick(3) + !extends;

	buf_add_str(b, ",\"services\":[");
	for (size_t i = 0; i < count; i++) {
		const char *service = services[(first + i) % 3];

		buf_printf(b, "%s{\"name\":\"%s\"", i == 0 ? "" : ",", service);
		if (pick(4) == 0)
			buf_printf(b, ",\"versions\":{\"1\":60,\"%s\":40}", pick(2) ? "2" : "3");
		else if (!extends || pick(2) == 0)
			buf_printf(b, ",\"version\":\"%s\"", ONE_OF(versions));
		if (pick(3) > 0)
			buf_printf(b, ",\"route\":\"/%s\"", pick(2) == 0 ? "" : service);
		buf_add_char(b, '}');
	}
	buf_add_char(b, ']');
}

static void put_env(const char *name)
{
	buf_auto struct buf b = BUF_INIT;
	mem_auto_free char *key = mem_printf("environments/%s", name);
	bool extends = pick(2) == 0;

	buf_printf(&b, "{\"name\":\"%s\"", name);
	if (pick(3) == 0)
		add_member(&b, "prefix", ONE_OF(names));
	if (pick(3) == 0)
		add_member(&b, "header", ONE_OF(names));
	if (pick(3) == 0) {
		buf_add_str(&b, ",\"hosts\":[");
		add_text(&b, ONE_OF(hosts));
		buf_add_char(&b, ']');
	}
	if (extends)
		buf_printf(&b, ",\"extends\":\"%s\"", ONE_OF(names));
	if (extends && pick(2) == 0)
		buf_add_str(&b, ",\"missing\":\"baseline\"");
	if (pick(6) == 0)
		buf_printf(&b, ",\"split\":{\"%s\":70,\"nobody\":30}", ONE_OF(names));
	add_services(&b, extends);
	buf_add_str(&b, pick(15) == 0 ? "" : "}"); /* or it cannot be read at all */
	put(key, buf_str(&b));
}

static void make_world(void)
{
	pair_count = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (pick(4) > 0)
			put_env(names[i]);
	for (int i = pick(14); i > 0; i--) {
		mem_auto_free char *key =
		    mem_printf("backends/%s/%s/i%d", ONE_OF(services), ONE_OF(versions), pick(2));
		mem_auto_free char *value = mem_printf(
		    "{\"address\":\"10.0.0.%d\",\"port\":80,\"weight\":%d}", i, pick(3) * 50);

		put(key, value);
	}
	for (int i = pick(4); i > 0; i--) {
		mem_auto_free char *key =
		    mem_printf("overrides/%s/%s", ONE_OF(names), ONE_OF(services));
		mem_auto_free char *value = mem_printf("{\"version\":\"%s\"}", ONE_OF(versions));

		put(key, value);
	}
	if (pick(3) == 0)
		put("services/s", "{\"addresses\":{\"3\":[\"10.0.1.1:80\"]}}");
}

/* Like etcd: `below` is a prefix, and "" all but the instances. */
static int list(void *ctx, const char *below, const struct ask_list *events, void *events_ctx,
		int64_t *ret_revision, struct mf_err *err)
{
	(void)ctx;
	(void)err;
	if (events->on_begin != NULL)
		events->on_begin(events_ctx);
	for (size_t i = 0; i < pair_count; i++) {
		const struct etcd_kv kv = {.key = pairs[i].key,
					   .value = pairs[i].value,
					   .value_len = strlen(pairs[i].value),
					   .create_revision = 100 - (int64_t)i / 2,
					   .mod_revision = 200 + (int64_t)i};
		bool is_instance = str_has_prefix(pairs[i].key, "backends/");

		if (below[0] == '\0' ? is_instance : !str_has_prefix(kv.key, below))
			continue;
		instances_read += is_instance;
		events->on_kv(events_ctx, kv.key, &kv);
	}
	*ret_revision = 7;
	return 0;
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	reading_put(ctx, key, kv);
}

static void read_all(const struct settings *settings, struct reading *ret)
{
	static const struct ask_list events = {NULL, on_kv};
	int64_t revision;

	reading_init(ret, settings);
	reading_begin(ret);
	(void)list(NULL, "", &events, ret, &revision, NULL);
	(void)list(NULL, "backends/", &events, ret, &revision, NULL);
	reading_end(ret, revision);
}

/* --- a request -------------------------------------------------------------------------------- */

static void make_url(struct buf *url)
{
	if (pick(2) == 0) {
		buf_printf(url, "%s", ONE_OF(services));
		if (pick(3) == 0)
			buf_printf(url, ".%s", ONE_OF(names));
		buf_add_str(url, ".service/");
		return;
	}
	switch (pick(3)) {
	case 0:
		buf_printf(url, "www-%s.x.org", ONE_OF(names));
		break;
	case 1:
		buf_printf(url, "%s.b.x.org", ONE_OF(names));
		break;
	default: {
		const char *host = ONE_OF(hosts);

		buf_printf(url, "%s%s", host[0] == '*' ? "q" : "", host + (host[0] == '*'));
	}
	}
	buf_printf(url, "/%s", pick(2) == 0 ? "" : ONE_OF(services));
}

/* What is printed, as JSON and as a page. */
static void say(struct call *call, const struct reading *reading, struct buf *text)
{
	struct look look = {.call = call, .doc = doc_new(), .cells = doc_new()};

	ck_assert_int_eq(noun_explain.commands[0].look(&look, reading, NULL), 0);
	doc_format_json(look.doc, text);
	buf_printf(text, "\n%s%s%d", buf_str(&look.before), buf_str(&look.after), look.status);
	node_free(look.doc);
	node_free(look.cells);
	buf_fini(&look.before);
	buf_fini(&look.after);
}

static void compare(struct call *call, const struct reading *all)
{
	const struct explain_source source = {list, NULL};
	char method[] = "GET";
	struct explanation e = {.settings = call->settings, .method = method};
	buf_auto struct buf full = BUF_INIT, partial = BUF_INIT;
	struct reading some;

	if (request_parse(call->argv[0], call->options.headers, false, call->settings, &e.request,
			  NULL) != 0)
		return;
	reading_init(&some, call->settings);
	instances_read = 0;
	ck_assert_int_eq(explain_read(&e, &source, &some, NULL), 0);
	say(call, all, &full);
	say(call, &some, &partial);
	ck_assert_msg(strcmp(buf_str(&full), buf_str(&partial)) == 0, "of all:\n%s\nof some:\n%s\n",
		      buf_str(&full), buf_str(&partial));
	reading_fini(&some);
	request_fini(&e.request);
}

START_TEST(what_is_left_out_changes_nothing)
{
	struct settings *settings = settings_new("node");
	struct reading all;

	free(settings->routing.default_environment);
	settings->routing.default_environment = mem_dup_str("c");
	strlist_add(&settings->haproxy.internal_bind, "127.0.0.1:8081");
	for (seed = 1; seed <= WORLDS; seed++) {
		unsigned long world = seed;

		make_world();
		read_all(settings, &all);
		for (int i = 0; i < REQUESTS; i++) {
			buf_auto struct buf url = BUF_INIT;
			mem_auto_free char *header =
			    mem_printf("x-mayfly: %s%s", pick(6) == 0 ? "@" : "", ONE_OF(names));
			char *headers[] = {pick(3) > 0 ? header : NULL, NULL};
			char *argv[] = {NULL, NULL};
			struct call call = {.settings = settings, .argc = 1, .argv = argv};

			make_url(&url);
			argv[0] = url.data;
			call.options.headers = headers;
			compare(&call, &all);
		}
		reading_fini(&all);
		seed = world;
	}
	settings_free(settings);
}
END_TEST

/* An escape may hide any name, so that all of these seem to matter. */
static void make_wide_world(bool has_escapes)
{
	pair_count = 0;
	for (int i = 0; i < 24; i++) {
		mem_auto_free char *env = mem_printf("environments/e%d", i);
		mem_auto_free char *instance = mem_printf("backends/s/%d/i", i);
		mem_auto_free char *value = mem_printf(
		    "{\"name\":\"e%d\",\"description\":\"%s\",\"services\":[{\"name\":\"s\","
		    "\"version\":\"%d\",\"route\":\"/\"}]}",
		    i, has_escapes ? "\\u0041" : "A", i);

		put(env, value);
		put(instance, "{\"address\":\"10.0.0.1\",\"port\":80}");
	}
}

START_TEST(only_instances_that_may_answer_are_read)
{
	static const size_t expected[] = {1, 24};
	struct settings *settings = settings_new("node");
	char url[] = "www-e7.x.org/";
	char *argv[] = {url, NULL};
	struct call call = {.settings = settings, .argc = 1, .argv = argv};
	struct reading all;

	make_wide_world(_i == 1);
	read_all(settings, &all);
	compare(&call, &all);
	ck_assert_uint_eq(instances_read, expected[_i]);
	reading_fini(&all);
	settings_free(settings);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("explain_read");

	tcase_add_loop_test(tc, only_instances_that_may_answer_are_read, 0, 2);
	tcase_add_test(tc, what_is_left_out_changes_nothing);
	return unit_run("explain_read", tc);
}
