/*
 * mayfly audit: which service calls others without passing the environment on, by the counts of
 * HAProxy, whose addresses the registry gives names.
 */
#include "operator/audit.h"

#include <stdlib.h>
#include <string.h>

#include "apply/calls.h"
#include "apply/haproxy.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/elsewhere.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"
#include "operator/runtime.h"

#define MOST_NAMES ((size_t)3) /* of one address, in a line for people */
#define MOST_LINES ((size_t)50)

/* What has an address, by the registry. */
struct name {
	const char *address, *version; /* "tasks:1.4" */
};
struct names {
	struct name *list;
	size_t count;
};

struct audit {
	struct look *look;
	const struct env *env; /* whose versions are looked at; NULL: all */
	struct names names;
	size_t dropping_count; /* callers that did not pass it on, */
	size_t other_count;    /* and those that did */
	uint64_t other_calls;
	bool has_doubt; /* whether it is one of ENV's versions that drops it cannot be said */
};

/* --- who has an address ----------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->address, y->address);

	return order != 0 ? order : strcmp(x->version, y->version);
}

/* Each version once at each of its addresses. */
static void name_addresses(const struct snapshot *snapshot, struct names *ret)
{
	size_t cap = 0, count = 0;

	for (size_t i = 0; i < snapshot->backend_count; i++) {
		const struct backend *backend = snapshot->backends[i];

		for (size_t j = 0; j < backend->instance_count; j++) {
			if (backend->instances[j]->is_name)
				continue;
			MEM_GROW(ret->list, ret->count, cap);
			ret->list[ret->count++] =
			    (struct name){backend->instances[j]->address, backend->name};
		}
	}
	if (ret->count > 1)
		qsort(ret->list, ret->count, sizeof(*ret->list), compare_names);
	for (size_t i = 0; i < ret->count; i++)
		if (count == 0 || compare_names(&ret->list[count - 1], &ret->list[i]) != 0)
			ret->list[count++] = ret->list[i];
	ret->count = count;
}

/* Those of one address, which stand together. */
static struct names find_names(const struct names *names, const char *address)
{
	size_t low = 0, high = names->count;
	struct names found;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->list[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	found = (struct names){names->list == NULL ? NULL : names->list + low, 0};
	while (low + found.count < names->count &&
	       strcmp(found.list[found.count].address, address) == 0)
		found.count++;
	return found;
}

/* Whether the environment names that version, of all that may be asked. */
static bool is_of_env(const struct env *env, const char *backend)
{
	mem_auto_free char *service = mem_dup_bytes(backend, strcspn(backend, ":"));
	const struct env_service *chosen = env_find_service(env, service);

	return chosen != NULL && env_service_has_version(chosen, strchr(backend, ':') + 1);
}

static size_t count_of_env(const struct env *env, const struct names *names)
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
		       const struct names *names)
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
static void add_who(struct buf *text, const struct calls_caller *caller, const struct names *names)
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
			 const struct names *names)
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
	const struct names names = find_names(&audit->names, caller->address);
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
static void add_unseen(struct audit *audit, const struct node *callers)
{
	struct node *list = doc_add_list(audit->look->doc, "unseen");
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

	name_addresses(reading->snapshot, &audit.names);
	for (size_t i = 0; i < count; i++)
		take_caller(&audit, list, &callers[i]);
	free(audit.names.list);
	add_unseen(&audit, list);
	fill_page(&audit);
	fill_tables(look);
}

/* --- asking ----------------------------------------------------------------------------------- */

#define NO_TABLES                                                                                  \
	"HAProxy does not count calls: give its kvwatch the setting `haproxy: {audit: true}`, "    \
	"and let it reload its settings"

/* What one HAProxy has counted, and since when; else a row that says why not. */
static void take_reply(struct look *look, struct node *nodes, struct calls *calls, const char *name,
		       const char *reply, const char *reason)
{
	struct node *row = doc_add_map(nodes, NULL);
	struct haproxy_info info;

	doc_add_text(row, "name", name);
	if (reply != NULL && (!haproxy_parse_info(reply, &info) ||
			      !calls_add(calls, reply, look->call->options.since_ms)))
		reason = NO_TABLES;
	doc_add_bool(row, "is_counted", reason == NULL);
	if (reason == NULL)
		doc_add_int(row, "counted_seconds", info.uptime_s);
	else
		doc_add_text(row, "reason", reason);
}

static size_t count_counted(const struct node *nodes)
{
	size_t count = 0;

	for (size_t i = 0; i < nodes->child_count; i++)
		count += node_find(&nodes->children[i], "reason") == NULL;
	return count;
}

/* Of a host without a HAProxy of its own, only the others are asked: all of them. */
static int ask_all(struct look *look, const struct reading *reading, struct calls *calls,
		   struct mf_err *err)
{
	struct call *call = look->call;
	const char *own = call->settings->node;
	struct node *nodes = doc_add_list(look->doc, "nodes");
	struct elsewhere others = {.answers = NULL};
	mem_auto_free char *reply = NULL;
	struct mf_err own_err;
	int code = runtime_ask_line(call, CALLS_COMMAND, CALLS_MAX_REPLY, &reply, &own_err);

	if (code == 0)
		take_reply(look, nodes, calls, own, reply, NULL);
	if (!reading->is_offline && elsewhere_ask(call, reading, code == 0 ? own : NULL, CALLS_PATH,
						  CALLS_MAX_REPLY, &others, err) != 0)
		return err->code;
	for (size_t i = 0; i < others.count; i++)
		take_reply(look, nodes, calls, others.answers[i].node, others.answers[i].text,
			   others.answers[i].reason);
	elsewhere_fini(&others);
	if (count_counted(nodes) > 0)
		return 0;
	if (code != 0)
		*err = own_err;
	else
		code = mf_err_set(err, MF_EUNAVAIL, "%s",
				  node_text_at(&nodes->children[0], "reason", ""));
	return code;
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	const struct env *env = NULL;
	struct calls *calls;
	int code;

	if (look->call->argc > 0 && facts_find_env(reading, look->call->argv[0], &env, err) != 0)
		return err->code;
	calls = calls_new();
	code = ask_all(look, reading, calls, err);
	if (code == 0)
		audit_fill(look, reading, env, calls);
	calls_free(calls);
	return code;
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_FORMAT | TAKES_ETCD | TAKES_FILES | TAKES_SINCE,
     "say which service calls others without passing the environment on", .look = fill},
    {0},
};
const struct noun noun_audit = {"audit", NULL, commands};
