/* Problems as rows, each with its next step.  Finds them in readings; repairs nothing. */
#include "operator/trouble.h"

#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "model/choice.h"
#include "model/imposed.h"
#include "model/lifetime.h"
#include "model/route.h"
#include "model/snapshot.h"
#include "operator/circle.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/reading.h"

#define MOST_VERSIONS ((size_t)5) /* in a reason */

static void add(struct node *list, const char *object, const char *reason, const char *next)
{
	struct node *row = doc_add_map(list, NULL);

	doc_add_text(row, "object", object);
	doc_add_text(row, "reason", reason);
	if (next != NULL)
		doc_add_text(row, "next", next);
}

/* --- services for which nobody answers -------------------------------------------------------- */

/* The first of the service's versions, which stand together. */
static size_t find_first(const struct snapshot *snapshot, const char *service)
{
	size_t low = 0, high = snapshot->backend_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(snapshot->backends[middle]->service, service) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_other_versions(struct buf *reason, const struct snapshot *snapshot,
			       const struct env_service *service)
{
	size_t count = 0;

	for (size_t i = find_first(snapshot, service->name); i < snapshot->backend_count; i++) {
		const struct backend *other = snapshot->backends[i];

		if (strcmp(other->service, service->name) != 0)
			break;
		if (facts_count_live(other) == 0)
			continue;
		if (count++ < MOST_VERSIONS)
			buf_printf(reason, "%s%s", count == 1 ? "; these answer: " : ", ",
				   other->version);
	}
	if (count > MOST_VERSIONS)
		buf_printf(reason, " and %zu more", count - MOST_VERSIONS);
}

/* The first instance that would answer if no operator had taken it out. */
static const struct instance *find_taken_out(const struct backend *backend)
{
	for (size_t i = 0; i < backend->instance_count; i++) {
		const struct instance *instance = backend->instances[i];

		if (instance->own != NULL && facts_is_live(instance->own))
			return instance;
	}
	return NULL;
}

static char *make_up_command(const char *service, const char *version, const char *instance)
{
	return mem_printf("mayfly instance up %s %s %s", service, version, instance);
}

/* All that there are are out of the traffic. */
static void add_not_live(struct buf *reason, const struct backend *backend, const char *choice,
			 char **ret_next)
{
	const struct instance *taken_out = find_taken_out(backend);

	buf_printf(reason, "no instance of version %s is up with a weight (registered: %zu)",
		   choice, backend->instance_count);
	if (taken_out == NULL) {
		*ret_next =
		    mem_printf("mayfly instance list %s %s", backend->service, backend->version);
		return;
	}
	buf_printf(reason, "; by an operator: %s is %s", instance_name(taken_out),
		   taken_out->imposed == INSTANCE_DRAIN ? "drained" : "in maintenance");
	*ret_next = make_up_command(backend->service, backend->version, instance_name(taken_out));
}

/* Why nobody answers for a version; word: what is said of it, of several their shares. */
static void add_reason(struct buf *reason, const struct reading *reading, const char *service,
		       const char *version, const char *word, char **ret_next)
{
	const struct backend *backend = snapshot_find_backend(reading->snapshot, service, version);

	if (backend != NULL && backend->instance_count > 0) {
		add_not_live(reason, backend, word, ret_next);
		return;
	}
	buf_printf(reason, "no instance of version %s is registered", word);
	*ret_next = mem_printf("svcregister register %s %s ADDRESS:PORT", service, version);
}

static void add_missing_service(struct node *list, const struct reading *reading,
				const struct env *env, const struct env_service *service)
{
	const char *whose;
	mem_auto_free char *object =
	    mem_printf("environment %s: service %s", env->name, service->name);
	mem_auto_free char *next = NULL, *choice = NULL;
	buf_auto struct buf reason = BUF_INIT;

	if (facts_find_answer(reading, env, service, &whose) != NULL)
		return;
	choice = facts_choice(service);
	add_reason(&reason, reading, service->name, service->version, choice, &next);
	add_other_versions(&reason, reading->snapshot, service);
	add(list, object, buf_str(&reason), next);
}

static void add_lost_split(struct node *list, const struct reading *reading, const struct env *env)
{
	mem_auto_free char *object = mem_printf("environment %s: split", env->name);

	if (env->aside == NULL && facts_is_split_lost(reading, env))
		add(list, object,
		    "none of its environments is there and in force: visitors get 503", NULL);
}

/* A redirect that a browser follows until it gives up. */
static void add_circles(struct node *list, const struct env *env, const struct env_service *service)
{
	for (unsigned i = 0; i < service->route_count; i++) {
		mem_auto_free char *object = NULL;
		buf_auto struct buf reason = BUF_INIT;

		if (!circle_begins(env, service->routes[i]))
			continue;
		object = mem_printf("environment %s: service %s", env->name, service->name);
		buf_add_str(&reason, "route ");
		route_add_summary(service->routes[i], &reason);
		buf_add_str(&reason, ": leads to itself, in a circle");
		add(list, object, buf_str(&reason), "correct the route, or where it leads");
	}
}

static void add_missing_of(struct node *list, const struct reading *reading, const struct env *env)
{
	add_lost_split(list, reading, env);
	for (size_t i = 0; i < env->service_count; i++) {
		add_missing_service(list, reading, env, &env->services[i]);
		add_circles(list, env, &env->services[i]);
	}
}

void trouble_add_missing(struct node *list, const struct reading *reading)
{
	for (size_t i = 0; i < reading->snapshot->env_count; i++)
		add_missing_of(list, reading, reading->snapshot->envs[i]);
}

/* --- for whom others answer ------------------------------------------------------------------- */

/* All its versions are without an instance, and another answers. */
static void add_instead(struct node *list, const struct reading *reading, const char *object,
			const struct env_service *service, const char *answer, const char *whose)
{
	mem_auto_free char *choice = facts_choice(service), *next = NULL;
	buf_auto struct buf reason = BUF_INIT;

	add_reason(&reason, reading, service->name, service->version, choice, &next);
	buf_printf(&reason, ": %s of %s answers", answer, whose);
	add(list, object, buf_str(&reason), next);
}

/* Some of its versions are, and the others get their shares. */
static void add_shares(struct node *list, const struct reading *reading, const char *object,
		       const struct env_service *service)
{
	const struct choice *choice = service->choice;

	for (size_t i = 0; choice != NULL && i < choice->share_count; i++) {
		const struct choice_share *share = &choice->shares[i];
		mem_auto_free char *next = NULL;
		buf_auto struct buf reason = BUF_INIT;

		if (!facts_is_lacking(reading, service, share->version))
			continue;
		add_reason(&reason, reading, service->name, share->version, share->version, &next);
		buf_printf(&reason, ": its %u percent go to the others", share->percent);
		add(list, object, buf_str(&reason), next);
	}
}

static void add_split(struct node *list, const struct reading *reading, const struct env *env)
{
	const struct choice *split = env->split;
	mem_auto_free char *object = mem_printf("environment %s: split", env->name);

	for (size_t i = 0; split != NULL && i < split->share_count; i++) {
		const struct choice_share *share = &split->shares[i];
		bool is_there = snapshot_find_env(reading->snapshot, share->version) != NULL;
		mem_auto_free char *reason = mem_printf(
		    "environment %s is %s: its %u percent go to the others", share->version,
		    is_there ? "set aside" : "not there", share->percent);
		mem_auto_free char *next = mem_printf("mayfly check %s", share->version);

		if (share->percent > 0 && !facts_is_in_force(reading, share->version))
			add(list, object, reason, is_there ? next : NULL);
	}
}

static const struct env *find_child(const struct snapshot *snapshot, const char *name)
{
	for (size_t i = 0; i < snapshot->env_count; i++)
		for (size_t j = 0; j < snapshot->envs[i]->parent_count; j++)
			if (strcmp(snapshot->envs[i]->parents[j], name) == 0)
				return snapshot->envs[i];
	return NULL;
}

/* Its time is over, and it is there. */
static void add_kept(struct node *list, const struct reading *reading, const struct env *env)
{
	const struct snapshot *s = reading->snapshot;
	mem_auto_free char *object = NULL, *reason = NULL;
	const struct env *child;

	if (!lifetime_is_limited(env) ||
	    lifetime_end(env, lifetime_find(s->lifetimes, env->name)) > time(NULL))
		return;
	child = find_child(s, env->name);
	object = mem_printf("environment %s", env->name);
	reason = child == NULL
		     ? mem_dup_str("has expired, and goes at any moment")
		     : mem_printf("has expired, and is kept, as %s extends it", child->name);
	add(list, object, reason, NULL);
}

void trouble_add_stand_ins(struct node *list, const struct reading *reading, const struct env *env)
{
	add_kept(list, reading, env);
	if (env->aside == NULL && !facts_is_split_lost(reading, env))
		add_split(list, reading, env);
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];
		const char *whose;
		const struct backend *answer = facts_find_answer(reading, env, service, &whose);
		mem_auto_free char *object =
		    mem_printf("environment %s: service %s", env->name, service->name);

		if (answer == NULL)
			continue;
		if (env_service_has_version(service, answer->version))
			add_shares(list, reading, object, service);
		else
			add_instead(list, reading, object, service, answer->version, whose);
	}
}

