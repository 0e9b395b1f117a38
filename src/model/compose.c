/* Services of a lineage merged by name.  All that the members say is sorted once, and read in
 * order. */
#include "model/compose.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"
#include "model/fallbacks.h"
#include "model/fields.h"
#include "model/lineage.h"
#include "model/route.h"

#define NOTED_MAX 8 /* services in one note */

/* What a member of the lineage says of a service. */
struct said {
	const struct env_service *service;
	size_t from; /* which member */
};

struct composer {
	const struct lineage *lineage;
	struct said *said; /* by service, then nearest first */
	size_t count;
	struct env_service *services;
	size_t service_count;
	struct env_fallback *fallbacks;
	size_t fallback_count;
	bool has_baseline;
	struct buf *notes;
	size_t noted; /* services of the note that is being made */
};

/* --- what is said ---------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool leaves_out(const struct env *env, const char *service)
{
	return env->without_count != 0 && bsearch(&service, env->without, env->without_count,
						  sizeof(*env->without), compare_names) != NULL;
}

/* Whether one that extends it, and is nearer, has taken the service away. */
static bool is_left_out(const struct lineage *lineage, size_t from, const char *service)
{
	for (size_t i = 0; i < from; i++)
		if ((lineage->above[i] >> from & 1) != 0 && leaves_out(lineage->envs[i], service))
			return true;
	return false;
}

/* The first name of those that come next in each member's list; NULL: there are no more. */
static const char *next_name(const struct lineage *lineage, const size_t *at)
{
	const char *name = NULL;

	for (size_t i = 0; i < lineage->count; i++) {
		const struct env *env = lineage->envs[i];

		if (at[i] < env->service_count &&
		    (name == NULL || strcmp(env->services[at[i]].name, name) < 0))
			name = env->services[at[i]].name;
	}
	return name;
}

/* The lists of all members are sorted, and are read side by side. */
static void gather(struct composer *c)
{
	const struct lineage *lineage = c->lineage;
	size_t at[LINEAGE_MAX] = {0}, count = 0;
	const char *name;

	for (size_t i = 0; i < lineage->count; i++)
		count += lineage->envs[i]->service_count;
	c->said = mem_alloc((count + 1) * sizeof(*c->said));
	while ((name = next_name(lineage, at)) != NULL)
		for (size_t i = 0; i < lineage->count; i++) {
			const struct env *env = lineage->envs[i];

			if (at[i] == env->service_count ||
			    strcmp(env->services[at[i]].name, name) != 0)
				continue;
			if (!is_left_out(lineage, i, name))
				c->said[c->count++] = (struct said){&env->services[at[i]], i};
			at[i]++;
		}
}

/* --- notes ----------------------------------------------------------------------------------- */

/* Before one more service; false: there are enough of them. */
static bool begin_note(struct composer *c)
{
	if (c->noted == NOTED_MAX)
		return false;
	buf_add_str(c->notes, c->notes->len == 0 ? "" : c->noted == NOTED_MAX - 1 ? "; ..." : "; ");
	return ++c->noted != NOTED_MAX;
}

/* Two of which neither extends the other, where the first is no answer of the author's own. */
static bool are_rivals(const struct lineage *lineage, size_t from, size_t other)
{
	return from != 0 && (lineage->above[from] >> other & 1) == 0;
}

static const char *name_of(const struct composer *c, size_t from)
{
	return c->lineage->envs[from]->name;
}

static void note_versions(struct composer *c, const struct said *said, size_t count, size_t chosen)
{
	const struct said *winner = &said[chosen];

	for (size_t i = chosen + 1; i < count; i++) {
		const struct said *other = &said[i];

		buf_auto struct buf won = BUF_INIT, lost = BUF_INIT;

		if (other->service->version_said == FIELD_IS_UNSAID ||
		    env_service_is_same_choice(other->service, winner->service) ||
		    !are_rivals(c->lineage, winner->from, other->from))
			continue;
		env_service_add_choice(winner->service, &won);
		env_service_add_choice(other->service, &lost);
		if (begin_note(c))
			buf_printf(c->notes,
				   "service %s: %s has version %s and %s has version %s: that of "
				   "%s counts, which comes first",
				   winner->service->name, name_of(c, winner->from), won.data,
				   name_of(c, other->from), lost.data, name_of(c, winner->from));
		return;
	}
}

static void note_without(struct composer *c)
{
	const struct env *own = c->lineage->envs[0];

	for (size_t i = 0; i < own->without_count; i++) {
		bool is_there = false;

		for (size_t j = 1; j < c->lineage->count && !is_there; j++)
			is_there = env_find_service(c->lineage->envs[j], own->without[i]) != NULL;
		if (!is_there && begin_note(c))
			buf_printf(c->notes, "without %s: no environment that it extends has it",
				   own->without[i]);
	}
}

