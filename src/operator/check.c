/* mayfly check: all that would not be answered now, or by others, and why. */
#include <stddef.h>

#include "base/err.h"
#include "base/node.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/fleet.h"
#include "operator/look.h"
#include "operator/reading.h"
#include "operator/trouble.h"

/* Below the problems: what is answered, but not as it was meant. */
static void add_pages(struct look *look, const struct node *problems, const struct node *remarks)
{
	trouble_add_page(&look->before, "Problems:", problems, SIZE_MAX);
	if (problems->child_count > 0 && remarks->child_count > 0)
		buf_add_char(&look->before, '\n');
	trouble_add_page(&look->before, "Answered by others:", remarks, SIZE_MAX);
	if (problems->child_count > 0)
		look->status = mf_err_exit_status(MF_EDATA);
	else if (remarks->child_count == 0)
		buf_add_str(
		    &look->before,
		    "All is well: an instance answers for each version that is to get requests.\n");
}

/* env NULL: of all. */
static void add_problems(struct node *list, const struct reading *reading, const struct env *env)
{
	struct node *fleet;

	if (env != NULL) {
		trouble_add_env(list, reading, env);
		return;
	}
	fleet = doc_new();
	trouble_add_missing(list, reading);
	trouble_add_set_aside(list, reading);
	trouble_add_nodes(list, fleet_add(fleet, "nodes", reading));
	node_free(fleet);
}

static void add_remarks(struct node *list, const struct reading *reading, const struct env *env)
{
	const struct snapshot *snapshot = reading->snapshot;

	for (size_t i = 0; env == NULL && i < snapshot->env_count; i++)
		trouble_add_stand_ins(list, reading, snapshot->envs[i]);
	if (env != NULL)
		trouble_add_stand_ins(list, reading, env);
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	const struct call *call = look->call;
	const struct env *env = NULL;

	if (call->argc > 0 && facts_find_env(reading, call->argv[0], &env, err) != 0)
		return err->code;
	add_problems(doc_add_list(look->doc, "problems"), reading, env);
	add_remarks(doc_add_list(look->doc, "remarks"), reading, env);
	add_pages(look, node_find(look->doc, "problems"), node_find(look->doc, "remarks"));
	look->names = "problems";
	look->name_keys[0] = "object";
	return 0;
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_LOOK,
     "say what would not be answered now, or by others, and why", .look = fill},
    {0},
};
const struct noun noun_check = {"check", NULL, commands};
