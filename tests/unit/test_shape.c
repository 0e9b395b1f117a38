/* What each command prints for programs is what its schema says, and nothing of that is made up. */
#include <stdio.h>
#include <string.h>

#include "apply/calls.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/audit.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/env_history.h"
#include "operator/envdiff.h"
#include "operator/explain.h"
#include "operator/look.h"
#include "operator/outcome.h"
#include "operator/past.h"
#include "operator/probe.h"
#include "operator/reading.h"
#include "operator/shape.h"
#include "operator/tally.h"
#include "operator/tapped.h"
#include "operator/top.h"
#include "operator/whose.h"
#include "store/etcd.h"
#include "unit.h"

static bool seen[1000];

/* The row of that path, of which * stands for any name; NULL: none begins so. */
static const struct shape_row *find(const char *shape, const char *path, bool is_whole)
{
	for (size_t i = 0; i < shape_row_count; i++) {
		const struct shape_row *row = &shape_rows[i];
		size_t n = strlen(path);

		if (strcmp(row->shape, shape) != 0 || strncmp(row->path, path, n) != 0 ||
		    strchr(is_whole ? "" : ".[", row->path[n]) == NULL)
			continue;
		seen[i] = seen[i] || is_whole;
		return row;
	}
	return NULL;
}

static void check(const char *shape, const struct node *node, const char *path)
{
	static const char *const types[] = {
	    [NODE_QUOTED] = "string", [NODE_NUMBER] = "integer", [NODE_BOOL] = "boolean"};

	if (node->kind == NODE_SCALAR) {
		const struct shape_row *row = find(shape, path, true);

		ck_assert_msg(row != NULL, "%s: %s: no row", shape, path);
		ck_assert_str_eq(row->type, types[node->style]);
		return;
	}
	for (size_t i = 0; i < node->child_count; i++) {
		const struct node *child = &node->children[i];
		bool is_root = path[0] == '\0';
		mem_auto_free char *name = NULL;

		if (node->kind == NODE_LIST)
			name = mem_printf("%s[]", path);
		else
			name = mem_printf("%s%s%s", path, is_root ? "" : ".", child->key);
		if (find(shape, name, false) == NULL) {
			free(name);
			name = mem_printf("%s.*", path);
		}
		check(shape, child, name);
	}
}

static const char *const keys[][2] = {
    {"environments/prod", "{\"name\":\"prod\",\"headers\":{},\"access\":{\"users\":\"team\"},"
			  "\"auth\":{\"service\":\"web\"},\"enter\":"
			  "\"cookie\","
			  "\"prefix\":\"www\",\"hosts\":[\"shop."
			  "org\"],\"services\":[{\"name\":"
			  "\"web\",\"version\":\"1\",\"route\":\"/"
			  "\"},{\"name\":\"slow\",\"headers\":{},\"version\":\"1\","
			  "\"when\":[{\"method\":\"GET\",\"version\":\"1\"}],\"route\":"
			  "[\"/slow\",{\"path\":\"/old\",\"redirect\":{\"host\":\"a.org\"}}]}],"
			  "\"origin\":{\"owner\":\"ci\",\"source\":\"/prod.yaml\"}}"},
    {"environments/pr",
     "{\"name\":\"pr\",\"description\":\"new\",\"extends\":\"prod\",\"hosts\":[\"shop.org\"],"
     "\"header\":\"prod\",\"missing\":\"baseline\",\"expires\":\"2040-01-01T00:00:00Z\","
     "\"idle\":\"3d\","
     "\"services\":[{\"name\":\"web\","
     "\"version\":\"none\"},\"gone\"]}"},
    {"environments/door",
     "{\"name\":\"door\",\"split\":{\"prod\":100},\"services\":[{\"name\":\"web\",\"versions\":{"
     "\"1\":90,\"2\":10}}]}"},
    {"environments/bad", "{\"name\":\"bad\"}"},
    {"services/slow",
     "{\"balance\":\"leastconn\",\"check\":\"/health\",\"server_timeout\":\"30s\",\"version\":"
     "\"1\",\"addresses\":[\"10.0.0.9:80\"],\"connect_timeout\":\"1s\",\"origin\":{"
     "\"owner\":\"ci\",\"source\":\"s\"}}"},
    {"services/torn", "{}"},
    {"services/torn", "7"},
    {"backends/torn/1/a", "10.0.0.1:81"},
    {"services/safe",
     "{\"tls\":{},\"slow_start\":\"9s\",\"version\":\"1\",\"addresses\":[\"10.0.0.9:443\"]}"},
    {"services/db", "{\"protocol\":\"tcp\",\"listen\":5432,\"addresses\":[\"10.0.0.9:1\"]}"},
    {"backends/web/1/a", "10.0.0.1:80"},
    {"backends/web/1/b", "10.0.0.2:80"},
    {"backends/web/8/c", "10.0.0.3:80"},
    {"states/web/1/b", "drain"},
};

