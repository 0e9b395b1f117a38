/*
 * What is in force: environments as composed and with their overrides, and what follows from them.
 * Knows nothing of keys and values.
 */
#include "model/in_force.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/baseline.h"
#include "model/choice.h"
#include "model/claims.h"
#include "model/config.h"
#include "model/dns_name.h"
#include "model/epochs.h"
#include "model/family.h"
#include "model/imposed.h"
#include "model/last_texts.h"
#include "model/lifetime.h"
#include "model/override.h"
#include "model/overrides.h"
#include "model/problem_list.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/shared_list.h"
#include "model/snapshot.h"
#include "model/sorted.h"
#include "model/uses.h"

/* What problems are called that concern how an environment's parents fit together. */
#define NOTES_OBJECT	 "parents of environment"
#define OVERRIDES_OBJECT "overrides of environment"
/* Of a name that people set, and a service has. */
#define NAMES_OBJECT "name"

struct in_force {
	struct sorted envs; /* struct env *, by name: those in force, with their overrides */
	struct claims *claims;
	struct versions *versions;
	struct overrides *overrides;
	struct family *family;
	struct last_texts *texts;     /* NULL: none is kept */
	const struct env *tried;      /* the text that is being composed */
	struct sorted written_names;  /* struct dns_name *, by name, borrowed */
	struct sorted written_config; /* struct config *, by scope, then name, borrowed */
	struct sorted lifetimes;      /* struct lifetime *, by environment, borrowed */
	struct shared_list *names, *config, *noted; /* of the last snapshot; NULL: none */
	size_t limited;				    /* environments in force that end some day */
	size_t idle;				    /* that say `idle` */
	struct uses_count *uses;		    /* of those in force */
	bool has_new_uses, was_over;		    /* since, and in, the last snapshot: too many */
	char *suffix;				    /* of services' names */
	struct epochs *epochs;			    /* of snapshots */
	struct problem_list *problems;
	in_force_find_fn *find;
	void *ctx;
	bool is_changed;
};

static int compare_envs(const void *a, const void *b)
{
	return strcmp((*(struct env *const *)a)->name, (*(struct env *const *)b)->name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct dns_name *const *)a)->name, (*(struct dns_name *const *)b)->name);
}