/* --- services -------------------------------------------------------------------------------- */

/* What those have whose difference it is, nearest first: each version once. */
static void add_fallbacks(struct composer *c, const struct said *said, size_t count, size_t chosen)
{
	struct fallbacks fallbacks =
	    fallbacks_begin(&c->fallbacks[c->fallback_count], said[chosen].service);
	size_t from = said[chosen].from;

	for (size_t i = chosen + 1; i < count; i++) {
		const struct said *next = &said[i];

		if (next->service->version_said == FIELD_IS_UNSAID ||
		    (c->lineage->above[from] >> next->from & 1) == 0)
			continue;
		from = next->from;
		fallbacks_add_all(&fallbacks, next->service, (uint8_t)from);
	}
	c->fallback_count += fallbacks.count;
}

static void add_service(struct composer *c, const struct said *said, size_t count)
{
	struct env_service *service = &c->services[c->service_count++];
	size_t version = 0, route = 0, headers = 0;

	while (version < count && said[version].service->version_said == FIELD_IS_UNSAID)
		version++;
	while (route < count && said[route].service->route_said == FIELD_IS_UNSAID)
		route++;
	*service = (struct env_service){.name = said->service->name,
					.version = ENV_VERSION_DEFAULT,
					.version_said = FIELD_IS_SAID,
					.route_said = FIELD_IS_SAID};
	while (headers < count && said[headers].service->headers_said == FIELD_IS_UNSAID)
		headers++;
	if (headers < count)
		service->headers = said[headers].service->headers;
	if (version < count) {
		service->version = said[version].service->version;
		service->choice = said[version].service->choice;
		service->version_from = (uint8_t)said[version].from;
		note_versions(c, said, count, version);
		if (c->has_baseline)
			add_fallbacks(c, said, count, version);
	}
	if (route < count) {
		service->name = said[route].service->name; /* of one object with the routes */
		service->is_interned = true;
		service->routes = said[route].service->routes;
		service->route_count = said[route].service->route_count;
		service->route_from = (uint8_t)said[route].from;
	}
}

static void add_services(struct composer *c)
{
	c->services = mem_alloc((c->count + 1) * sizeof(*c->services));
	if (c->has_baseline)
		c->fallbacks = mem_alloc((c->count + 1) * FALLBACKS_MAX * sizeof(*c->fallbacks));
	for (size_t i = 0, end; i < c->count; i = end) {
		end = i + 1;
		while (end < c->count &&
		       strcmp(c->said[i].service->name, c->said[end].service->name) == 0)
			end++;
		add_service(c, &c->said[i], end - i);
	}
}

/* --- routes ---------------------------------------------------------------------------------- */

struct route {
	const char *text;
	struct env_service *service;
	size_t at; /* in the service's list */
};

static int compare_routes(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int order = route_compare(x->text, y->text);

	if (order == 0)
		order = (int)x->service->route_from - (int)y->service->route_from;
	return order != 0 ? order : strcmp(x->service->name, y->service->name);
}

static void note_route(struct composer *c, const struct route *winner, const struct route *other)
{
	const struct env_service *x = winner->service, *y = other->service;

	if (are_rivals(c->lineage, x->route_from, y->route_from) && begin_note(c))
		buf_printf(c->notes,
			   "route %.*s: %s gives it to %s and %s to %s: that of %s counts, which "
			   "comes first",
			   (int)route_match_len(winner->text), winner->text,
			   name_of(c, x->route_from), x->name, name_of(c, y->route_from), y->name,
			   name_of(c, x->route_from));
}

/* Of two that match the same: whether the nearer one takes all that the other would. */
static bool hides(const struct route *nearer, const struct route *other)
{
	unsigned methods = route_methods(nearer->text), others = route_methods(other->text);

	return nearer->service->route_from < other->service->route_from &&
	       (methods == 0 || (others != 0 && (others & ~methods) == 0));
}

/* Of one route that two services have, the nearer one's counts.  Returns the texts of those left.
 */
static const char **settle_routes(struct composer *c)
{
	mem_auto_free struct route *routes = NULL;
	const char **texts;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < c->service_count; i++)
		count += c->services[i].route_count;
	routes = mem_alloc((count + 1) * sizeof(*routes));
	texts = mem_alloc((count + 1) * sizeof(*texts));
	for (size_t i = 0; i < c->service_count; i++) {
		const char **own = texts + n;

		for (size_t j = 0; j < c->services[i].route_count; j++, n++) {
			texts[n] = c->services[i].routes[j];
			routes[n] = (struct route){texts[n], &c->services[i], j};
		}
		c->services[i].routes = own;
	}
	qsort(routes, n, sizeof(*routes), compare_routes);
	for (size_t i = 1, first = 0; i < n; i++) {
		const struct route *nearer = &routes[first];

		if (route_compare(nearer->text, routes[i].text) != 0) {
			first = i;
			continue;
		}
		while (nearer < &routes[i] && !hides(nearer, &routes[i]))
			nearer++;
		if (nearer == &routes[i])
			continue;
		note_route(c, nearer, &routes[i]);
		routes[i].service->routes[routes[i].at] = NULL;
	}
	for (size_t i = 0; i < c->service_count; i++) {
		struct env_service *service = &c->services[i];
		uint8_t left = 0;

		for (uint8_t j = 0; j < service->route_count; j++)
			if (service->routes[j] != NULL)
				service->routes[left++] = service->routes[j];
		service->route_count = left;
	}
	return texts;
}

