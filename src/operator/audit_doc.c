/* What mayfly audit says of the calls that were counted.  Asks nobody. */
#include "operator/audit.h"

#include <stdlib.h>
#include <string.h>

#include "apply/calls.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/strmap.h"
#include "model/env.h"
#include "operator/call.h"
#include "operator/doc.h"
#include "operator/look.h"
#include "operator/probe.h"
#include "operator/reading.h"
#include "operator/whose.h"

#define MOST_NAMES ((size_t)3) /* of one address, in a line for people */
#define MOST_LINES ((size_t)50)
#define MOST_DEPTH 30

struct audit {
	struct look *look;
	const struct env *env; /* whose versions are looked at; NULL: all */
	struct whose names;
	size_t dropping_count; /* callers that did not pass it on, */
	size_t other_count;    /* and those that did */
	uint64_t other_calls;
	bool has_doubt; /* whether it is one of ENV's versions that drops it cannot be said */
};

/* Whether the environment names that version, of all that may be asked. */
static bool is_of_env(const struct env *env, const char *backend)
{
	mem_auto_free char *service = mem_dup_bytes(backend, strcspn(backend, ":"));
	const struct env_service *chosen = env_find_service(env, service);

	return chosen != NULL && env_service_has_version(chosen, strchr(backend, ':') + 1);
}

static size_t count_of_env(const struct env *env, const struct whose *names)
{
	size_t count = 0;

	for (size_t i = 0; env != NULL && i < names->count; i++)
		count += is_of_env(env, names->list[i].version);
	return count;
}

/* --- the document ----------------------------------------------------------------------------- */

static void add_called(struct node *row, const struct calls_caller *caller)
{
	struct node *list = doc_add_list(row, "called");

	for (size_t i = 0; i < caller->called_count; i++) {
		const struct calls_called *called = &caller->called[i];
		struct node *item = doc_add_map(list, NULL);

		if (called->service[0] != '\0')
			doc_add_text(item, "service", called->service);
		doc_add_int(item, "calls", (int64_t)called->count.calls);
		doc_add_int(item, "without", (int64_t)called->count.without);
	}
}

static void add_caller(struct node *list, const struct calls_caller *caller,
		       const struct whose *names)
{
	struct node *row = doc_add_map(list, NULL), *versions;

	doc_add_text(row, "address", caller->address);
	if (names->count == 1)
		doc_add_text(row, "caller", names->list[0].version);
	doc_add_int(row, "calls", (int64_t)caller->count.calls);
	doc_add_int(row, "without", (int64_t)caller->count.without);
	doc_add_int(row, "last_seconds", caller->count.idle_ms / 1000);
	versions = doc_add_list(row, "versions");
	for (size_t i = 0; i < names->count; i++)
		doc_add_text(versions, NULL, names->list[i].version);
	add_called(row, caller);
}

/* --- for people ------------------------------------------------------------------------------- */

/* "2,278" */
static void add_number(struct buf *text, uint64_t n)
{
	mem_auto_free char *digits = mem_printf("%llu", (unsigned long long)n);
	size_t len = strlen(digits);

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_add_char(text, ',');
		buf_add_char(text, digits[i]);
	}
}

static void add_ago(struct buf *text, int64_t seconds)
{
	if (seconds < 120)
		buf_printf(text, "%lld s", (long long)seconds);
	else if (seconds < 2 * 3600)
		buf_printf(text, "%lld m", (long long)(seconds / 60));
	else
		buf_printf(text, "%lld h", (long long)(seconds / 3600));
}

/* "tasks 1.4 (10.0.0.7)"; "tasks 1.4 or search 2 (10.0.0.7)"; "10.0.0.9, which is nobody's" */
static void add_who(struct buf *text, const struct calls_caller *caller, const struct whose *names)
{
	if (names->count == 0) {
		buf_printf(text, "%s, which is no instance's", caller->address);
		return;
	}
	for (size_t i = 0; i < names->count && i < MOST_NAMES; i++) {
		const char *version = names->list[i].version;

		buf_printf(text, "%s%.*s %s", i == 0 ? "" : " or ", (int)strcspn(version, ":"),
			   version, strchr(version, ':') + 1);
	}
	if (names->count > MOST_NAMES)
		buf_printf(text, " or %zu more", names->count - MOST_NAMES);
	buf_printf(text, " (%s)", caller->address);
}

/* ": 2,278 of 2,410 calls carried no environment; calls search, mail; last 12 s ago" */
static void add_sentence(struct buf *text, const struct calls_caller *caller,
			 const struct whose *names)
{
	const char *between = "; calls ";

	add_who(text, caller, names);
	buf_add_str(text, ": ");
	add_number(text, caller->count.without);
	buf_add_str(text, " of ");
	add_number(text, caller->count.calls);
	buf_add_str(text, " calls carried no environment");
	for (size_t i = 0; i < caller->called_count; i++) {
		if (caller->called[i].count.without == 0)
			continue;
		buf_printf(text, "%s%s", between,
			   caller->called[i].service[0] != '\0' ? caller->called[i].service
								: "names of no service");
		between = ", ";
	}
	buf_add_str(text, "; last ");
	add_ago(text, caller->count.idle_ms / 1000);
	buf_add_str(text, " ago\n");
}

