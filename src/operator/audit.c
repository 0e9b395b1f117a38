/*
 * mayfly audit: which service calls others without passing the environment on, by the counts of
 * HAProxy, whose addresses the registry gives names.
 */
#include "operator/audit.h"

#include <stdint.h>
#include <string.h>

#include "apply/calls.h"
#include "apply/haproxy.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "model/settings.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/elsewhere.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/probe.h"
#include "operator/reading.h"
#include "operator/runtime.h"

#define NO_TABLES                                                                                  \
	"HAProxy does not count calls: give its kvwatch the setting `haproxy: {audit: true}`, "    \
	"and let it reload its settings"

/* What one HAProxy has counted, and since when; else a row that says why not. */
static void take_reply(struct look *look, struct node *nodes, struct calls *calls, const char *name,
		       const char *reply, const char *reason)
{
	struct node *row = doc_add_map(nodes, NULL);
	struct haproxy_info info = {.pid = 0};

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

static int fill_calls(struct look *look, const struct reading *reading, const struct env *env,
		      struct mf_err *err)
{
	struct calls *calls = calls_new(NULL);
	int code = ask_all(look, reading, calls, err);

	if (code == 0)
		audit_fill(look, reading, env, calls);
	calls_free(calls);
	return code;
}

static int fill_probe(struct look *look, const struct reading *reading, const struct env *env,
		      struct mf_err *err)
{
	struct probe probe;
	struct calls *calls;
	int code;

	if (env == NULL || reading->is_offline)
		return mf_err_set(err, MF_EUSAGE,
				  env == NULL ? "--probe: say in which environment"
					      : "--probe: not with files");
	probe_init(&probe);
	calls = calls_new(probe.env);
	code = probe_send(&probe, look->call, env, err);
	if (code == 0)
		code = ask_all(look, reading, calls, err);
	probe_end(&probe, look->call);
	if (code == 0)
		audit_fill_probe(look, reading, &probe, calls);
	calls_free(calls);
	return code;
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	const struct call *call = look->call;
	const struct env *env = NULL;

	if (call->argc > 0 && facts_find_env(reading, call->argv[0], &env, err) != 0)
		return err->code;
	return call->options.probe != NULL ? fill_probe(look, reading, env, err)
					   : fill_calls(look, reading, env, err);
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_FORMAT | TAKES_ETCD | TAKES_FILES | TAKES_SINCE,
     "say which service calls others without passing the environment on", .look = fill},
    {0},
};
const struct noun noun_audit = {"audit", NULL, commands};
