/* The table of what is printed for programs, and schemas made of it. */
#include "operator/shape.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define PROBLEMS(shape, list)                                                                      \
	{shape, list "[].object", "string", "what is wrong"},                                      \
	    {shape, list "[].reason", "string", "why"},                                            \
	{                                                                                          \
		shape, list "[].next", "string", "a command, or what to do about it"               \
	}

#define FACTS(shape, at)                                                                           \
	{shape, at "name", "string", "name of the environment"},                                   \
	    {shape, at "description", "string", "what its author says of it"},                     \
	    {shape, at "extends[]", "string", "environments that it extends, the left one first"}, \
	    {shape, at "prefix", "string", "first label of the host names that select it"},        \
	    {shape, at "header", "string", "value of x-mayfly that selects it"},                   \
	    {shape, at "hosts[]", "string", "full host names that select it"},                     \
	    {shape, at "split", "string", "shares of its visitors, who go to others"},             \
	    {shape, at "headers", "string", "changes of headers, as JSON"},                        \
	    {shape, at "access", "string", "who may come in from outside"},                        \
	    {shape, at "auth", "string", "whom requests from outside are shown to first"},         \
	    {shape, at "enter", "string", "cookie: browsers are handed in by links"},              \
	    {shape, at "expires", "string", "how long it lives, or until when, as it says"},       \
	    {shape, at "idle", "string", "without requests for so long it ends, as it says"},      \
	    {shape, at "used_at", "string", "its last use, or change, where that counts"},         \
	    {shape, at "expires_at", "string", "when it ends"},                                    \
	    {shape, at "owner", "string", "who put it there"},                                     \
	{                                                                                          \
		shape, at "source", "string", "where its owner has it from"                        \
	}

#define SERVICE(shape, at)                                                                         \
	{shape, at "name", "string", "name of the service"},                                       \
	    {shape, at "protocol", "string", "http, tcp or h2c"},                                  \
	    {shape, at "balance", "string", "how its load is balanced"},                           \
	    {shape, at "check", "string", "path or kind of HAProxy's checks"},                     \
	    {shape, at "listen", "integer", "port of a TCP service"},                              \
	{                                                                                          \
		shape, at "tls", "string", "verified or not verified, if its instances speak TLS"  \
	}

#define INSTANCES(shape)                                                                           \
	{shape, "instances[].service", "string", "name of the service"},                           \
	    {shape, "instances[].version", "string", "its version"},                               \
	    {shape, "instances[].instance", "string", "name of the instance"},                     \
	    {shape, "instances[].address", "string", "address and port"},                          \
	    {shape, "instances[].state", "string", "up, drain or maint"},                          \
	    {shape, "instances[].operator_state", "string", "drain or maint, by mayfly instance"}, \
	    {shape, "instances[].weight", "integer", "load-balancing weight, 0 to 256"},           \
	{                                                                                          \
		shape, "instances[].is_fixed", "boolean", "an address of the service's settings"   \
	}

/* Their number, and the first of them. */
#define ENTRIES(shape, list, help)                                                                 \
	{shape, list "_count", "integer", help},                                                   \
	    {shape, list "[].object", "string", "such an entry"},                                  \
	{                                                                                          \
		shape, list "[].reason", "string", "why"                                           \
	}

#define NODES(shape)                                                                               \
	{shape, "nodes[].name", "string", "name of the node"},                                     \
	    {shape, "nodes[].state", "string", "ok, error, held back, unreadable or dead"},        \
	    {shape, "nodes[].error", "string", "what failed last, or is not loaded"},              \
	    {shape, "nodes[].held_back", "string", "the removal that is not applied"},             \
	    {shape, "nodes[].revision", "integer", "etcd's revision that is applied"},             \
	    {shape, "nodes[].time", "string", "since when, RFC 3339"},                             \
	    {shape, "nodes[].version", "string", "version of kvwatch"},                            \
	    {shape, "nodes[].haproxy_version", "string", "version of HAProxy"},                    \
	    {shape, "nodes[].workers", "integer", "processes of HAProxy, old ones included"},      \
	    {shape, "nodes[].reloads", "integer", "reloads of HAProxy"},                           \
	    ENTRIES(shape, "nodes[].held", "entries that are held back"),                          \
	    ENTRIES(shape, "nodes[].quarantined", "entries that HAProxy refused"),                 \
	    ENTRIES(shape, "nodes[].set_aside", "entries that are invalid"),                       \
	    {shape, "nodes[].certificates_count", "integer", "certificates, also refused ones"},   \
	    {shape, "nodes[].certificates[].name", "string", "name of its file"},                  \
	    {shape, "nodes[].certificates[].names", "string", "host names of the one in force"},   \
	    {shape, "nodes[].certificates[].ends", "string", "when that one ends, RFC 3339"},      \
	    {shape, "nodes[].certificates[].days", "integer", "whole days until then"},            \
	{                                                                                          \
		shape, "nodes[].certificates[].reason", "string", "why a newer one is refused"     \
	}