static void add_others(const struct audit *audit)
{
	struct buf *text = &audit->look->before;

	if (audit->dropping_count > MOST_LINES) {
		buf_add_str(text, "and ");
		add_number(text, audit->dropping_count - MOST_LINES);
		buf_add_str(text, " more callers: mayfly audit -o wide\n");
	}
	if (audit->other_count == 0)
		return;
	add_number(text, audit->other_count);
	buf_add_str(text, audit->other_count == 1 ? " caller" : " callers");
	buf_add_str(text, " named an environment in all of ");
	add_number(text, audit->other_calls);
	buf_add_str(text, audit->other_calls == 1 ? " call\n" : " calls\n");
}

/* --- what was seen ---------------------------------------------------------------------------- */

static void take_caller(struct audit *audit, struct node *list, const struct calls_caller *caller)
{
	const struct whose names = whose_find(&audit->names, caller->address);
	size_t mine = count_of_env(audit->env, &names);

	if (audit->env != NULL && mine == 0)
		return;
	add_caller(list, caller, &names);
	if (caller->count.without == 0) {
		audit->other_count++;
		audit->other_calls += caller->count.calls;
		return;
	}
	if (++audit->dropping_count <= MOST_LINES)
		add_sentence(&audit->look->before, caller, &names);
	if (audit->env != NULL && mine == names.count)
		audit->look->status = AUDIT_STATUS_DROPPED;
	else if (audit->env != NULL)
		audit->has_doubt = true;
}

/* Versions of the environment from whose addresses nothing came. */
static void add_unseen(struct audit *audit)
{
	struct node *list = doc_add_list(audit->look->doc, "unseen");
	const struct node *callers = node_find(audit->look->doc, "callers");
	struct strmap *seen = strmap_new(NULL);

	for (size_t i = 0; i < callers->child_count; i++) {
		const struct node *versions = node_find(&callers->children[i], "versions");

		for (size_t j = 0; j < versions->child_count; j++)
			strmap_set(seen, versions->children[j].text, seen);
	}
	for (size_t i = 0; audit->env != NULL && i < audit->env->service_count; i++) {
		const struct env_service *service = &audit->env->services[i];
		const char *version;

		for (size_t j = 0; (version = env_service_version(service, j)) != NULL; j++) {
			mem_auto_free char *name = mem_printf("%s:%s", service->name, version);

			if (strmap_find(seen, name) == NULL)
				doc_add_text(list, NULL, name);
		}
	}
	strmap_free(seen);
}

/* --- all -------------------------------------------------------------------------------------- */

/* "Counted by 2 HAProxies since they were loaded, the last one 40 s ago", and who is left out. */
static void add_nodes(struct look *look)
{
	const struct node *nodes = node_find(look->doc, "nodes");
	struct buf *text = &look->before;
	int64_t newest = INT64_MAX, seconds;
	size_t count = 0;

	for (size_t i = 0; i < nodes->child_count; i++) {
		if (!node_int_at(&nodes->children[i], "counted_seconds", &seconds))
			continue;
		newest = seconds < newest ? seconds : newest;
		count++;
	}
	buf_printf(text, "Counted by %zu HAProx%s since %s loaded", count, count == 1 ? "y" : "ies",
		   count == 1 ? "it was" : "they were");
	buf_add_str(text, count == 1 ? ", " : ", the last one ");
	add_ago(text, newest);
	buf_add_str(text, " ago\n");
	for (size_t i = 0; i < nodes->child_count; i++)
		if (node_find(&nodes->children[i], "reason") != NULL)
			buf_printf(text, "Left out: node %s: %s\n",
				   node_text_at(&nodes->children[i], "name", ""),
				   node_text_at(&nodes->children[i], "reason", ""));
}

static void fill_page(struct audit *audit)
{
	struct look *look = audit->look;
	const struct node *doc = look->doc, *unseen = node_find(doc, "unseen");

	add_others(audit);
	if (node_find(doc, "callers")->child_count == 0)
		buf_add_str(&look->before, "No call was seen\n");
	for (size_t i = 0; i < unseen->child_count && i < MOST_LINES; i++)
		buf_printf(&look->before, "%s%s", i == 0 ? "Not seen to call anybody: " : ", ",
			   unseen->children[i].text);
	if (unseen->child_count > MOST_LINES)
		buf_printf(&look->before, " and %zu more", unseen->child_count - MOST_LINES);
	if (unseen->child_count > 0)
		buf_add_char(&look->before, '\n');
	add_nodes(look);
	if (audit->has_doubt)
		buf_printf(&look->after,
			   "\n-> an address of several versions does not say which of them calls: "
			   "give them addresses of their own\n");
}

