/* mayfly check: all that would not be answered now, and why. */
#include "base/err.h"
#include "base/node.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/fleet.h"
#include "operator/look.h"
#include "operator/reading.h"
#include "operator/trouble.h"

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	struct node *list = doc_add_list(look->doc, "problems");
	const struct env *env;

	if (look->call->argc > 0) {
		if (facts_find_env(reading, look->call->argv[0], &env, err) != 0)
			return err->code;
		trouble_add_env(list, reading, env);
	} else {
		struct node *fleet = doc_new();

		trouble_add_missing(list, reading);
		trouble_add_set_aside(list, reading);
		trouble_add_nodes(list, fleet_add(fleet, "nodes", reading));
		node_free(fleet);
	}
	trouble_add_page(&look->before, list, SIZE_MAX);
	if (list->child_count == 0)
		buf_add_str(&look->before, "All is well: an instance answers for each version.\n");
	else
		look->status = mf_err_exit_status(MF_EDATA);
	look->names = "problems";
	look->name_keys[0] = "object";
	return 0;
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_LOOK, "say what would not be answered now, and why",
     .look = fill},
    {0},
};
const struct noun noun_check = {"check", NULL, commands};