const struct shape_row shape_rows[] = {
    {"changes", "changes[].kind", "string", "environment, service, instance and so on"},
    {"changes", "changes[].name", "string", "its name"},
    {"changes", "changes[].change", "string", "created, changed, deleted, unchanged and so on"},
    {"changes", "changes[].is_changed", "boolean", "whether anything is written of it"},
    {"changes", "is_dry_run", "boolean", "whether nothing is written, as --dry-run says"},
    {"changes", "revision", "integer", "etcd's revision that has it"},
    {"status", "revision", "integer", "etcd's revision; 0 from files"},
    {"status", "environments.ready", "integer", "environments whose versions all answer"},
    {"status", "environments.incomplete", "integer", "environments for which others answer, too"},
    {"status", "environments.missing", "integer", "environments with a version that does not"},
    {"status", "environments.set_aside", "integer", "environments that are not in force"},
    {"status", "services", "integer", "services"},
    {"status", "versions", "integer", "versions of them"},
    {"status", "instances.live", "integer", "instances that are up with a weight"},
    {"status", "instances.all", "integer", "instances"},
    NODES("status"),
    PROBLEMS("status", "problems"),
    PROBLEMS("check", "problems"),
    PROBLEMS("check", "remarks"),
    {"matrix", "environments[].name", "string", "name of the environment"},
    {"matrix", "environments[].versions.*.version", "string", "version of that service"},
    {"matrix", "environments[].versions.*.differs", "boolean", "not the parents' version"},
    {"matrix", "environments[].versions.*.is_override", "boolean", "somebody's override"},
    {"matrix", "environments[].versions.*.is_missing", "boolean", "no instance answers"},
    {"matrix", "environments[].versions.*.is_incomplete", "boolean", "others answer for it"},
    {"matrix", "environments[].versions.*.live", "integer", "its instances that answer"},
    {"matrix", "environments[].extends[]", "string", "environments that it extends"},
    {"matrix", "environments[].state", "string", "ready, incomplete, missing or set aside"},
    {"explain", "url", "string", "as it was asked for"},
    {"explain", "door", "string", "external, internal or local"},
    {"explain", "host", "string", "host name that is looked up"},
    {"explain", "path", "string", "path that is looked up, or passed on"},
    {"explain", "is_header_ignored", "boolean", "x-mayfly or baggage came from outside"},
    {"explain", "split", "string", "shares of the visitors, who go to environments"},
    {"explain", "split_of", "string", "whose visitors these are"},
    {"explain", "environment", "string", "environment that is selected"},
    {"explain", "access", "string", "who may come in from outside"},
    {"explain", "auth", "string", "whom requests from outside are shown to first"},
    {"explain", "enter", "string", "cookie: browsers are handed in by links"},
    {"explain", "by", "string", "host, prefix, header, name or default_environment"},
    {"explain", "key", "string", "which one"},
    {"explain", "owner", "string", "who put the environment there"},
    {"explain", "source", "string", "where its owner has it from"},
    {"explain", "created", "integer", "etcd's revision of its creation"},
    {"explain", "revision", "integer", "etcd's revision of its last change"},
    {"explain", "beaten[].environment", "string", "another one that wants the same"},
    {"explain", "beaten[].by", "string", "host, prefix or header"},
    {"explain", "beaten[].created", "integer", "etcd's revision of its creation"},
    {"explain", "service", "string", "service that is asked"},
    {"explain", "version", "string", "its version"},
    {"explain", "from", "string", "own, override, or the environment that says so"},
    {"explain", "condition", "string", "condition for a version that the request satisfies"},
    {"explain", "condition_version", "string", "that version, which answers"},
    {"explain", "answering_version", "string", "version that answers in its place"},
    {"explain", "answering_environment", "string", "whose version that is"},
    {"explain", "route", "string", "route that matches the path"},
    {"explain", "redirect", "string", "how HAProxy answers itself, without an instance"},
    {"explain", "server_timeout_ms", "integer", "timeout of the service's answers"},
    INSTANCES("explain"),
    {"explain", "passed_on", "string", "value of x-mayfly that the service gets"},
    {"explain", "is_answered", "boolean", "whether an instance answers"},
    {"explain", "reason", "string", "why none does"},
    {"explain", "haproxy_version", "string", "version of the HAProxy that --live asked"},
    {"explain", "live_steps[].step", "string", "what was looked up"},
    {"explain", "live_steps[].model", "string", "what it should be, if there is anything"},
    {"explain", "live_steps[].haproxy", "string", "what HAProxy has, if it has anything"},
    {"explain", "live_steps[].is_equal", "boolean", "whether both are the same"},
    {"explain", "is_live_equal", "boolean", "whether HAProxy does the same in all steps"},
    {"audit", "nodes[].name", "string", "name of a node"},
    {"audit", "nodes[].is_counted", "boolean", "whether it said what its HAProxy has counted"},
    {"audit", "nodes[].counted_seconds", "integer", "how long ago that HAProxy was loaded"},
    {"audit", "nodes[].reason", "string", "why the node is left out"},
    {"audit", "callers[].address", "string", "where the calls come from"},
    {"audit", "callers[].caller", "string", "service:version, if it is the only one there"},
    {"audit", "callers[].calls", "integer", "its calls"},
    {"audit", "callers[].without", "integer", "how many of them named no environment"},
    {"audit", "callers[].last_seconds", "integer",
     "how long ago such a one, or any, was made last"},
    {"audit", "callers[].versions[]", "string", "each service:version at that address"},
    {"audit", "callers[].called[].service", "string", "service that is called"},
    {"audit", "callers[].called[].calls", "integer", "how often"},
    {"audit", "callers[].called[].without", "integer", "how often without an environment"},
    {"audit", "probe.url", "string", "request that --probe has sent"},
    {"audit", "probe.status", "integer", "status of its answer"},
    {"audit", "probe.took_ms", "integer", "how long that took"},
    {"audit", "unseen[]", "string", "service:version of the environment that made no call"},
    {"tap", "time", "string", "when the request came, RFC 3339"},
    {"tap", "node", "string", "node whose HAProxy answered"},
    {"tap", "environment", "string", "environment that was selected"},
    {"tap", "method", "string", "method"},
    {"tap", "path", "string", "path as it was sent, without a query"},
    {"tap", "service", "string", "service that answered, or was to answer"},
    {"tap", "version", "string", "its version"},
    {"tap", "instance", "string", "name of the instance"},
    {"tap", "status", "integer", "status; not there without an answer"},
    {"tap", "ms", "integer", "milliseconds from the request to the end of the answer"},
    {"tap", "caller", "string", "address of who asked"},
    {"tap", "caller_names[]", "string", "each service:version/instance there, if they are few"},
    {"tap", "error", "string", "reason where HAProxy answers itself"},
    {"top", "interval_ms", "integer", "how long requests were counted"},
    {"top", "missed", "integer", "requests that came too fast to be counted"},
    {"top", "versions[].environment", "string", "environment that was selected"},
    {"top", "versions[].service", "string", "service that answered, or was to answer"},
    {"top", "versions[].version", "string", "its version"},
    {"top", "versions[].requests", "integer", "requests in that time"},
    {"top", "versions[].per_second", "integer", "in a second"},
    {"top", "versions[].errors_4xx", "integer", "answers with a status from 400 to 499"},
    {"top", "versions[].errors_5xx", "integer", "answers with a status from 500 to 599"},
    {"top", "versions[].p50_ms", "integer", "milliseconds that half of them took at most"},
    {"top", "versions[].p95_ms", "integer", "milliseconds that 95 % of them took at most"},
    FACTS("env-list", "environments[]."),
    {"env-list", "environments[].services", "integer", "number of services"},
    {"env-list", "environments[].missing[]", "string", "service:version without an instance"},
    {"env-list", "environments[].state", "string", "ready, incomplete, missing or set aside"},
    {"env-list", "environments[].reason", "string", "why it is set aside"},
    FACTS("env-show", ""),
    {"env-show", "state", "string", "ready, incomplete, missing or set aside"},
    {"env-show", "services[].name", "string", "name of the service"},
    {"env-show", "services[].version", "string", "its version"},
    {"env-show", "services[].versions[].version", "string", "one of several versions"},
    {"env-show", "services[].versions[].percent", "integer", "its share of the requests"},
    {"env-show", "services[].versions[].live", "integer", "its instances that answer"},
    {"env-show", "services[].headers", "string", "changes of headers, as JSON"},
    {"env-show", "services[].conditions[].condition", "string", "what a request has to say"},
    {"env-show", "services[].conditions[].version", "string", "the version that it gets then"},
    {"env-show", "services[].conditions[].live", "integer", "its instances that answer"},
    {"env-show", "services[].from", "string", "own, override, or the environment that says so"},
    {"env-show", "services[].state", "string", "ready, incomplete or missing"},
    {"env-show", "services[].answered_by", "string", "version that answers, and whose it is"},
    {"env-show", "services[].live", "integer", "instances that answer"},
    {"env-show", "services[].routes[]", "string",
     "paths that lead to it, with what more its routes say"},
    {"env-show", "services[].instances[]", "string", "addresses and ports"},
    {"env-show", "services[].holder", "string", "whose override it is"},
    PROBLEMS("env-show", "problems"),
    {"env-history", "name", "string", "name of the environment"},
    {"env-history", "revision", "integer", "etcd's revision of its last change, if it is there"},
    {"env-history", "states[].revision", "integer", "at which it was before a change"},
    {"env-history", "states[].at", "string", "when it was changed, RFC 3339"},
    {"env-history", "states[].who", "string", "who changed it"},
    {"env-history", "states[].with", "string", "with which command, or from which file"},
    {"env-history", "states[].changes[]", "string", "what has changed then"},
    {"env-diff", "before", "string", "name of the one environment"},
    {"env-diff", "after", "string", "name of the other"},
    {"env-diff", "differences[].service", "string", "the service it is about, if it is one"},
    {"env-diff", "differences[].field", "string", "what is different"},
    {"env-diff", "differences[].before", "string", "what the one has, if it has any"},
    {"env-diff", "differences[].after", "string", "what the other has, if it has any"},
    {"env-diff", "differences[].from", "string", "the environment that says so, if it is another"},
    SERVICE("service-list", "services[]."),
    {"service-list", "services[].versions[]", "string", "versions that are named or registered"},
    {"service-list", "services[].live", "integer", "instances that are up with a weight"},
    {"service-list", "services[].environments", "integer", "environments that name it"},
    {"service-unused", "versions[].service", "string", "name of the service"},
    {"service-unused", "versions[].version", "string", "version that nobody names"},
    {"service-unused", "versions[].instances", "integer", "its instances"},
    SERVICE("service-show", ""),
    {"service-show", "check_interval", "string", "time between two checks"},
    {"service-show", "connect_timeout", "string", "timeout of connections to an instance"},
    {"service-show", "server_timeout", "string", "timeout of its answers"},
    {"service-show", "slow_start", "string", "time in which a new instance gets its full share"},
    {"service-show", "addresses[]", "string", "fixed addresses and ports"},
    {"service-show", "owner", "string", "who put the settings there"},
    {"service-show", "source", "string", "where their owner has them from"},
    {"service-show", "versions[].version", "string", "version that is named or registered"},
    {"service-show", "versions[].live", "integer", "its instances that are up with a weight"},
    {"service-show", "versions[].instances", "integer", "all its instances"},
    {"service-show", "versions[].environments[]", "string", "environments that name it"},
    PROBLEMS("service-show", "problems"),
    INSTANCES("instance-list"),
    {"route-list", "routes[].environment", "string", "name of the environment"},
    {"route-list", "routes[].route", "string", "path prefix, or whole path"},
    {"route-list", "routes[].service", "string", "service that it leads to"},
    {"route-list", "routes[].version", "string", "its version"},
    {"route-list", "routes[].live", "integer", "its instances that are up with a weight"},
    {"route-list", "routes[].options", "string", "what more the route says, in words"},
    NODES("node-list"),
    {"name-list", "names[].name", "string", "name that dnsmasq knows"},
    {"name-list", "names[].addresses", "string", "what it leads to"},
    {"name-list", "names[].kind", "string", "service, or set by people"},
    {"config-list", "config[].scope", "string", "whose setting it is"},
    {"config-list", "config[].name", "string", "its name"},
    {"config-list", "config[].value", "string", "its value"},
    {"config-get", "scope", "string", "whose setting it is"},
    {"config-get", "name", "string", "its name"},
    {"config-get", "value", "string", "its value"},
};
const size_t shape_row_count = sizeof(shape_rows) / sizeof(shape_rows[0]);