static void fill_tables(struct look *look)
{
	static const struct show_column columns[] = {
	    {"CALLER", "versions", false},	 {"ADDRESS", "address", false},
	    {"WITHOUT", "without", false},	 {"CALLS", "calls", false},
	    {"LAST (S)", "last_seconds", false},
	};
	const struct node *callers = node_find(look->doc, "callers");
	struct node *dropping = doc_add_list(look->cells, "dropping");

	for (size_t i = 0; i < callers->child_count; i++) {
		const struct node *caller = &callers->children[i];
		int64_t without = 0;

		if (node_int_at(caller, "without", &without) && without > 0 &&
		    node_find(caller, "caller") != NULL)
			doc_add_text(doc_add_map(dropping, NULL), "caller",
				     node_text_at(caller, "caller", ""));
	}
	look->names = "dropping";
	look->name_keys[0] = "caller";
	if (look->call->options.format == CALL_WIDE)
		LOOK_ADD_TABLE(look, "", "callers", columns);
}

void audit_fill(struct look *look, const struct reading *reading, const struct env *env,
		struct calls *calls)
{
	struct audit audit = {.look = look, .env = env};
	struct node *list = doc_add_list(look->doc, "callers");
	const struct calls_caller *callers;
	size_t count = calls_list(calls, &callers);

	whose_init(&audit.names, reading->snapshot);
	for (size_t i = 0; i < count; i++)
		take_caller(&audit, list, &callers[i]);
	whose_fini(&audit.names);
	add_unseen(&audit);
	fill_page(&audit);
	fill_tables(look);
}

/* --- a probe ---------------------------------------------------------------------------------- */

/* One arrow of the tree, printed once. */
struct edge {
	const struct calls_caller *caller;
	const struct calls_called *called;
	struct whose names; /* of the caller */
	bool is_printed;
};
struct tree {
	struct edge *edges;
	size_t count, cap;
	struct buf *text;
};

static void add_edges(struct tree *tree, const struct calls_caller *caller,
		      const struct whose *names)
{
	for (size_t i = 0; i < caller->called_count; i++) {
		MEM_GROW(tree->edges, tree->count, tree->cap);
		tree->edges[tree->count++] =
		    (struct edge){caller, &caller->called[i], *names, false};
	}
}

/* What stands below a service, deeper and deeper; an arrow that is there already ends it. */
static void print_below(struct tree *tree, const char *service, int depth)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct edge *edge = &tree->edges[i];

		if (edge->is_printed || !whose_has_service(&edge->names, service))
			continue;
		edge->is_printed = true;
		buf_printf(tree->text, "%*s%s, ", 2 * depth, "", edge->called->service);
		add_number(tree->text, edge->called->count.calls);
		buf_add_str(tree->text, edge->called->count.calls == 1 ? " call\n" : " calls\n");
		if (depth < MOST_DEPTH)
			print_below(tree, edge->called->service, depth + 1);
	}
}

/* Whether somebody else of the tree calls one of its services. */
static bool is_called(const struct tree *tree, const struct edge *edge)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->edges[i].caller != edge->caller &&
		    whose_has_service(&edge->names, tree->edges[i].called->service))
			return true;
	return false;
}

/* An address with all that it calls, and all below. */
static void print_from(struct tree *tree, const struct edge *root)
{
	add_who(tree->text, root->caller, &root->names);
	buf_add_char(tree->text, '\n');
	for (size_t i = 0; i < tree->count; i++) {
		struct edge *edge = &tree->edges[i];

		if (edge->is_printed || edge->caller != root->caller)
			continue;
		edge->is_printed = true;
		buf_printf(tree->text, "  %s, ", edge->called->service);
		add_number(tree->text, edge->called->count.calls);
		buf_add_str(tree->text, edge->called->count.calls == 1 ? " call\n" : " calls\n");
		print_below(tree, edge->called->service, 2);
	}
}

/* Those that nobody calls come first; of calls in a circle one is the first. */
static void print_tree(struct tree *tree)
{
	for (size_t pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < tree->count; i++)
			if (!tree->edges[i].is_printed &&
			    (pass == 1 || !is_called(tree, &tree->edges[i])))
				print_from(tree, &tree->edges[i]);
}

void audit_fill_probe(struct look *look, const struct reading *reading, const struct probe *probe,
		      struct calls *calls)
{
	struct node *list = doc_add_list(look->doc, "callers"), *map;
	struct tree tree = {.text = &look->before};
	const struct calls_caller *callers;
	size_t count = calls_list(calls, &callers);
	struct whose whose;

	whose_init(&whose, reading->snapshot);
	buf_printf(tree.text, "%s: %d in %lld ms\n", look->call->options.probe, probe->status,
		   (long long)probe->took_ms);
	for (size_t i = 0; i < count; i++) {
		const struct whose names = whose_find(&whose, callers[i].address);

		add_caller(list, &callers[i], &names);
		add_edges(&tree, &callers[i], &names);
	}
	print_tree(&tree);
	if (count == 0)
		buf_add_str(tree.text, "No call carried its environment\n");
	free(tree.edges);
	whose_fini(&whose);
	map = doc_add_map(look->doc, "probe");
	doc_add_text(map, "url", look->call->options.probe);
	doc_add_int(map, "status", probe->status);
	doc_add_int(map, "took_ms", probe->took_ms);
	add_nodes(look);
	fill_tables(look);
}
