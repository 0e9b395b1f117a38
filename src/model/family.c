/* Links to those that extend an environment or split their visitors among it, and what was composed
 * last. */
#include "model/family.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/choice.h"
#include "model/compose.h"
#include "model/env.h"
#include "model/sorted.h"

enum link_kind {
	LINK_EXTENDS,
	LINK_SPLIT, /* the child does not extend it, but sends visitors there */
	LINK_KEPT,  /* either of the two, in a text of before */
};

/* Both are borrowed from the child. */
struct link {
	const char *parent, *child;
	enum link_kind kind;
};

/* All borrowed from the environment as composed, or from one that extends nobody. */
struct reliance {
	const char *service, *version, *env;
};

struct family {
	struct sorted links;	 /* struct link, by parent, child, and what it is */
	struct sorted reliances; /* struct reliance */
	struct strmap *composed; /* by name: struct env, a reference */
};

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	int order = strcmp(x->parent, y->parent);

	if (order == 0)
		order = strcmp(x->child, y->child);
	return order != 0 ? order : (int)x->kind - (int)y->kind;
}

static int compare_reliances(const void *a, const void *b)
{
	const struct reliance *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	if (order == 0)
		order = strcmp(x->version, y->version);
	return order != 0 ? order : strcmp(x->env, y->env);
}

static void drop_env(void *env)
{
	env_unref(env);
}

struct family *family_new(void)
{
	struct family *family = MEM_NEW(family);

	sorted_init(&family->links, sizeof(struct link), compare_links);
	sorted_init(&family->reliances, sizeof(struct reliance), compare_reliances);
	family->composed = strmap_new(drop_env);
	return family;
}

void family_free(struct family *family)
{
	sorted_fini(&family->links);
	sorted_fini(&family->reliances);
	strmap_free(family->composed);
	free(family);
}

/* To those that it extends, and then those that it splits its visitors among; false: no more. */
static bool link_at(const struct env *env, size_t i, struct link *ret_link)
{
	bool is_split = i >= env->parent_count;

	if (is_split)
		i -= env->parent_count;
	if (is_split && (env->split == NULL || i >= env->split->share_count))
		return false;
	*ret_link = (struct link){is_split ? env->split->shares[i].version : env->parents[i],
				  env->name, is_split ? LINK_SPLIT : LINK_EXTENDS};
	return true;
}

void family_move(struct family *family, const struct env *old, const struct env *new)
{
	struct link link;

	for (size_t i = 0; old != NULL && link_at(old, i, &link); i++)
		(void)sorted_del(&family->links, &link);
	for (size_t i = 0; new != NULL &&link_at(new, i, &link); i++)
		sorted_put(&family->links, &link);
}

void family_move_kept(struct family *family, const struct env *old, const struct env *new)
{
	struct link link;

	for (size_t i = 0; old != NULL && link_at(old, i, &link); i++) {
		link.kind = LINK_KEPT;
		(void)sorted_del(&family->links, &link);
	}
	for (size_t i = 0; new != NULL &&link_at(new, i, &link); i++) {
		link.kind = LINK_KEPT;
		sorted_put(&family->links, &link);
	}
}

/* --- descendants ------------------------------------------------------------------------------ */

/* Names, each once; those behind the ones that were visited are to be visited. */
struct queue {
	bool has_splits; /* these are followed, too */
	struct strmap *seen;
	const char **names;
	size_t count, cap;
};

static void add_children(const struct family *family, const char *name, struct queue *queue)
{
	const struct link first = {name, "", LINK_EXTENDS};

	for (size_t i = sorted_lower_bound(&family->links, &first); i < family->links.count; i++) {
		const struct link *link = sorted_at(&family->links, i);

		if (strcmp(link->parent, name) != 0)
			break;
		if ((link->kind == LINK_SPLIT && !queue->has_splits) ||
		    strmap_find(queue->seen, link->child) != NULL)
			continue;
		strmap_set(queue->seen, link->child, queue);
		MEM_GROW(queue->names, queue->count, queue->cap);
		queue->names[queue->count++] = link->child;
	}
}

static void walk(const struct family *family, const char *name, bool has_splits,
		 void (*visit)(void *ctx, const char *env), void *ctx)
{
	struct queue queue = {.has_splits = has_splits};

	if (family->links.count == 0)
		return;
	queue.seen = strmap_new(NULL);
	add_children(family, name, &queue);
	for (size_t i = 0; i < queue.count; i++) {
		if (strcmp(queue.names[i], name) != 0)
			visit(ctx, queue.names[i]);
		add_children(family, queue.names[i], &queue);
	}
	strmap_free(queue.seen);
	free(queue.names);
}

void family_walk(const struct family *family, const char *name,
		 void (*visit)(void *ctx, const char *env), void *ctx)
{
	walk(family, name, true, visit, ctx);
}