static int compare_config(const void *a, const void *b)
{
	const struct config *x = *(struct config *const *)a, *y = *(struct config *const *)b;
	int order = strcmp(x->scope, y->scope);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static int compare_lifetimes(const void *a, const void *b)
{
	return strcmp((*(struct lifetime *const *)a)->env, (*(struct lifetime *const *)b)->env);
}

struct in_force *in_force_new(struct problem_list *problems, in_force_find_fn *find, void *ctx)
{
	struct in_force *f = MEM_NEW(f);

	sorted_init(&f->envs, sizeof(struct env *), compare_envs);
	sorted_init(&f->written_names, sizeof(struct dns_name *), compare_names);
	sorted_init(&f->written_config, sizeof(struct config *), compare_config);
	sorted_init(&f->lifetimes, sizeof(struct lifetime *), compare_lifetimes);
	f->suffix = mem_dup_str("");
	f->claims = claims_new();
	f->epochs = epochs_new();
	f->versions = versions_new(f->epochs);
	f->overrides = overrides_new();
	f->family = family_new();
	f->uses = uses_count_new();
	f->problems = problems;
	f->find = find;
	f->ctx = ctx;
	f->is_changed = true; /* nothing was ever taken from it */
	return f;
}

void in_force_free(struct in_force *f)
{
	if (f == NULL)
		return;
	sorted_fini(&f->envs);
	sorted_fini(&f->written_names);
	sorted_fini(&f->written_config);
	sorted_fini(&f->lifetimes);
	shared_list_unref(f->names);
	shared_list_unref(f->config);
	shared_list_unref(f->noted);
	free(f->suffix);
	claims_free(f->claims);
	versions_free(f->versions);
	overrides_free(f->overrides);
	last_texts_free(f->texts);
	family_free(f->family);
	uses_count_free(f->uses);
	epochs_free(f->epochs);
	free(f);
}

/* --- one object in the place of another ------------------------------------------------------- */

/* The environment of that name that is in force; NULL: there is none. */
static struct env *find_in_force(const struct in_force *f, const struct env *like)
{
	struct env *const *found = sorted_find(&f->envs, &like);

	return found == NULL ? NULL : *found;
}

/* Put env, whose reference is taken over, in the place of old. */
static void put_in_force(struct in_force *f, struct env *old, struct env *env)
{
	claims_move(f->claims, old, env);
	f->limited += (size_t)(env != NULL && lifetime_is_limited(env));
	f->limited -= (size_t)(old != NULL && lifetime_is_limited(old));
	f->idle += (size_t)(env != NULL && env->idle != NULL);
	f->idle -= (size_t)(old != NULL && old->idle != NULL);
	f->has_new_uses |= uses_count_move(f->uses, old, env);
	if (env != NULL) {
		env->first = epochs_next(f->epochs);
		sorted_put(&f->envs, &env);
	} else if (old != NULL) {
		problem_list_set_of(f->problems, SNAPSHOT_RULES, old->name, NULL);
		(void)sorted_del(&f->envs, &old);
	}
	if (old != NULL)
		epochs_retire(f->epochs, old->first, old, kinds[KIND_ENV].drop);
	f->is_changed = true;
}

static bool extends(const struct env *env)
{
	return env != NULL && env->parent_count != 0;
}

static struct env *plain_of(struct env *env)
{
	return extends(env) ? NULL : env;
}

static void touch_env(void *in_force, const char *env)
{
	overrides_touch(((struct in_force *)in_force)->overrides, env);
}

/*
 * One that extends others is composed, and then put in force, when all have come.  Only its own
 * choice, as composed, is counted by the versions: the versions of overrides have instances.
 */
static void *set_env(struct in_force *f, void *was, void *object)
{
	struct env *old = was, *env = object;
	const struct env *either = env != NULL ? env : old;
	struct env *composed;

	assert(either != NULL);
	composed = family_find(f->family, either->name);
	if (f->texts != NULL)
		last_texts_replace(f->texts, old, env,
				   !extends(old) || (composed != NULL && composed->aside == NULL));
	family_move(f->family, old, env);
	family_walk(f->family, either->name, touch_env, f);
	if (extends(env)) {
		overrides_touch(f->overrides, env->name);
		versions_move_env(f->versions, plain_of(old), NULL);
	} else {
		versions_move_env(f->versions, extends(old) ? composed : old, env);
		put_in_force(f, find_in_force(f, either), env == NULL ? NULL : env_ref(env));
		overrides_touch_env(f->overrides, either->name);
		if (extends(old)) /* what is said of it goes as well */
			overrides_touch(f->overrides, either->name);
		family_keep(f->family, either->name, NULL);
	}
	if (family_watch(f->family, plain_of(old), plain_of(env)))
		overrides_touch(f->overrides, either->name);
	env_unref(old);
	return env;
}

/* What others read of an instance; its value may say more, or the same in another form. */
static bool is_equal(const struct instance *a, const struct instance *b)
{
	return a != NULL && b != NULL && strcmp(a->server, b->server) == 0 &&
	       a->weight == b->weight && a->state == b->state && a->is_held == b->is_held;
}

static void *set_instance(struct in_force *f, void *was, void *object)
{
	struct instance *old = was, *instance = object;
	const struct instance *either = instance != NULL ? instance : old;
	bool was_live;

	assert(either != NULL);
	if (is_equal(old, instance)) {
		instance_unref(instance);
		return old;
	}
	was_live = versions_is_live(f->versions, either->service, either->version);
	overrides_touch_version(f->overrides, either->service, either->version);
	if (old != NULL)
		versions_del_instance(f->versions, old);
	if (instance != NULL)
		versions_add_instance(f->versions, instance);
	if (was_live != versions_is_live(f->versions, either->service, either->version))
		family_walk_version(f->family, either->service, either->version, touch_env, f);
	instance_unref(old);
	return instance;
}

static void *set_service(struct in_force *f, void *was, void *object)
{
	struct service *old = was, *service = object;
	const char *name = service != NULL ? service->name : old->name;

	overrides_touch_service(f->overrides, name);
	family_walk_version(f->family, name, NULL, touch_env, f);
	if (service != NULL)
		versions_set_service(f->versions, service->name, service);
	else
		versions_del_service(f->versions, old->name);
	service_unref(old);
	return service;
}

static void *set_override(struct in_force *f, void *was, void *object)
{
	struct override *old = was, *override = object;

	if (override != NULL)
		versions_add_override(f->versions, override->service, override->version);
	if (old != NULL) {
		overrides_del(f->overrides, old);
		versions_del_override(f->versions, old->service, old->version);
	}
	override_unref(old);
	if (override != NULL)
		overrides_add(f->overrides, override);
	return override;
}

/* What is said of an instance may come before it, and stay behind it. */
static void *set_state(struct in_force *f, void *was, void *object)
{
	struct imposed *old = was, *imposed = object;
	const struct imposed *either = imposed != NULL ? imposed : old;
	bool was_live;

	assert(either != NULL);
	was_live = versions_is_live(f->versions, either->service, either->version);
	overrides_touch_version(f->overrides, either->service, either->version);
	versions_impose(f->versions, either, imposed);
	if (was_live != versions_is_live(f->versions, either->service, either->version))
		family_walk_version(f->family, either->service, either->version, touch_env, f);
	imposed_unref(old);
	return imposed;
}

static void *set_name(struct in_force *f, void *was, void *object)
{
	struct dns_name *old = was, *name = object;

	if (name != NULL) {
		sorted_put(&f->written_names, &name);
	} else {
		problem_list_set_of(f->problems, NAMES_OBJECT, old->name, NULL);
		(void)sorted_del(&f->written_names, &old);
	}
	dns_name_unref(old);
	return name;
}

static void set_in(struct sorted *sorted, void *old, void *object)
{
	if (object != NULL)
		sorted_put(sorted, &object);
	else
		(void)sorted_del(sorted, &old);
}

static void *set_config(struct in_force *f, void *was, void *object)
{
	set_in(&f->written_config, was, object);
	config_unref(was);
	return object;
}

static void *set_lifetime(struct in_force *f, void *was, void *object)
{
	set_in(&f->lifetimes, was, object);
	lifetime_unref(was);
	return object;
}

/* Puts one in the place of another; either may be NULL.  Returns the one that is there. */
typedef void *set_fn(struct in_force *f, void *old, void *object);
static set_fn *const setters[KIND_COUNT] = {
    [KIND_ENV] = set_env,	    [KIND_INSTANCE] = set_instance, [KIND_SERVICE] = set_service,
    [KIND_OVERRIDE] = set_override, [KIND_STATE] = set_state,	    [KIND_NAME] = set_name,
    [KIND_CONFIG] = set_config,	    [KIND_LIFETIME] = set_lifetime,
};

void *in_force_set(struct in_force *f, enum kind_id kind, void *old, void *object)
{
	void *now = setters[kind](f, old, object);

	if (now != old)
		f->is_changed = true;
	return now;
}

void in_force_touch_children(struct in_force *f, const char *env)
{
	family_walk(f->family, env, touch_env, f);
}

struct walk {
	const struct family *family;
	void (*visit)(void *ctx, const char *child);
	void *ctx;
};

static void visit_in_force(void *ctx, const char *name)
{
	const struct walk *walk = ctx;
	const struct env *composed = family_find(walk->family, name);

	if (composed == NULL || composed->aside == NULL)
		walk->visit(walk->ctx, name);
}

void in_force_walk_children(const struct in_force *f, const char *env,
			    void (*visit)(void *ctx, const char *child), void *ctx)
{
	struct walk walk = {f->family, visit, ctx};

	family_walk_children(f->family, env, visit_in_force, &walk);
}

void in_force_keep_texts(struct in_force *f)
{
	f->texts = last_texts_new(f->family);
}

void in_force_set_settings(struct in_force *f, const struct settings *settings)
{
	const char *suffix = settings == NULL ? "" : settings->routing.service_suffix;

	if (versions_set_settings(f->versions, settings) || strcmp(suffix, f->suffix) != 0)
		f->is_changed = true;
	free(f->suffix);
	f->suffix = mem_dup_str(suffix);
}

enum versions_others in_force_find_others(const struct in_force *f, const struct instance *instance)
{
	return versions_find_others(f->versions, instance);
}

/* --- what it comes to ------------------------------------------------------------------------- */

static const struct env *find_written(void *ctx, const char *name, const char **ret_why)
{
	const struct in_force *f = ctx;
	const struct env *used;

	if (strcmp(name, f->tried->name) == 0)
		return f->tried;
	used = f->texts == NULL ? NULL : last_texts_find_used(f->texts, name);
	return used != NULL ? used : f->find(f->ctx, name, ret_why);
}

/* What is the same for everybody stays the same object. */
static bool is_same_choice(const struct env *a, const struct env *b)
{
	if (a->content != b->content || a->said != b->said)
		return false;
	for (size_t i = 0; i < a->service_count; i++)
		if (a->services[i].is_override != b->services[i].is_override)
			return false;
	return true;
}

/* Those that extend it share its entries of maps only then, as its overrides are not theirs. */
static bool is_plain(void *ctx, const char *name)
{
	const struct in_force *f = ctx;

	return !overrides_has_live(f->overrides, f->versions, name);
}

static struct env *try_text(struct in_force *f, struct env *text, struct buf *ret_notes)
{
	f->tried = text;
	return family_compose(f->family, text, find_written, is_plain, f, ret_notes);
}

/* What a text comes to, or, if that is nothing, the one of before: one reference, and what is wrong
 * with it. */
static struct env *compose_text(struct in_force *f, struct env *own, struct buf *ret_notes,
				struct buf *ret_why)
{
	struct env *env = try_text(f, own, ret_notes);
	struct env *kept, *before;

	if (env->aside != NULL)
		buf_add_str(ret_why, env->aside);
	if (f->texts == NULL || !last_texts_has(f->texts, own->name))
		return env;
	if (last_texts_set_tried(f->texts, own->name, env->aside == NULL))
		family_walk(f->family, own->name, touch_env, f);
	kept = last_texts_find_used(f->texts, own->name);
	if (kept == NULL)
		return env;
	buf_clear(ret_notes);
	before = try_text(f, kept, ret_notes);
	if (before->aside != NULL) {
		env_unref(before);
		return env;
	}
	if (ret_why->len == 0)
		buf_add_str(ret_why, "it does not fit what others changed with it");
	buf_add_str(ret_why, SNAPSHOT_STAYS);
	env_unref(env);
	return before;
}

/* What overrides are laid upon: it, or, put in force, what it comes to with those it extends. */
static struct env *compose(struct in_force *f, struct env *own)
{
	buf_auto struct buf notes = BUF_INIT, why = BUF_INIT;
	struct env *old = family_find(f->family, own->name), *env = own;

	if (extends(own)) {
		env = compose_text(f, own, &notes, &why);
		if (env == old) {
			env_unref(env);
		} else {
			if ((old == NULL || old->aside == NULL) != (env->aside == NULL))
				family_walk(f->family, own->name, touch_env, f);
			versions_move_env(f->versions, old, env);
			put_in_force(f, find_in_force(f, own), env_ref(env));
			family_keep(f->family, own->name, env);
		}
	}
	problem_list_set_of(f->problems, "environment", own->name, why.len == 0 ? NULL : why.data);
	problem_list_set_of(f->problems, NOTES_OBJECT, own->name,
			    notes.len == 0 ? NULL : notes.data);
	return env;
}

static void forget_problems(struct in_force *f, const char *name)
{
	problem_list_set_of(f->problems, "environment", name, NULL);
	problem_list_set_of(f->problems, NOTES_OBJECT, name, NULL);
	problem_list_set_of(f->problems, SNAPSHOT_BASELINE, name, NULL);
	problem_list_set_of(f->problems, SNAPSHOT_SHARES, name, NULL);
	problem_list_set_of(f->problems, SNAPSHOT_SPLIT, name, NULL);
	problem_list_set_of(f->problems, OVERRIDES_OBJECT, name, NULL);
}

/* Why visitors cannot go there; NULL: they can. */
static const char *find_absence(struct in_force *f, const char *name)
{
	const struct env *composed = family_find(f->family, name);
	const char *why;

	if (f->find(f->ctx, name, &why) == NULL)
		return "is not there";
	return composed != NULL && composed->aside != NULL ? "is set aside" : NULL;
}

static void say_split(struct in_force *f, const struct env *env)
{
	buf_auto struct buf said = BUF_INIT;

	for (size_t i = 0; env->split != NULL && i < env->split->share_count; i++) {
		const struct choice_share *share = &env->split->shares[i];
		const char *absence = find_absence(f, share->version);

		if (absence != NULL)
			buf_printf(&said, "%s%s %s: the others get its %u percent",
				   said.len == 0 ? "" : "; ", share->version, absence,
				   share->percent);
	}
	problem_list_set_of(f->problems, SNAPSHOT_SPLIT, env->name,
			    said.len == 0 ? NULL : said.data);
}

static void say_missing(struct in_force *f, const struct env *env)
{
	buf_auto struct buf baseline = BUF_INIT, shares = BUF_INIT;

	baseline_describe(env, f->versions, &baseline);
	problem_list_set_of(f->problems, SNAPSHOT_BASELINE, env->name,
			    baseline.len == 0 ? NULL : baseline.data);
	baseline_describe_shares(env, f->versions, &shares);
	problem_list_set_of(f->problems, SNAPSHOT_SHARES, env->name,
			    shares.len == 0 ? NULL : shares.data);
	say_split(f, env);
}

static void resolve_env(struct in_force *f, const char *name)
{
	const char *why;
	struct env *own = f->find(f->ctx, name, &why), *old, *env;
	size_t left_out;
	char message[96];

	if (own == NULL) {
		forget_problems(f, name);
		return;
	}
	own = compose(f, own);
	say_missing(f, own);
	if (own->aside != NULL) {
		problem_list_set_of(f->problems, OVERRIDES_OBJECT, name, NULL);
		return;
	}
	old = find_in_force(f, own);
	env = overrides_resolve(f->overrides, f->versions, own, &left_out);
	(void)snprintf(message, sizeof(message), "%zu left out: it has %d services", left_out,
		       ENV_MAX_SERVICES);
	problem_list_set_of(f->problems, OVERRIDES_OBJECT, name, left_out == 0 ? NULL : message);
	if ((old == own) != (env == own)) /* see is_plain */
		family_walk(f->family, name, touch_env, f);
	if (old == env || (old != own && env != own && is_same_choice(old, env)))
		env_unref(env);
	else
		put_in_force(f, old, env);
}

static void resolve_envs(struct in_force *f)
{
	char *name;

	while ((name = overrides_take_touched(f->overrides)) != NULL) {
		resolve_env(f, name);
		free(name);
	}
	if (f->texts != NULL)
		last_texts_settle(f->texts);
}

static bool is_service(const struct in_force *f, const struct snapshot *snapshot, const char *name)
{
	mem_auto_free char *end = mem_printf(".%s", f->suffix);
	mem_auto_free char *service = NULL;

	if (!str_has_suffix(name, end))
		return false;
	service = mem_dup_bytes(name, strlen(name) - strlen(end));
	return snapshot_has_service(snapshot, service);
}

/* A service has its own name, whatever people set.  The list is another one only if it says
 * something else. */
static void fill_names(struct in_force *f, struct snapshot *snapshot)
{
	struct shared_list *names = shared_list_new(f->written_names.count, kinds[KIND_NAME].drop);

	for (size_t i = 0; i < f->written_names.count; i++) {
		struct dns_name *name = *(struct dns_name **)sorted_at(&f->written_names, i);
		bool is_taken = is_service(f, snapshot, name->name);

		problem_list_set_of(f->problems, NAMES_OBJECT, name->name,
				    is_taken ? "it is a service's own name" : NULL);
		if (!is_taken)
			shared_list_add(names, dns_name_ref(name));
	}
	shared_list_replace(&f->names, names);
	snapshot->names = shared_list_ref(f->names);
}

/* All of a kind as they are; the list is another one only if one of them is. */
static struct shared_list *share(struct shared_list **last, const struct sorted *sorted,
				 enum kind_id kind)
{
	struct shared_list *list = shared_list_new(sorted->count, kinds[kind].drop);

	for (size_t i = 0; i < sorted->count; i++)
		shared_list_add(list, kinds[kind].keep(*(void **)sorted_at(sorted, i)));
	shared_list_replace(last, list);
	return shared_list_ref(*last);
}

/* What has no effect, as there are too many names for HAProxy; all are looked at only then. */
static void say_left_out(struct in_force *f, const struct snapshot *snapshot)
{
	bool is_over = uses_count_is_over(f->uses);
	struct uses uses;

	if (!f->has_new_uses || (!is_over && !f->was_over))
		return;
	uses_find(snapshot, &uses);
	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		buf_auto struct buf text = BUF_INIT;

		uses_describe_left_out(&uses, env, &text);
		problem_list_set_of(f->problems, SNAPSHOT_RULES, env->name,
				    text.len == 0 ? NULL : text.data);
	}
	uses_fini(&uses);
	f->has_new_uses = false;
	f->was_over = is_over;
}

const char *in_force_env_notes(const struct in_force *f, const char *name)
{
	return problem_list_find_of(f->problems, NOTES_OBJECT, name);
}

bool in_force_is_changed(const struct in_force *f)
{
	return f->is_changed;
}

void in_force_fill(struct in_force *f, struct snapshot *snapshot)
{
	resolve_envs(f);
	snapshot->env_count = f->envs.count;
	snapshot->envs = sorted_share(&f->envs);
	versions_fill(f->versions, snapshot);
	claims_fill(f->claims, snapshot);
	if (f->written_names.count > 0 || f->names != NULL)
		fill_names(f, snapshot);
	if (f->written_config.count > 0 || f->config != NULL)
		snapshot->config = share(&f->config, &f->written_config, KIND_CONFIG);
	if (f->lifetimes.count > 0 || f->noted != NULL)
		snapshot->lifetimes = share(&f->noted, &f->lifetimes, KIND_LIFETIME);
	say_left_out(f, snapshot);
	snapshot->limited = f->limited;
	snapshot->idle = f->idle;
	snapshot->epoch = epochs_begin(f->epochs);
	f->is_changed = false;
}