static const char *const others[][2] = {
    {"config/shop/level", "debug"},
    {"lifetimes/pr", "{\"since\":\"2030-01-01T00:00:00Z\",\"content\":\"x\",\"created\":2,"
		     "\"used\":\"2030-01-01T00:00:00Z\"}"},
    {"overrides/prod/web", "{\"version\":\"1\",\"holder\":\"anna\"}"},
    {"nodes/edge",
     "{\"node\":\"edge\",\"version\":\"1\",\"revision\":7,\"time\":\"x\",\"haproxy\":{"
     "\"version\":\"3\",\"workers\":1,\"reloads\":2},\"error\":\"e\",\"held_back\":\"h\","
     "\"held_count\":1,\"held\":[{\"object\":\"o\",\"reason\":\"r\"}],"
     "\"quarantined_count\":1,\"quarantined\":[{\"object\":\"o\",\"reason\":\"r\"}],"
     "\"certificates_count\":1,\"certificates\":[{\"name\":\"a.pem\",\"names\":\"a.com\","
     "\"ends\":\"2030-01-01T00:00:00Z\",\"reason\":\"r\"}],"
     "\"set_aside_count\":1,\"set_aside\":[{\"object\":\"o\",\"reason\":\"r\"}]}"},
};

static void put(struct reading *reading, const char *key, const char *value, int64_t revision)
{
	const struct etcd_kv kv = {.key = key,
				   .value = value,
				   .value_len = strlen(value),
				   .create_revision = revision,
				   .mod_revision = revision};

	reading_put(reading, key, &kv);
}

