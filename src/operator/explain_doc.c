/* What mayfly explain says of a request that was followed: who answers, as a document and a page.
 */
#include "operator/explain.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/access.h"
#include "model/choice.h"
#include "model/host.h"
#include "model/route.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/when.h"
#include "operator/call.h"
#include "operator/circle.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"

static void judge_redirect(struct explanation *e)
{
	const char *path = e->request.path;
	mem_auto_free char *asked = mem_dup_bytes(path, strlen(path) - !e->request.is_open);

	if (circle_is_entered(e->env, e->route, asked, e->method, e->request.host))
		e->reason = mem_dup_str("the redirect leads to itself, in a circle");
}

struct conditions_request explain_conditions_request(const struct explanation *e)
{
	return (struct conditions_request){
	    .url = e->look->call->argv[0],
	    .method = e->method,
	    .headers = e->look->call->options.headers,
	};
}

/* The first condition that the request satisfies and whose version has an instance, if any. */
static void judge_conditions(struct explanation *e, const struct env_service *service)
{
	const struct conditions_request request = explain_conditions_request(e);
	const struct when *when = service->choice == NULL ? NULL : service->choice->when;

	for (size_t i = 0; when != NULL && i < when->count && e->condition == NULL; i++) {
		const struct when_condition *condition = &when->conditions[i];
		const struct backend *backend =
		    snapshot_find_backend(e->reading->snapshot, service->name, condition->version);

		if (facts_count_live(backend) == 0 || !conditions_fit(condition, &request))
			continue;
		e->condition = condition;
		e->answer = backend;
	}
}

/* What stands in the way when all was found. */
void explain_judge(struct explanation *e)
{
	const struct backend *backend = e->backend;
	const struct env_service *service =
	    backend == NULL ? NULL : env_find_service(e->env, backend->service);
	mem_auto_free char *choice = service == NULL ? NULL : facts_choice(service);

	if (service != NULL) {
		e->answer = facts_find_answer(e->reading, e->env, service, &e->whose);
		judge_conditions(e, service);
	}
	if (e->reason != NULL)
		return;
	if (str_is_same(e->look->call->options.method, "CONNECT"))
		e->reason = mem_dup_str("CONNECT is answered 405");
	else if (e->route != NULL && route_is_redirect(e->route))
		judge_redirect(e);
	else if (e->env->aside != NULL)
		e->reason =
		    mem_printf("environment %s is set aside: it %s", e->env->name, e->env->aside);
	else if (backend != NULL && backend->settings != NULL && backend->settings->is_tcp)
		e->reason = mem_printf("service %s speaks no HTTP", backend->service);
	else if (e->answer == NULL && service != NULL)
		e->reason =
		    mem_printf("no instance of %s:%s is up with a weight", service->name, choice);
	else if (e->answer == NULL)
		e->reason = mem_printf("no instance of %s is up with a weight", e->hit.value);
}

/* --- the document ----------------------------------------------------------------------------- */

static bool has_host(const struct env *env, const char *host)
{
	for (size_t i = 0; i < env->host_count; i++)
		if (strcmp(env->hosts[i], host) == 0 ||
		    (host_is_wildcard(env->hosts[i]) && host_fits(host, env->hosts[i])))
			return true;
	return false;
}

/* How this environment asks for the same, too; NULL: it does not. */
static const char *claims_too(const struct explanation *e, const struct env *env)
{
	const char *host = e->request.host;
	size_t label = strcspn(host, ".");

	if (e->request.door != REQUEST_EXTERNAL)
		return e->request.asked != NULL && strcmp(env->header, e->request.asked) == 0
			   ? "header"
			   : NULL;
	if (has_host(env, host))
		return "host";
	return strlen(env->prefix) == label && strncmp(env->prefix, host, label) == 0 ? "prefix"
										      : NULL;
}

static void add_beaten(const struct explanation *e, struct node *list)
{
	const struct snapshot *snapshot = e->reading->snapshot;

	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		const char *how = env == e->env || env == e->split ? NULL : claims_too(e, env);
		struct node *row;

		if (how == NULL)
			continue;
		row = doc_add_map(list, NULL);
		doc_add_text(row, "environment", env->name);
		doc_add_text(row, "by", how);
		doc_add_int(row, "created", env->created);
	}
}

/* The environment whose rules hold first: of visitors the one that they asked for. */
static const struct env *find_entered(const struct explanation *e)
{
	return e->split != NULL ? e->split : e->env;
}

/* What the settings of this host say where the environment says nothing. */
static void add_default_access(const struct explanation *e, struct node *doc)
{
	const char *const *from = (const char *const *)e->settings->access.from;
	const char *users = e->settings->access.users;
	buf_auto struct buf words = BUF_INIT;

	access_add_words(from, strlist_count(e->settings->access.from),
			 users[0] == '\0' ? NULL : users, &words);
	if (words.len != 0)
		doc_add_text(doc, door_words[DOOR_ACCESS], words.data);
}

