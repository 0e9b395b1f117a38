/* mayfly matrix: which environment has which version of each service. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"

#define MAX_ENVS 1000

#define ENV_KEY "" /* of the first column; no service has that name */

/* For programs, and as one word for people. */
static void add_choice(struct node *versions, struct node *cells, const struct reading *reading,
		       const struct env *env, const struct env_service *service)
{
	bool differs = env->lineage_count > 1 && service->version_from == 0;
	enum facts_state state = facts_state_of(reading, env, service);
	mem_auto_free char *version = facts_choice(service);
	mem_auto_free char *word =
	    mem_printf("%s%s%s%s", version, differs ? "*" : "", service->is_override ? "^" : "",
		       state == FACTS_MISSING	   ? "!"
		       : state == FACTS_INCOMPLETE ? "~"
						   : "");
	struct node *choice = doc_add_map(versions, service->name);

	doc_add_text(choice, "version", version);
	doc_add_bool(choice, "differs", differs);
	doc_add_bool(choice, "is_override", service->is_override);
	doc_add_bool(choice, "is_missing", state == FACTS_MISSING);
	doc_add_bool(choice, "is_incomplete", state == FACTS_INCOMPLETE);
	doc_add_int(choice, "live", (int64_t)facts_count_live_of(reading->snapshot, service));
	doc_add_text(cells, service->name, word);
}

static bool is_named(const struct snapshot *snapshot, const char *service)
{
	for (size_t i = 0; i < snapshot->env_count; i++)
		if (env_find_service(snapshot->envs[i], service) != NULL)
			return true;
	return false;
}

/* The texts are the snapshot's. */
static struct show_column *make_columns(const struct snapshot *snapshot, size_t *ret_count)
{
	struct show_column *columns = mem_alloc((snapshot->service_count + 1) * sizeof(*columns));
	size_t count = 0;

	columns[count++] = (struct show_column){"ENVIRONMENT", ENV_KEY, false};
	for (size_t i = 0; i < snapshot->service_count; i++)
		if (is_named(snapshot, snapshot->services[i]))
			columns[count++] = (struct show_column){snapshot->services[i],
								snapshot->services[i], false};
	*ret_count = count;
	return columns;
}

static void add_env(struct look *look, const struct reading *reading, const struct env *env)
{
	struct node *row = doc_add_map(look->doc->children, NULL);
	struct node *cell_row = doc_add_map(look->cells->children, NULL), *list;

	doc_add_text(row, "name", env->name);
	doc_add_text(cell_row, ENV_KEY, env->name);
	list = doc_add_map(row, "versions");
	for (size_t i = 0; i < env->service_count; i++)
		add_choice(list, cell_row, reading, env, &env->services[i]);
	list = doc_add_list(row, "extends");
	for (size_t i = 0; i < env->parent_count; i++)
		doc_add_text(list, NULL, env->parents[i]);
	doc_add_text(row, "state", facts_state_word(facts_state(reading, env)));
	if (look->on_row != NULL)
		node_clear(look->cells->children);
	look_end_row(look, look->doc->children);
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	const struct snapshot *snapshot = reading->snapshot;
	const struct call *call = look->call;
	struct node *list = doc_add_list(look->doc, "environments");
	const struct env *env;
	size_t count;

	(void)doc_add_list(look->cells, "matrix");
	for (int i = 0; i < call->argc; i++) {
		if (facts_find_env(reading, call->argv[i], &env, err) != 0)
			return err->code;
		add_env(look, reading, env);
	}
	for (size_t i = 0; call->argc == 0 && i < snapshot->env_count; i++)
		add_env(look, reading, snapshot->envs[i]);
	look->names = "environments";
	look->name_keys[0] = "name";
	look->columns = make_columns(snapshot, &count);
	look_add_table(look, NULL, "matrix", look->columns, count);
	buf_add_str(&look->after,
		    list->child_count == 0
			? "There is no environment.\n"
			: "\n* not the parent's  ^ somebody's override  ! no instance answers"
			  "  ~ others answer for it\n");
	return 0;
}

static const struct command commands[] = {
    {"", NULL, "[ENV...]", 0, MAX_ENVS, TAKES_LOOK,
     "show which version of each service every environment has, and what differs", .look = fill},
    {0},
};
const struct noun noun_matrix = {"matrix", NULL, commands};
