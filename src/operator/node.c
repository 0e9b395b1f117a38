/* mayfly node: the proxies of the fleet. */
#include "base/node.h"
#include "base/err.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/fleet.h"
#include "operator/look.h"

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	(void)err;
	if (fleet_add(look->doc, "nodes", reading)->child_count == 0)
		buf_add_str(&look->after, "There is no node: no kvwatch is connected to etcd.\n");
	fleet_add_table(look, NULL, "nodes");
	return 0;
}

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_ONLINE,
     "list the proxies: what each has applied, and what is wrong with it", .look = fill_list},
    {0},
};
const struct noun noun_node = {"node", "nodes", commands};