static void add_doors(const struct explanation *e, struct node *doc)
{
	const struct env *env = find_entered(e);

	if (e->request.door == REQUEST_EXTERNAL && env->doors[DOOR_ACCESS] == NULL)
		add_default_access(e, doc);

	for (int kind = 0; kind < DOOR_KINDS && e->request.door == REQUEST_EXTERNAL; kind++)
		if (env->doors[kind] != NULL)
			doc_add_text(doc, door_words[kind], env->doors[kind]->words);
}

static void add_env(const struct explanation *e, struct node *doc)
{
	if (e->split != NULL) {
		buf_auto struct buf shares = BUF_INIT;

		choice_add_word(e->split->split, &shares);
		doc_add_text(doc, "split", buf_str(&shares));
		doc_add_text(doc, "split_of", e->split->name);
	}
	doc_add_text(doc, "environment", e->env->name);
	doc_add_text(doc, "by", e->by);
	doc_add_text(doc, "key", e->key);
	if (e->env->owner[0] != '\0')
		doc_add_text(doc, "owner", e->env->owner);
	if (e->env->source[0] != '\0')
		doc_add_text(doc, "source", e->env->source);
	if (!e->reading->is_offline)
		doc_add_int(doc, "created", e->env->created);
	if (reading_revision(e->reading, e->env->name) != 0)
		doc_add_int(doc, "revision", reading_revision(e->reading, e->env->name));
	add_doors(e, doc);
	add_beaten(e, doc_add_list(doc, "beaten"));
}

static void add_instances(struct node *list, const struct backend *backend)
{
	for (size_t i = 0; i < backend->instance_count; i++)
		facts_add_instance(list, backend->instances[i]);
}

/* Of all versions that it may be sent to. */
static void add_chosen(const struct explanation *e, struct node *list,
		       const struct env_service *service)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++) {
		const struct backend *backend =
		    snapshot_find_backend(e->reading->snapshot, service->name, version);

		if (backend != NULL)
			add_instances(list, backend);
	}
}

static void add_route(const struct explanation *e, struct node *doc)
{
	buf_auto struct buf text = BUF_INIT;

	route_add_summary(e->route, &text);
	doc_add_text(doc, "route", buf_str(&text));
	if (!route_is_redirect(e->route))
		return;
	buf_fini(&text);
	route_add_words(e->route, &text);
	doc_add_text(doc, "redirect", buf_str(&text));
}

static void add_version(const struct explanation *e, struct node *doc)
{
	const struct backend *backend = e->backend;
	const struct backend *asked = e->answer != NULL ? e->answer : backend;
	const struct env_service *service = env_find_service(e->env, backend->service);
	mem_auto_free char *choice = service == NULL ? NULL : facts_choice(service);
	struct node *list;

	doc_add_text(doc, "service", backend->service);
	doc_add_text(doc, "version", choice != NULL ? choice : backend->version);
	if (service != NULL)
		doc_add_text(doc, "from", facts_find_origin(e->env, service));
	if (asked != backend &&
	    (service == NULL || !env_service_has_version(service, asked->version))) {
		doc_add_text(doc, "answering_version", asked->version);
		doc_add_text(doc, "answering_environment", e->whose);
	}
	if (e->condition != NULL) {
		buf_auto struct buf word = BUF_INIT;

		when_add_word(e->condition, &word);
		doc_add_text(doc, "condition", buf_str(&word));
		doc_add_text(doc, "condition_version", e->condition->version);
	}
	if (e->route != NULL)
		add_route(e, doc);
	if (backend->settings != NULL && backend->settings->server_timeout > 0)
		doc_add_int(doc, "server_timeout_ms", backend->settings->server_timeout);
	list = doc_add_list(doc, "instances");
	if (service != NULL && service->choice != NULL && e->condition == NULL &&
	    env_service_has_version(service, asked->version))
		add_chosen(e, list, service);
	else
		add_instances(list, asked);
}

void explain_fill_doc(const struct explanation *e)
{
	static const char *const doors[] = {[REQUEST_EXTERNAL] = "external",
					    [REQUEST_INTERNAL] = "internal",
					    [REQUEST_LOCAL] = "local"};
	struct node *doc = e->look->doc;
	struct routing_entry name;

	doc_add_text(doc, "url", e->look->call->argv[0]);
	doc_add_text(doc, "door", doors[e->request.door]);
	doc_add_text(doc, "host", e->request.host);
	doc_add_text(doc, "path", e->request.path);
	if (e->request.is_ignored)
		doc_add_bool(doc, "is_header_ignored", true);
	if (e->env != NULL)
		add_env(e, doc);
	if (e->backend != NULL)
		add_version(e, doc);
	if (e->env != NULL && maps_find(e->maps, ROUTING_NAMES, e->env->name, &name))
		doc_add_text(doc, "passed_on", name.value);
	doc_add_bool(doc, "is_answered", e->reason == NULL);
	if (e->reason != NULL)
		doc_add_text(doc, "reason", e->reason);
}