/* --- what one environment claims and does not have -------------------------------------------- */

static void add_lost(struct node *list, const char *kind, const char *key, const struct env *holder,
		     const char *how)
{
	mem_auto_free char *object = mem_printf("%s %s", kind, key);
	mem_auto_free char *reason = NULL, *next = NULL;

	if (holder == NULL)
		return;
	reason = mem_printf("environment %s has it%s", holder->name, how);
	next = mem_printf("mayfly env show %s", holder->name);
	add(list, object, reason, next);
}

static void add_lost_hosts(struct node *list, const struct snapshot *s, const struct env *env)
{
	for (size_t i = 0; i < env->host_count; i++) {
		const char *host = env->hosts[i];
		mem_auto_free char *label = mem_dup_bytes(host, strcspn(host, "."));
		const struct env *holder = snapshot_find_claim(s->hosts, s->host_count, host);

		if (holder == NULL)
			add_lost(list, "host", host,
				 snapshot_find_claim(s->prefixes, s->prefix_count, label),
				 ", by its prefix");
		else if (holder != env)
			add_lost(list, "host", host, holder, "");
	}
}

void trouble_add_env(struct node *list, const struct reading *reading, const struct env *env)
{
	const struct snapshot *s = reading->snapshot;
	const struct env *prefix = snapshot_find_claim(s->prefixes, s->prefix_count, env->prefix);
	const struct env *header = snapshot_find_claim(s->headers, s->header_count, env->header);

	if (env->aside != NULL) {
		mem_auto_free char *object = mem_printf("environment %s", env->name);

		add(list, object, env->aside, NULL);
	}
	if (prefix != env)
		add_lost(list, "prefix", env->prefix, prefix, "");
	if (header != env)
		add_lost(list, "header", env->header, header, "");
	add_lost_hosts(list, s, env);
	add_missing_of(list, reading, env);
}