/* --- schemas ---------------------------------------------------------------------------------- */

static void add_value(const char *shape, const char *path, const char *key, struct buf *json);

/* The first row at or after i whose path begins so; NULL: none. */
static const struct shape_row *find_row(const char *shape, const char *path, size_t i)
{
	for (; i < shape_row_count; i++)
		if (strcmp(shape_rows[i].shape, shape) == 0 &&
		    str_has_prefix(shape_rows[i].path, path))
			return &shape_rows[i];
	return NULL;
}

static void add_scalar(const struct shape_row *row, const char *key, struct buf *json)
{
	json_open(json, key, '{');
	json_put(json, "type", row->type);
	json_put(json, "description", row->help);
	json_close(json, '}');
}

/* Each member once: its rows stand together. */
static void add_members(const char *shape, const char *prefix, struct buf *json)
{
	const struct shape_row *row = find_row(shape, prefix, 0);
	mem_auto_free char *last = NULL;

	while (row != NULL) {
		const char *member = row->path + strlen(prefix);
		char *name = mem_dup_bytes(member, strcspn(member, ".["));

		if (last == NULL || strcmp(name, last) != 0) {
			mem_auto_free char *path = mem_printf("%s%s", prefix, name);

			add_value(shape, path, name, json);
		}
		mem_free_indirect(&last);
		last = name;
		row = find_row(shape, prefix, (size_t)(row - shape_rows) + 1);
	}
}

