/* Containers, grouped by their deployments and written as environments.  Knows no engine. */
#include "register/deployments.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/name.h"
#include "register/container.h"

#define CONTAINERS_MAX ((size_t)20000)

struct deployments {
	const char *front;
	const struct deployments_events *events;
	void *ctx;
	struct strmap *containers; /* of deployments, by id */
	struct strmap *known;	   /* struct known, by the deployment's name */
	struct problems *problems;
};

/* Who has the first page where nobody says a route. */
enum front { FRONT_UNKNOWN, FRONT_THERE, FRONT_MISSING };

struct known {
	char *json;   /* as it was judged last */
	char *reason; /* why that is no environment; NULL: it is one */
	bool is_put;  /* this, or an earlier one */
	bool is_there;
	enum front front; /* as it was logged last */
};

static void known_free(void *value)
{
	struct known *known = value;

	free(known->json);
	free(known->reason);
	free(known);
}

static void container_free_value(void *value)
{
	container_free(value);
}

/* --- one environment -------------------------------------------------------------------------- */

/* The containers of one deployment, the oldest first. */
struct group {
	struct container *const *list;
	size_t count;
};

struct chosen { /* borrowed from a container */
	const char *version, *route;
};

/* By the service's name; the newest container that has it counts. */
static struct strmap *choose_services(const struct group *group)
{
	struct strmap *services = strmap_new(free);

	for (size_t i = 0; i < group->count; i++) {
		const struct container *container = group->list[i];

		for (size_t j = 0; j < container->instance_count; j++) {
			const struct announcement *want = &container->instances[j].want;
			struct chosen *chosen = MEM_NEW(chosen);

			chosen->version = want->version;
			chosen->route = container->words[CONTAINER_ROUTE];
			strmap_set(services, want->service, chosen);
		}
	}
	return services;
}

static const char *find_word(const struct group *group, enum container_word word)
{
	for (size_t i = group->count; i > 0; i--)
		if (group->list[i - 1]->words[word] != NULL)
			return group->list[i - 1]->words[word];
	return NULL;
}

/* What stands between commas, each once. */
static void add_words(struct strmap *words, const char *text)
{
	char **list = strlist_split(text, ',');

	for (size_t i = 0; list[i] != NULL; i++) {
		char *word = list[i] + strspn(list[i], " \t");

		size_t len = strlen(word);

		while (len > 0 && (word[len - 1] == ' ' || word[len - 1] == '\t'))
			word[--len] = '\0';
		if (len > 0)
			strmap_set(words, word, NULL);
	}
	strlist_free(list);
}

static void put_words(struct buf *json, const char *key, const struct strmap *words)
{
	void *cursor = NULL, *value;
	const char *word;

	if (strmap_count(words) == 0)
		return;
	json_open(json, key, '[');
	while (strmap_next(words, &cursor, &word, &value))
		json_put(json, NULL, word);
	json_close(json, ']');
}

static void put_list(struct buf *json, const char *key, const char *text)
{
	struct strmap *words = strmap_new(NULL);

	if (text != NULL)
		add_words(words, text);
	put_words(json, key, words);
	strmap_free(words);
}

static void put_hosts(struct buf *json, const struct group *group)
{
	struct strmap *words = strmap_new(NULL);

	for (size_t i = 0; i < group->count; i++)
		if (group->list[i]->words[CONTAINER_HOSTS] != NULL)
			add_words(words, group->list[i]->words[CONTAINER_HOSTS]);
	put_words(json, "hosts", words);
	strmap_free(words);
}

static bool has_route(const struct strmap *services)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(services, &cursor, &name, &value))
		if (((const struct chosen *)value)->route != NULL)
			return true;
	return false;
}

/* As a value in etcd.  Sorted by the parser. */
static void format_env(const char *name, const struct group *group, const struct strmap *services,
		       struct buf *json)
{
	const char *expires = find_word(group, CONTAINER_EXPIRES), *service;
	void *cursor = NULL, *value;

	json_open(json, NULL, '{');
	json_put(json, "name", name);
	json_open(json, "services", '[');
	while (strmap_next(services, &cursor, &service, &value)) {
		const struct chosen *chosen = value;

		json_open(json, NULL, '{');
		json_put(json, "name", service);
		json_put(json, "version", chosen->version);
		put_list(json, "route", chosen->route);
		json_close(json, '}');
	}
	json_close(json, ']');
	put_hosts(json, group);
	put_list(json, "extends", find_word(group, CONTAINER_EXTENDS));
	if (expires != NULL)
		json_put(json, "expires", expires);
	json_close(json, '}');
}

/* --- what has become of it -------------------------------------------------------------------- */

static struct known *find_known(struct deployments *d, const char *name)
{
	struct known *known = strmap_find(d->known, name);

	if (known == NULL) {
		known = MEM_NEW(known);
		strmap_set(d->known, name, known);
	}
	return known;
}

static struct env *parse_env(const char *name, const struct buf *json, char **ret_reason)
{
	struct env *env = NULL;
	struct mf_err err;

	if (name_check(NAME_ENVIRONMENT, name, strlen(name), &err) == 0 &&
	    env_parse_json(name, json->data, json->len, 0, &env, &err) == 0)
		return env;
	mf_err_cut_place(&err);
	*ret_reason = mem_dup_str(err.msg);
	return NULL;
}