void family_walk_children(const struct family *family, const char *name,
			  void (*visit)(void *ctx, const char *env), void *ctx)
{
	walk(family, name, false, visit, ctx);
}

/* --- what they come to ------------------------------------------------------------------------ */

struct env *family_find(const struct family *family, const char *name)
{
	return strmap_find(family->composed, name);
}

static bool are_lists_equal(const char *const *a, size_t count, const char *const *b,
			    size_t other_count)
{
	if (count != other_count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

/* Who says it counts as well. */
static bool have_same_sources(const struct env *a, const struct env *b)
{
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i].version_from != b->services[i].version_from ||
		    a->services[i].route_from != b->services[i].route_from)
			return false;
	return true;
}

static bool is_same(const struct env *a, const struct env *b)
{
	return a->content == b->content && a->created == b->created && a->missing == b->missing &&
	       a->said == b->said && a->service_count == b->service_count &&
	       strcmp(a->prefix, b->prefix) == 0 && strcmp(a->owner, b->owner) == 0 &&
	       strcmp(a->source, b->source) == 0 && str_is_same(a->description, b->description) &&
	       str_is_same(a->base, b->base) && str_is_same(a->aside, b->aside) &&
	       are_lists_equal(a->hosts, a->host_count, b->hosts, b->host_count) &&
	       are_lists_equal(a->parents, a->parent_count, b->parents, b->parent_count) &&
	       are_lists_equal(a->without, a->without_count, b->without, b->without_count) &&
	       are_lists_equal(a->lineage, a->lineage_count, b->lineage, b->lineage_count) &&
	       have_same_sources(a, b);
}

struct env *family_compose(const struct family *family, const struct env *own,
			   lineage_find_fn *find, family_plain_fn *is_plain, void *ctx,
			   struct buf *ret_notes)
{
	struct env *old = family_find(family, own->name), *env;
	struct lineage lineage;
	struct mf_err err;

	if (lineage_make(own, find, ctx, &lineage, &err) == 0)
		env = compose_env(&lineage, is_plain(ctx, lineage.envs[lineage.count - 1]->name),
				  ret_notes);
	else
		env = compose_aside(own, err.msg);
	if (old == NULL || !is_same(old, env))
		return env;
	env_unref(env);
	return env_ref(old);
}

/* --- who relies on others ----------------------------------------------------------------------
 */

void family_walk_version(const struct family *family, const char *service, const char *version,
			 void (*visit)(void *ctx, const char *env), void *ctx)
{
	const struct reliance first = {service, version == NULL ? "" : version, ""};

	for (size_t i = sorted_lower_bound(&family->reliances, &first); i < family->reliances.count;
	     i++) {
		const struct reliance *reliance = sorted_at(&family->reliances, i);

		if (strcmp(reliance->service, service) != 0 ||
		    (version != NULL && strcmp(reliance->version, version) != 0))
			break;
		visit(ctx, reliance->env);
	}
}

static void put_reliance(struct sorted *reliances, const struct reliance *reliance, bool is_there)
{
	if (is_there)
		sorted_put(reliances, reliance);
	else
		(void)sorted_del(reliances, reliance);
}

/* Of each service that several versions are chosen of; whether there is one. */
static bool set_choices(struct family *family, const struct env *env, bool is_there)
{
	bool has_choice = false;

	for (size_t i = 0; env != NULL && i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];
		struct reliance reliance = {service->name, NULL, env->name};

		if (service->choice == NULL)
			continue;
		has_choice = true;
		for (size_t j = 0; (reliance.version = env_service_version(service, j)) != NULL;
		     j++)
			put_reliance(&family->reliances, &reliance, is_there);
	}
	return has_choice;
}

bool family_watch(struct family *family, const struct env *old, const struct env *new)
{
	bool had_choice = set_choices(family, old, false) || (old != NULL && old->split != NULL);

	return set_choices(family, new, true) || (new != NULL &&new->split != NULL) || had_choice;
}

static void set_reliances(struct family *family, const struct env *env, bool is_there)
{
	(void)set_choices(family, env, is_there);
	for (size_t i = 0; env != NULL && i < env->fallback_count; i++) {
		const struct env_fallback *f = &env->fallbacks[i];

		put_reliance(&family->reliances,
			     &(struct reliance){f->service, f->version, env->name}, is_there);
		put_reliance(&family->reliances, &(struct reliance){f->service, f->next, env->name},
			     is_there);
	}
}

void family_keep(struct family *family, const char *name, struct env *composed)
{
	set_reliances(family, family_find(family, name), false);
	set_reliances(family, composed, true);
	if (composed != NULL)
		strmap_set(family->composed, name, composed);
	else
		(void)strmap_del(family->composed, name);
}
