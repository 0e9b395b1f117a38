/* mayfly env: environments, and what is missing in them. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/reading.h"
#include "operator/show.h"

/* --- list ------------------------------------------------------------------------------------- */

struct tally {
	size_t missing, set_aside; /* environments */
};

static bool is_missing(const struct snapshot *snapshot, const struct env_service *service)
{
	return reading_count_live(
		   snapshot_find_backend(snapshot, service->name, service->version)) == 0;
}

static void add_env(struct node *list, const struct snapshot *snapshot, const struct env *env,
		    struct tally *tally)
{
	struct node *row = doc_add_map(list, NULL), *hosts, *missing;

	doc_add_text(row, "name", env->name);
	doc_add_int(row, "services", (int64_t)env->service_count);
	doc_add_text(row, "prefix", env->prefix);
	doc_add_text(row, "header", env->header);
	hosts = doc_add_list(row, "hosts");
	for (size_t i = 0; i < env->host_count; i++)
		doc_add_text(hosts, NULL, env->hosts[i]);
	missing = doc_add_list(row, "missing");
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];
		mem_auto_free char *name = NULL;

		if (!is_missing(snapshot, service))
			continue;
		name = mem_printf("%s:%s", service->name, service->version);
		doc_add_text(missing, NULL, name);
	}
	tally->missing += missing->child_count > 0;
	doc_add_text(row, "state", missing->child_count > 0 ? "missing" : "ready");
	doc_add_text(row, "owner", env->owner);
	doc_add_text(row, "source", env->source);
}

/* Those that cannot be used at all are only among the problems. */
static void add_set_aside(struct node *list, const struct snapshot *snapshot, struct tally *tally)
{
	static const char word[] = "environment ";

	for (size_t i = 0; i < snapshot->problem_count; i++) {
		const struct problem *problem = &snapshot->problems[i];
		const char *name = problem->object + strlen(word);
		struct node *row;

		if (!str_has_prefix(problem->object, word) ||
		    snapshot_find_env(snapshot, name) != NULL)
			continue;
		row = doc_add_map(list, NULL);
		doc_add_text(row, "name", name);
		doc_add_text(row, "state", "set aside");
		doc_add_text(row, "reason", problem->reason);
		tally->set_aside++;
	}
}

static void add_hints(struct buf *text, const struct tally *tally, size_t count)
{
	if (count == 0)
		buf_add_str(text, "There is no environment.\n");
	if (tally->missing > 0)
		buf_printf(text,
			   "\nmissing: no instance answers for a version that is named; which: "
			   "mayfly env list -o wide\n");
	if (tally->set_aside > 0)
		buf_printf(text, "\nset aside: not in force; why: mayfly env list -o wide\n");
}

static int run_list(struct call *call, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"NAME", "name", false},	  {"SERVICES", "services", false},
	    {"PREFIX", "prefix", false},  {"HOSTS", "hosts", false},
	    {"STATE", "state", false},	  {"OWNER", "owner", false},
	    {"HEADER", "header", true},	  {"SOURCE", "source", true},
	    {"MISSING", "missing", true}, {"REASON", "reason", true},
	};
	buf_auto struct buf hints = BUF_INIT;
	struct node *doc, *list;
	struct show show = {.columns = columns,
			    .column_count = sizeof(columns) / sizeof(columns[0]),
			    .name_keys = {"name"},
			    .after = &hints};
	struct reading reading;
	struct tally tally = {0};
	int code = reading_take(call, &reading, err);

	if (code != 0)
		return code;
	doc = doc_new();
	list = doc_add_list(doc, "environments");
	for (size_t i = 0; i < reading.snapshot->env_count; i++)
		add_env(list, reading.snapshot, reading.snapshot->envs[i], &tally);
	add_set_aside(list, reading.snapshot, &tally);
	add_hints(&hints, &tally, list->child_count);
	show.doc = doc;
	show.rows = list;
	code = show_print(call, &show, err);
	node_free(doc);
	reading_fini(&reading);
	return code;
}

/* --- the noun --------------------------------------------------------------------------------- */

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_FORMAT | TAKES_FILES | TAKES_ETCD,
     "list environments, and whether an instance answers for each version", run_list},
    {0},
};
const struct noun noun_env = {"env", "environment", commands};