/* --- all ------------------------------------------------------------------------------------- */

struct env *compose_aside(const struct env *own, const char *reason)
{
	struct env draft = *own;

	draft.services = NULL;
	draft.service_count = 0;
	draft.aside = reason;
	return env_pack(&draft);
}

/*
 * By who says what, not by what it is: the base may change at any time without a change of what is
 * said for others.
 */
static bool differs_in_versions_alone(const struct lineage *lineage)
{
	for (size_t i = 0; i + 1 < lineage->count; i++) {
		const struct env *env = lineage->envs[i];

		if (env->without_count != 0 || env->headers_said != FIELD_IS_UNSAID)
			return false;
		for (size_t j = 0; j < env->service_count; j++)
			if (env->services[j].route_said != FIELD_IS_UNSAID ||
			    env->services[j].headers_said != FIELD_IS_UNSAID)
				return false;
	}
	/* Routes of one that has a split are not where others look for them. */
	return lineage->count > 1 && lineage->envs[0]->split == NULL &&
	       lineage->envs[lineage->count - 1]->split == NULL;
}

/* Those of the nearest that says some, or null. */
static struct headers *find_headers(const struct lineage *lineage)
{
	for (size_t i = 0; i < lineage->count; i++)
		if (lineage->envs[i]->headers_said != FIELD_IS_UNSAID)
			return lineage->envs[i]->headers;
	return NULL;
}

/* Of each kind that of the nearest that says one, or null. */
static void set_doors(const struct lineage *lineage, struct env *draft)
{
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		for (size_t i = 0; i < lineage->count; i++) {
			draft->doors[kind] = lineage->envs[i]->doors[kind];
			if (lineage->envs[i]->doors_said[kind] != FIELD_IS_UNSAID)
				break;
		}
}

static struct env *finish(struct composer *c, bool may_share)
{
	const char *names[LINEAGE_MAX] = {NULL};
	struct env draft = *c->lineage->envs[0];
	char reason[96];

	if (c->service_count > ENV_MAX_SERVICES) {
		(void)snprintf(reason, sizeof(reason),
			       "has %zu services with all that it extends, at most %d are allowed",
			       c->service_count, ENV_MAX_SERVICES);
		return compose_aside(&draft, reason);
	}
	for (size_t i = 0; i < c->lineage->count; i++)
		names[i] = name_of(c, i);
	draft.lineage = names;
	draft.lineage_count = c->lineage->count;
	draft.services = c->services;
	draft.service_count = c->service_count;
	if (env_count_limited(&draft) > ENV_MAX_LIMITED) {
		(void)snprintf(reason, sizeof(reason),
			       "has more than %d routes with methods with all that it extends",
			       ENV_MAX_LIMITED);
		draft = *c->lineage->envs[0];
		return compose_aside(&draft, reason);
	}
	if (may_share && differs_in_versions_alone(c->lineage))
		draft.base = names[c->lineage->count - 1];
	draft.fallbacks = c->fallbacks;
	draft.fallback_count = c->fallback_count;
	draft.headers = find_headers(c->lineage);
	set_doors(c->lineage, &draft);
	draft.missing = c->has_baseline ? MISSING_BASELINE : MISSING_FAIL;
	return env_pack(&draft);
}

static bool has_baseline(const struct lineage *lineage)
{
	for (size_t i = 0; i < lineage->count; i++)
		if (lineage->envs[i]->missing_said == FIELD_IS_SAID)
			return lineage->envs[i]->missing == MISSING_BASELINE;
	return false;
}

struct env *compose_env(const struct lineage *lineage, bool may_share, struct buf *ret_notes)
{
	struct composer c = {.lineage = lineage, .notes = ret_notes};
	const char **texts = NULL;
	struct env *env;

	gather(&c);
	c.has_baseline = has_baseline(lineage);
	add_services(&c);
	if (!differs_in_versions_alone(lineage))
		texts = settle_routes(&c);
	note_without(&c);
	env = finish(&c, may_share);
	free(texts);
	free(c.services);
	free(c.fallbacks);
	free(c.said);
	return env;
}