/* --- the page --------------------------------------------------------------------------------- */

/* Of rows as facts_add_instance adds them. */
static size_t count_live(const struct node *list)
{
	size_t live = 0;

	for (size_t i = 0; i < list->child_count; i++) {
		const struct node *row = &list->children[i];
		int64_t weight;

		live += strcmp(node_text_at(row, "state", ""), "up") == 0 &&
			node_int_at(row, "weight", &weight) && weight > 0;
	}
	return live;
}

/* Whose the environment is, and of when. */
static void add_whose(const struct node *doc, struct buf *text)
{
	static const char *const parts[][2] = {
	    {"source", "from"}, {"owner", "owner"}, {"revision", "revision"}};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct node *node = node_find(doc, parts[i][0]);

		if (node == NULL)
			continue;
		buf_printf(text, "%s%s ", count++ == 0 ? "              " : ", ", parts[i][1]);
		doc_add_cell(node, text);
	}
	if (count > 0)
		buf_add_char(text, '\n');
}

void explain_fill_page(const struct explanation *e)
{
	struct buf *text = &e->look->before;
	const struct node *doc = e->look->doc, *beaten = node_find(doc, "beaten");
	int64_t timeout;

	buf_printf(text, "Door:         %s\n", node_text_at(doc, "door", ""));
	if (e->request.is_ignored)
		buf_add_str(text,
			    "              (from outside, x-mayfly and baggage do not name an "
			    "environment)\n");
	if (e->env != NULL)
		buf_printf(text, "Environment:  %s, by %s %s\n", e->env->name, e->by, e->key);
	if (e->split != NULL)
		buf_printf(text, "              of the visitors of %s, which go to %s\n",
			   e->split->name, node_text_at(doc, "split", ""));
	for (size_t i = 0; beaten != NULL && i < beaten->child_count; i++)
		buf_printf(text, "              before %s, which has it as %s, too\n",
			   node_text_at(&beaten->children[i], "environment", ""),
			   node_text_at(&beaten->children[i], "by", ""));
	add_whose(doc, text);
	if (node_find(doc, "access") != NULL)
		buf_printf(text, "Let in:       %s\n", node_text_at(doc, "access", ""));
	if (node_find(doc, "auth") != NULL)
		buf_printf(text, "Let in:       %s\n", node_text_at(doc, "auth", ""));
	if (node_find(doc, "route") != NULL)
		buf_printf(text, "Route:        %s\n", node_text_at(doc, "route", ""));
	if (e->backend != NULL)
		buf_printf(text, "Service:      %s, version %s (%s)\n", e->backend->service,
			   node_text_at(doc, "version", "?"), node_text_at(doc, "from", "?"));
	if (node_int_at(doc, "server_timeout_ms", &timeout))
		buf_printf(text, "Timeout:      %lld ms for an answer\n", (long long)timeout);
	if (e->condition != NULL)
		buf_printf(text, "Condition:    %s, version %s\n",
			   node_text_at(doc, "condition", ""), e->condition->version);
	if (node_find(doc, "answering_version") != NULL)
		buf_printf(text, "Baseline:     no instance of it; version %s of %s answers\n",
			   e->answer->version, e->whose);
	if (node_find(doc, "passed_on") != NULL)
		buf_printf(text, "Passed on:    x-mayfly: %s\n",
			   node_text_at(doc, "passed_on", ""));
	buf_add_str(text, "Answer:       ");
	if (e->reason != NULL) {
		buf_add_str(text, "none: ");
		doc_add_cell(node_find(doc, "reason"), text);
		buf_add_char(text, '\n');
		if (e->env != NULL && e->env->aside != NULL && !e->reading->is_offline)
			buf_add_str(text,
				    "              (a kvwatch that has had it in use goes on with "
				    "what it was before)\n");
	} else if (node_find(doc, "redirect") != NULL) {
		buf_printf(text, "by HAProxy itself: %s\n", node_text_at(doc, "redirect", ""));
	} else {
		const struct node *list = node_find(doc, "instances");

		buf_printf(text, "by %zu of %zu instances\n", count_live(list), list->child_count);
	}
	if (e->env != NULL && e->reason != NULL)
		buf_printf(&e->look->after, "\n-> mayfly check %s\n", e->env->name);
	if (e->env == NULL)
		buf_add_str(&e->look->after, "\n-> mayfly env list\n");
}
