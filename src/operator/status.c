/* mayfly status: how all is, on one screen. */
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

#define MOST_PROBLEMS ((size_t)12) /* for one screen */

struct tally {
	size_t ready, incomplete, missing, set_aside; /* environments */
	size_t live;				      /* instances */
};

static void count(const struct reading *reading, struct tally *ret_tally)
{
	const struct snapshot *s = reading->snapshot;

	for (size_t i = 0; i < s->env_count; i++)
		switch (facts_state(reading, s->envs[i])) {
		case FACTS_READY:
			ret_tally->ready++;
			break;
		case FACTS_INCOMPLETE:
			ret_tally->incomplete++;
			break;
		case FACTS_MISSING:
			ret_tally->missing++;
			break;
		case FACTS_ASIDE:
			ret_tally->set_aside++;
			break;
		}
	for (size_t i = 0; i < s->backend_count; i++)
		ret_tally->live += facts_count_live(s->backends[i]);
}

static void add_counts(struct look *look, const struct reading *reading)
{
	const struct snapshot *s = reading->snapshot;
	struct node *map;
	struct tally t = {0};

	count(reading, &t);
	t.set_aside += facts_count_unreadable(reading);
	doc_add_int(look->doc, "revision", s->revision);
	map = doc_add_map(look->doc, "environments");
	doc_add_int(map, "ready", (int64_t)t.ready);
	doc_add_int(map, "incomplete", (int64_t)t.incomplete);
	doc_add_int(map, "missing", (int64_t)t.missing);
	doc_add_int(map, "set_aside", (int64_t)t.set_aside);
	doc_add_int(look->doc, "services", (int64_t)s->service_count);
	doc_add_int(look->doc, "versions", (int64_t)s->backend_count);
	map = doc_add_map(look->doc, "instances");
	doc_add_int(map, "live", (int64_t)t.live);
	doc_add_int(map, "all", (int64_t)s->instance_count);
	buf_printf(
	    &look->before,
	    "Environments: %zu ready, %zu incomplete, %zu with something missing, %zu set aside\n"
	    "Services:     %zu in %zu versions\n"
	    "Instances:    %zu, of which %zu answer\n",
	    t.ready, t.incomplete, t.missing, t.set_aside, s->service_count, s->backend_count,
	    s->instance_count, t.live);
	if (!reading->is_offline)
		buf_printf(&look->before, "Revision:     %lld\n", (long long)s->revision);
}

/* Of all nodes: refused ones come first in a node's list, then the one that ends soonest. */
static void add_certificates(struct look *look, const struct node *nodes)
{
	const struct node *soonest = NULL;
	int64_t count = 0, least = INT64_MAX, n;

	for (size_t i = 0; i < nodes->child_count; i++) {
		const struct node *list = node_find(&nodes->children[i], "certificates");

		if (node_int_at(&nodes->children[i], "certificates_count", &n))
			count += n;
		for (size_t j = 0; j < node_count(list, NODE_LIST); j++)
			if (node_int_at(&list->children[j], "days", &n) && n < least) {
				least = n;
				soonest = &list->children[j];
			}
	}
	if (count > 0)
		buf_printf(&look->before, "Certificates: %lld", (long long)count);
	if (soonest != NULL)
		buf_printf(&look->before, ", the next one ends in %lld days (%s)", (long long)least,
			   node_text_at(soonest, "name", "?"));
	if (count > 0)
		buf_add_char(&look->before, '\n');
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	struct node *list;

	(void)err;
	add_counts(look, reading);
	add_certificates(look, fleet_add(look->doc, "nodes", reading));
	list = doc_add_list(look->doc, "problems");
	trouble_add_nodes(list, node_find(look->doc, "nodes"));
	trouble_add_set_aside(list, reading);
	trouble_add_missing(list, reading);
	trouble_add_remarks(list, reading);
	if (!reading->is_offline && node_find(look->doc, "nodes")->child_count == 0)
		buf_add_str(&look->before, "Nodes:        none: no kvwatch is connected to etcd\n");
	buf_add_char(&look->after, '\n');
	trouble_add_page(&look->after, "Problems:", list, MOST_PROBLEMS);
	if (list->child_count == 0)
		buf_add_str(&look->after, "There are no problems.\n");
	fleet_add_table(look, "Nodes:", "nodes");
	return 0;
}

static const struct command commands[] = {
    {"", NULL, "", 0, 0, TAKES_LOOK,
     "show on one screen: environments, the fleet of proxies, and all problems", .look = fill},
    {0},
};
const struct noun noun_status = {"status", NULL, commands};