static void judge(struct deployments *d, const char *name, struct known *known,
		  const struct buf *json)
{
	char *reason = NULL;
	struct env *env;

	if (str_is_same(known->json, json->data))
		return;
	env = parse_env(name, json, &reason);
	free(known->json);
	free(known->reason);
	known->json = mem_dup_str(json->data);
	known->reason = reason;
	if (env == NULL)
		return;
	known->is_put = true;
	d->events->on_put(d->ctx, env);
	env_unref(env);
}

/* Whoever started it sees at once which service answers its URL. */
static void choose_front(struct deployments *d, const char *name, const struct group *group,
			 struct strmap *services, struct known *known)
{
	struct chosen *front = strmap_find(services, d->front);
	enum front now = front != NULL ? FRONT_THERE : FRONT_MISSING;

	if (has_route(services) || find_word(group, CONTAINER_EXTENDS) != NULL)
		return;
	if (front != NULL)
		front->route = "/";
	if (known->front == now)
		return;
	known->front = now;
	if (front != NULL)
		log_info("no container has the label mayfly.route: this service gets /",
			 LOG_STR("environment", name), LOG_STR("service", d->front));
	else
		log_info("no container has the label mayfly.route: its services have no URL",
			 LOG_STR("environment", name));
}

static void apply_group(struct deployments *d, const struct group *group)
{
	const char *name = group->list[0]->deployment;
	struct strmap *services = choose_services(group);
	buf_auto struct buf json = BUF_INIT;

	if (strmap_count(services) > 0) { /* else nothing of it is for anybody outside */
		struct known *known = find_known(d, name);

		choose_front(d, name, group, services, known);
		format_env(name, group, services, &json);
		judge(d, name, known, &json);
		known->is_there = true;
	}
	strmap_free(services);
}

/* --- all of them ------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a;
	const struct container *y = *(struct container *const *)b;
	int order = strcmp(x->deployment, y->deployment);

	if (order == 0)
		order = strcmp(x->created, y->created);
	return order != 0 ? order : strcmp(x->id, y->id);
}

static struct container **sort_containers(const struct deployments *d)
{
	struct container **list =
	    mem_alloc(strmap_count(d->containers) * sizeof(struct container *));
	void *cursor = NULL, *value;
	const char *id;
	size_t count = 0;

	while (strmap_next(d->containers, &cursor, &id, &value))
		list[count++] = value;
	if (count > 0)
		qsort(list, count, sizeof(struct container *), compare);
	return list;
}

static void put_problem(struct deployments *d, const char *noun, const char *name,
			const char *reason)
{
	buf_auto struct buf object = BUF_INIT;

	buf_printf(&object, "%s ", noun);
	str_add_escaped(&object, name, strlen(name));
	problems_put(d->problems, buf_str(&object), "%s", reason);
}

/* What is gone, and what is wrong. */
static void end_round(struct deployments *d)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(d->known, &cursor, &name, &value)) {
		struct known *known = value;

		if (known->is_there && known->reason != NULL)
			put_problem(d, "deployment", name, known->reason);
		if (known->is_there)
			continue;
		if (known->is_put)
			d->events->on_del(d->ctx, name);
		(void)strmap_del(d->known, name);
	}
	cursor = NULL;
	while (strmap_next(d->containers, &cursor, &name, &value)) {
		const struct container *container = value;

		if (container->is_wrong)
			put_problem(d, "container", container->name, container->remarks);
	}
	if (strmap_count(d->containers) == CONTAINERS_MAX)
		problems_put(d->problems, "deployments",
			     "more than %zu containers: the rest is ignored", CONTAINERS_MAX);
	(void)problems_end(d->problems);
}

void deployments_apply(struct deployments *d)
{
	struct container **list = sort_containers(d);
	size_t count = strmap_count(d->containers);
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(d->known, &cursor, &name, &value))
		((struct known *)value)->is_there = false;
	for (size_t first = 0, next; first < count; first = next) {
		for (next = first + 1; next < count; next++)
			if (strcmp(list[next]->deployment, list[first]->deployment) != 0)
				break;
		apply_group(d, &(struct group){list + first, next - first});
	}
	free(list);
	end_round(d);
}

void deployments_set(struct deployments *d, struct container *container)
{
	bool is_known = strmap_find(d->containers, container->id) != NULL;

	if (container->deployment == NULL ||
	    (!is_known && strmap_count(d->containers) == CONTAINERS_MAX)) {
		deployments_del(d, container->id);
		container_free(container);
		return;
	}
	strmap_set(d->containers, container->id, container);
}

void deployments_del(struct deployments *d, const char *id)
{
	(void)strmap_del(d->containers, id);
}

struct deployments *deployments_new(const char *front, const struct deployments_events *events,
				    void *ctx)
{
	struct deployments *d = MEM_NEW(d);

	d->front = front;
	d->events = events;
	d->ctx = ctx;
	d->containers = strmap_new(container_free_value);
	d->known = strmap_new(known_free);
	d->problems = problems_new(events->on_problem, ctx);
	return d;
}

void deployments_free(struct deployments *d)
{
	if (d == NULL)
		return;
	strmap_free(d->containers);
	strmap_free(d->known);
	problems_free(d->problems);
	free(d);
}