static void take(struct reading *reading, const struct settings *settings)
{
	reading_init(reading, settings);
	reading_begin(reading);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put(reading, keys[i][0], keys[i][1], (int64_t)i + 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		put(reading, others[i][0], others[i][1], 1);
	reading_end(reading, 9);
}

static const struct {
	const char *shape, *noun, *verb, *operand;
	const char *header;
} calls[] = {
    {"status", "status", "", NULL, NULL},
    {"check", "check", "", NULL, NULL},
    {"matrix", "matrix", "", NULL, NULL},
    {"explain", "explain", "", "shop.org", "x-mayfly: pr"},
    {"explain", "explain", "", "shop.org/slow", NULL},
    {"explain", "explain", "", "www-pr.org/", NULL},
    {"explain", "explain", "", "www-door.org/", NULL},
    {"explain", "explain", "", "shop.org/old", NULL},
    {"explain", "explain", "", "nowhere.org/", NULL},
    {"env-list", "env", "list", NULL, NULL},
    {"env-show", "env", "show", "prod", NULL},
    {"env-show", "env", "show", "pr", NULL},
    {"env-show", "env", "show", "door", NULL},
    {"service-list", "service", "list", NULL, NULL},
    {"service-unused", "service", "unused", NULL, NULL},
    {"service-show", "service", "show", "slow", NULL},
    {"service-show", "service", "show", "db", NULL},
    {"service-show", "service", "show", "safe", NULL},
    {"service-show", "service", "show", "torn", NULL},
    {"instance-list", "instance", "list", NULL, NULL},
    {"route-list", "route", "list", NULL, NULL},
    {"node-list", "node", "list", NULL, NULL},
    {"name-list", "name", "list", NULL, NULL},
    {"config-list", "config", "list", NULL, NULL},
    {"config-get", "config", "get", "shop", NULL},
};

/* Whether it is JSON, too. */
static void check_schema(const char *shape)
{
	static const struct json_bounds bounds = {.max_bytes = (size_t)1 << 20, .max_depth = 20};
	buf_auto struct buf text = BUF_INIT;
	struct node *schema;

	shape_add_schema(shape, &text);
	ck_assert_int_eq(json_parse(buf_str(&text), text.len, &bounds, &schema, NULL), 0);
	ck_assert_str_eq(node_text_at(schema, "type", ""), "object");
	node_free(schema);
}

/* What reads by itself. */
static void check_history(void)
{
	static const char now[] = "{\"name\":\"prod\",\"extends\":\"base\",\"services\":[\"web\"]}";
	struct past_state state = {7, (char *)now, (char *)"anna", (char *)"a file", 1};
	const struct past past = {&state, 1};
	struct node *doc = doc_new();

	env_history_add(doc, "prod", &past, 9, "{\"name\":\"prod\",\"services\":[\"mail\"]}");
	check("env-history", doc, "");
	check_schema("env-history");
	node_free(doc);
}

/* Of prod, whose version is web's own, and of one that has it from there. */
static void check_diff(const struct reading *reading)
{
	const struct env *prod = snapshot_find_env(reading->snapshot, "prod");
	struct env_service chosen = {.name = "web", .version = "2", .version_from = 1};
	const char *lineage[] = {"pr", "prod"};
	struct env other = {.name = "pr",
			    .prefix = "p",
			    .header = "h",
			    .services = &chosen,
			    .service_count = 1,
			    .lineage = lineage,
			    .lineage_count = 2,
			    .owner = "",
			    .source = ""};
	const struct envdiff_side before = {prod, prod}, after = {&other, &other};
	struct node *doc = doc_new();

	doc_add_text(doc, "before", "prod");
	doc_add_text(doc, "after", "pr");
	envdiff_add(doc_add_list(doc, "differences"), &before, &after);
	check("env-diff", doc, "");
	check_schema("env-diff");
	node_free(doc);
}

/* What a running HAProxy is asked for. */
static void check_live(void)
{
	struct node *doc = doc_new(), *steps;

	doc_add_text(doc, "haproxy_version", "3.2.1");
	doc_add_bool(doc, "is_live_equal", false);
	steps = doc_add_list(doc, "live_steps");
	ck_assert(explain_add_step(steps, "route", "/", "/"));
	ck_assert(!explain_add_step(steps, "route", "/", NULL));
	ck_assert(!explain_add_step(steps, "route", NULL, "/"));
	ck_assert(explain_add_step(steps, "route", NULL, NULL));
	check("explain", doc, "");
	node_free(doc);
}

/* As HAProxy has counted them. */
static void check_audit(const struct reading *reading, const struct settings *settings)
{
	static const char text[] = "# table: calls-with-environment, type: string\n"
				   "# table: calls-without-environment, type: string, size:1\n"
				   "0x1: key=10.0.0.2/web use=0 exp=86399000 http_req_cnt=3\n"
				   "0x1: key=10.9.9.9/web use=0 exp=86399000 http_req_cnt=2\n"
				   "# table: calls-of-probes, type: string, size:1\n";
	const struct probe probe = {.env = "mayfly-probe-1", .status = 200, .took_ms = 7};
	struct call call = {.settings = settings};
	struct look look = {.call = &call, .doc = doc_new(), .cells = doc_new()};
	struct calls *counted = calls_new(NULL);
	struct node *nodes, *row;

	ck_assert(calls_add(counted, text, 0));
	nodes = doc_add_list(look.doc, "nodes");
	row = doc_add_map(nodes, NULL);
	doc_add_text(row, "name", "edge");
	doc_add_bool(row, "is_counted", true);
	doc_add_int(row, "counted_seconds", 7);
	row = doc_add_map(nodes, NULL);
	doc_add_text(row, "name", "other");
	doc_add_bool(row, "is_counted", false);
	doc_add_text(row, "reason", "dead");
	audit_fill(&look, reading, snapshot_find_env(reading->snapshot, "prod"), counted);
	check("audit", look.doc, "");
	node_free(look.doc);
	look.doc = doc_new();
	(void)doc_add_list(look.doc, "nodes");
	call.options.probe = "www-prod.org";
	audit_fill_probe(&look, reading, &probe, counted);
	check("audit", look.doc, "");
	check_schema("audit");
	calls_free(counted);
	node_free(look.doc);
	node_free(look.cells);
	buf_fini(&look.before);
	buf_fini(&look.after);
}

static void check_tap(void)
{
	static const char line[] = "1795970126.025 10.0.0.7 GET 503 12 web:1 web-7 prod web:1 - - "
				   "- - no-instance /a";
	struct look look = {.doc = doc_new(), .cells = doc_new()};
	struct tally *tally = tally_new();
	struct node *list = doc_new();
	struct whose_name name = {"10.0.0.7", "tasks:1.4", "i-7"};
	const struct whose callers = {&name, 1};
	struct tapped tapped;

	ck_assert(tapped_parse(span_of(line), &tapped));
	tapped_add_row(list, "edge", &tapped, &callers, false);
	check("tap", &list->children[0], "");
	check_schema("tap");
	node_free(list);
	tally_add(tally, &tapped);
	top_fill(&look, tally, 2000);
	check("top", look.doc, "");
	check_schema("top");
	tally_free(tally);
	node_free(look.doc);
	node_free(look.cells);
	buf_fini(&look.after);
}

/* What writers say. */
static void check_changes(void)
{
	struct call call = {.options = {.format = CALL_JSON}};
	struct outcome outcome = {.doc = NULL};

	outcome_add(&outcome, "environment", "pr", "created");
	ck_assert_int_eq(outcome_print(&outcome, &call, 7, NULL, NULL), 0);
	check("changes", outcome.doc, "");
	check_schema("changes");
	outcome_clear(&outcome);
}

START_TEST(commands_print_what_their_schemas_say)
{
	struct settings *settings = settings_new("node");
	struct reading reading;

	take(&reading, settings);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const char *words[] = {calls[i].noun, calls[i].verb};
		char *headers[] = {(char *)calls[i].header, NULL};
		char *operands[] = {(char *)calls[i].operand, (char *)"level", NULL};
		struct call call = {.options = {.headers = headers},
				    .settings = settings,
				    .argc = calls[i].operand != NULL,
				    .argv = operands};
		struct look look = {.call = &call, .doc = doc_new(), .cells = doc_new()};
		const struct noun *noun;
		const struct command *command;
		int used;

		ck_assert_int_eq(command_find(words, 2, &noun, &command, &used, NULL), 0);
		ck_assert_int_eq(command->look(&look, &reading, NULL), 0);
		check(calls[i].shape, look.doc, "");
		check_schema(calls[i].shape);
		node_free(look.doc);
		node_free(look.cells);
		free(look.columns);
		buf_fini(&look.before);
		buf_fini(&look.after);
	}
	check_history();
	check_live();
	check_changes();
	check_audit(&reading, settings);
	check_diff(&reading);
	check_tap();
	for (size_t i = 0; i < shape_row_count; i++)
		ck_assert_msg(seen[i], "%s: %s: nobody prints it", shape_rows[i].shape,
			      shape_rows[i].path);
	reading_fini(&reading);
	settings_free(settings);
}
END_TEST

START_TEST(schemas_nest)
{
	buf_auto struct buf text = BUF_INIT;

	shape_add_schema("nothing", &text);
	ck_assert_uint_eq(text.len, 0);
	shape_add_schema("matrix", &text);
	ck_assert_ptr_nonnull(strstr(buf_str(&text),
				     "\"versions\":{\"type\":\"object\",\"additionalProperties\":{"
				     "\"type\":\"object\",\"properties\":{\"version\":{\"type\":"
				     "\"string\""));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("shape");

	tcase_add_test(tc, commands_print_what_their_schemas_say);
	tcase_add_test(tc, schemas_nest);
	return unit_run("shape", tc);
}