static void add_object(const char *shape, const char *prefix, const char *key, struct buf *json)
{
	mem_auto_free char *any = mem_printf("%s*", prefix);

	json_open(json, key, '{');
	json_put(json, "type", "object");
	if (find_row(shape, any, 0) != NULL) {
		add_value(shape, any, "additionalProperties", json);
	} else {
		json_open(json, "properties", '{');
		add_members(shape, prefix, json);
		json_close(json, '}');
	}
	json_close(json, '}');
}

/* The first row of that value itself, and not of one whose name only begins so. */
static const struct shape_row *find_value(const char *shape, const char *path)
{
	const struct shape_row *row = find_row(shape, path, 0);

	while (row != NULL && strchr(".[", row->path[strlen(path)]) == NULL)
		row = find_row(shape, path, (size_t)(row - shape_rows) + 1);
	return row;
}

static void add_value(const char *shape, const char *path, const char *key, struct buf *json)
{
	const struct shape_row *row = find_value(shape, path);
	char behind = row == NULL ? '\0' : row->path[strlen(path)];
	mem_auto_free char *inside = mem_printf("%s%s", path, behind == '[' ? "[]" : ".");

	if (row == NULL)
		return;
	if (behind == '\0') {
		add_scalar(row, key, json);
	} else if (behind == '[') {
		json_open(json, key, '{');
		json_put(json, "type", "array");
		add_value(shape, inside, "items", json);
		json_close(json, '}');
	} else {
		add_object(shape, inside, key, json);
	}
}

void shape_add_schema(const char *shape, struct buf *ret_json)
{
	mem_auto_free char *title = mem_printf("Output of mayfly: %s", shape);

	if (find_row(shape, "", 0) == NULL)
		return;
	json_open(ret_json, NULL, '{');
	json_put(ret_json, "$schema", "http://json-schema.org/draft-07/schema#");
	json_put(ret_json, "title", title);
	json_put(ret_json, "type", "object");
	json_open(ret_json, "properties", '{');
	add_members(shape, "", ret_json);
	json_close(ret_json, '}');
	json_close(ret_json, '}');
}