/* --- all that is set aside -------------------------------------------------------------------- */

/* What its key is is said by the object: "environment dev" -> environments/dev. */
static char *correct_key(const char *object)
{
	static const struct {
		const char *word, *prefix;
	} kinds[] = {
	    {"environment ", "environments/"},
	    {"instance ", "backends/"},
	    {"service ", "services/"},
	    {"override ", "overrides/"},
	    {"state ", "states/"},
	    {"name ", "names/"},
	    {"config ", "config/"},
	    {"lifetime ", "lifetimes/"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_has_prefix(object, kinds[i].word))
			return mem_printf("correct the key %s%s, or the file that it is from",
					  kinds[i].prefix, object + strlen(kinds[i].word));
	return NULL;
}

static void add_taken_out(struct node *list, const struct backend *backend)
{
	for (size_t i = 0; i < backend->instance_count; i++) {
		const struct instance *instance = backend->instances[i];
		mem_auto_free char *object = NULL, *next = NULL;

		if (instance->imposed == INSTANCE_UP)
			continue;
		object = mem_printf("instance %s/%s/%s", instance->service, instance->version,
				    instance_name(instance));
		next =
		    make_up_command(instance->service, instance->version, instance_name(instance));
		add(list, object,
		    instance->imposed == INSTANCE_DRAIN ? "drained by an operator"
							: "put into maintenance by an operator",
		    next);
	}
}

/* kvwatch ends it, unless it may not. */
static void add_unused(struct node *list, const struct imposed *imposed)
{
	mem_auto_free char *object =
	    mem_printf("state %s/%s/%s", imposed->service, imposed->version, imposed->instance);
	mem_auto_free char *reason = mem_printf("%s is said of an instance that is not there",
						instance_state_word(imposed->state));
	mem_auto_free char *next =
	    make_up_command(imposed->service, imposed->version, imposed->instance);

	add(list, object, reason, next);
}

void trouble_add_remarks(struct node *list, const struct reading *reading)
{
	const struct snapshot *snapshot = reading->snapshot;

	for (size_t i = 0; i < snapshot->backend_count; i++)
		add_taken_out(list, snapshot->backends[i]);
	for (size_t i = 0; i < snapshot->unused_count; i++)
		add_unused(list, snapshot->unused[i]);
	for (size_t i = 0; snapshot->limited > 0 && i < snapshot->env_count; i++)
		add_kept(list, reading, snapshot->envs[i]);
	for (size_t i = 0; i < snapshot->problem_count; i++)
		if (problem_is_remark(&snapshot->problems[i]))
			add(list, snapshot->problems[i].object, snapshot->problems[i].reason, NULL);
}

void trouble_add_service(struct node *list, const struct reading *reading, const char *service)
{
	const struct snapshot *snapshot = reading->snapshot;
	mem_auto_free char *object = mem_printf("service %s", service);

	for (size_t i = 0; i < snapshot->problem_count; i++) {
		mem_auto_free char *next = NULL;

		if (strcmp(snapshot->problems[i].object, object) != 0)
			continue;
		next = reading->is_offline ? NULL : correct_key(object);
		add(list, object, snapshot->problems[i].reason, next);
	}
}

void trouble_add_set_aside(struct node *list, const struct reading *reading)
{
	const struct snapshot *snapshot = reading->snapshot;

	for (size_t i = 0; i < snapshot->problem_count; i++) {
		const struct problem *problem = &snapshot->problems[i];
		mem_auto_free char *next =
		    reading->is_offline ? NULL : correct_key(problem->object);

		if (problem_is_remark(problem))
			continue;
		add(list, problem->object, problem->reason, next);
	}
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* What a node names under that key. */
static void add_named(struct node *list, const char *node, const struct node *row, const char *key,
		      const char *word, const char *next)
{
	const struct node *problems = node_find(row, key);

	for (size_t i = 0; i < node_count(problems, NODE_LIST); i++) {
		const struct node *problem = &problems->children[i];
		mem_auto_free char *object =
		    mem_printf("node %s: %s", node, node_text_at(problem, "object", "?"));
		mem_auto_free char *reason =
		    mem_printf("%s: %s", word, node_text_at(problem, "reason", "?"));

		add(list, object, reason, next);
	}
}

/* Environments that go on as they were, for as long as its kvwatch runs. */
static void add_as_before(struct node *list, const char *node, const struct node *row)
{
	const struct node *problems = node_find(row, "set_aside");

	for (size_t i = 0; i < node_count(problems, NODE_LIST); i++) {
		const struct node *problem = &problems->children[i];
		const char *why = node_text_at(problem, "reason", "");
		mem_auto_free char *object = NULL, *reason = NULL;

		if (!str_has_suffix(why, SNAPSHOT_STAYS))
			continue;
		object = mem_printf("node %s: %s", node, node_text_at(problem, "object", "?"));
		reason = mem_printf("served as it was before, until its kvwatch ends: %.*s",
				    (int)(strlen(why) - strlen(SNAPSHOT_STAYS)), why);
		add(list, object, reason, NULL);
	}
}

/* Refused, ended, or about to end. */
static void add_certificates(struct node *list, const char *node, const struct node *row)
{
	const struct node *certificates = node_find(row, "certificates");

	for (size_t i = 0; i < node_count(certificates, NODE_LIST); i++) {
		const struct node *one = &certificates->children[i];
		const char *why = node_text_at(one, "reason", NULL);
		mem_auto_free char *object =
		    mem_printf("node %s: certificate %s", node, node_text_at(one, "name", "?"));
		mem_auto_free char *reason = why == NULL ? NULL : mem_printf("refused: %s", why);
		mem_auto_free char *end = NULL;
		int64_t days = TROUBLE_CERTIFICATE_DAYS;

		if (reason != NULL)
			add(list, object, reason, "correct its file; kvwatch(1) says how");
		if (!node_int_at(one, "days", &days) || days >= TROUBLE_CERTIFICATE_DAYS)
			continue;
		end = mem_printf("%s at %s", days < 0 ? "has ended" : "ends",
				 node_text_at(one, "ends", "?"));
		add(list, object, end, "renew it");
	}
}

/* What to do about a node's error. */
static char *make_next(const struct node *row, const char *name)
{
	int64_t workers;

	if (node_int_at(row, "workers", &workers) && workers == 0)
		return mem_printf("start HAProxy on %s; kvwatch(1) says how", name);
	return mem_printf("see the log of kvwatch on %s", name);
}

void trouble_add_nodes(struct node *list, const struct node *nodes)
{
	for (size_t i = 0; i < nodes->child_count; i++) {
		const struct node *row = &nodes->children[i];
		const char *name = node_text_at(row, "name", "?");
		const char *error = node_text_at(row, "error", NULL);
		const char *held = node_text_at(row, "held_back", NULL);
		mem_auto_free char *object = mem_printf("node %s", name);
		mem_auto_free char *next = make_next(row, name);
		mem_auto_free char *forget =
		    mem_printf("start it, or if it is gone for good: mayfly node forget %s", name);

		if (strcmp(node_text_at(row, "state", ""), "dead") == 0)
			add(list, object, "dead: its kvwatch is not connected to etcd", forget);
		if (error != NULL)
			add(list, object, error, next);
		if (held != NULL)
			add(list, object, held, "if it is meant: mayfly allow-removal --for 10m");
		add_as_before(list, name, row);
		add_certificates(list, name, row);
		add_named(list, name, row, "held", "held back", NULL);
		add_named(list, name, row, "quarantined", "in quarantine",
			  "it is tried again when it changes");
	}
}

/* --- for people ------------------------------------------------------------------------------- */

static void add_line(struct buf *text, const struct node *row)
{
	const char *next = node_text_at(row, "next", NULL);
	const char *object = node_text_at(row, "object", "");
	const char *reason = node_text_at(row, "reason", "");

	buf_add_str(text, "  ");
	str_add_escaped(text, object, strlen(object));
	buf_add_str(text, ": ");
	str_add_escaped(text, reason, strlen(reason));
	buf_add_char(text, '\n');
	if (next == NULL)
		return;
	buf_add_str(text, "      -> ");
	str_add_escaped(text, next, strlen(next));
	buf_add_char(text, '\n');
}

void trouble_add_page(struct buf *text, const char *title, const struct node *list, size_t most)
{
	for (size_t i = 0; i < list->child_count; i++) {
		if (i == 0)
			buf_printf(text, "%s\n", title);
		if (i == most) {
			buf_printf(text, "  and %zu more\n      -> mayfly check\n",
				   list->child_count - most);
			return;
		}
		add_line(text, &list->children[i]);
	}
}
