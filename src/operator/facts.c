/* Questions to a reading.  Shows nothing. */
#include "operator/facts.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/choice.h"
#include "operator/doc.h"
#include "operator/named.h"
#include "operator/reading.h"

bool facts_is_live(const struct instance *instance)
{
	return instance_takes_requests(instance);
}

size_t facts_count_live(const struct backend *backend)
{
	return backend == NULL ? 0 : backend->live_count;
}

static bool has_live(const struct backend *backend)
{
	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++)
		if (facts_is_live(backend->instances[i]))
			return true;
	return false;
}

size_t facts_count_live_of(const struct snapshot *snapshot, const struct env_service *service)
{
	const char *version;
	size_t live = 0;

	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++)
		live += facts_count_live(snapshot_find_backend(snapshot, service->name, version));
	return live;
}

void facts_add_instance(struct node *list, const struct instance *instance)
{
	struct node *row = doc_add_map(list, NULL);

	doc_add_text(row, "service", instance->service);
	doc_add_text(row, "version", instance->version);
	doc_add_text(row, "instance", instance_name(instance));
	doc_add_text(row, "address", instance->server);
	doc_add_text(row, "state", instance_state_word(instance->state));
	if (instance->imposed != INSTANCE_UP)
		doc_add_text(row, "operator_state", instance_state_word(instance->imposed));
	doc_add_int(row, "weight", instance->weight);
	doc_add_bool(row, "is_fixed", strcmp(instance->id, INSTANCE_FIXED) == 0);
}

bool facts_has_text(const struct node *list, const char *key)
{
	for (size_t i = 0; i < node_count(list, NODE_LIST); i++)
		if (node_text_at(&list->children[i], key, "")[0] != '\0')
			return true;
	return false;
}

/* Of the versions that a service may be sent to, the first that has one; NULL: none has. */
static const struct backend *find_live(const struct reading *reading,
				       const struct env_service *service)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++) {
		const struct backend *backend =
		    snapshot_find_backend(reading->snapshot, service->name, version);

		if (has_live(backend))
			return backend;
	}
	return NULL;
}

const struct backend *facts_find_answer(const struct reading *reading, const struct env *env,
					const struct env_service *service, const char **ret_whose)
{
	const struct backend *backend = find_live(reading, service);

	*ret_whose = env->name;
	for (size_t i = 0; i < env->fallback_count && !has_live(backend); i++) {
		const struct env_fallback *f = &env->fallbacks[i]; /* in the order of trying */

		if (strcmp(f->service, service->name) != 0)
			continue;
		backend = snapshot_find_backend(reading->snapshot, f->service, f->next);
		if (f->from < env->lineage_count)
			*ret_whose = env->lineage[f->from];
	}
	return has_live(backend) ? backend : NULL;
}

char *facts_choice(const struct env_service *service)
{
	struct buf word = BUF_INIT;

	env_service_add_choice(service, &word);
	return buf_take(&word);
}

const char *facts_find_origin(const struct env *env, const struct env_service *service)
{
	if (service->is_override)
		return "override";
	return service->version_from == 0 ? "own" : env->lineage[service->version_from];
}

/* --- states ----------------------------------------------------------------------------------- */

static unsigned percent_of(const struct env_service *service, const char *version)
{
	const struct choice *choice = service->choice;

	for (size_t i = 0; choice != NULL && i < choice->share_count; i++)
		if (strcmp(choice->shares[i].version, version) == 0)
			return choice->shares[i].percent;
	return CHOICE_NUMBERS;
}

bool facts_is_lacking(const struct reading *reading, const struct env_service *service,
		      const char *version)
{
	return percent_of(service, version) > 0 &&
	       !has_live(snapshot_find_backend(reading->snapshot, service->name, version));
}

bool facts_is_in_force(const struct reading *reading, const char *name)
{
	const struct env *env = snapshot_find_env(reading->snapshot, name);

	return env != NULL && env->aside == NULL;
}

bool facts_is_split_lost(const struct reading *reading, const struct env *env)
{
	const struct choice *split = env->split;

	for (size_t i = 0; split != NULL && i < split->share_count; i++)
		if (facts_is_in_force(reading, split->shares[i].version))
			return false;
	return split != NULL;
}

static bool is_split_whole(const struct reading *reading, const struct env *env)
{
	const struct choice *split = env->split;

	for (size_t i = 0; split != NULL && i < split->share_count; i++)
		if (split->shares[i].percent > 0 &&
		    !facts_is_in_force(reading, split->shares[i].version))
			return false;
	return true;
}

enum facts_state facts_state_of(const struct reading *reading, const struct env *env,
				const struct env_service *service)
{
	const char *whose, *version;

	if (service->choice == NULL && find_live(reading, service) != NULL)
		return FACTS_READY; /* there is nothing else to ask */
	if (facts_find_answer(reading, env, service, &whose) == NULL)
		return FACTS_MISSING;
	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++)
		if (facts_is_lacking(reading, service, version))
			return FACTS_INCOMPLETE;
	return FACTS_READY;
}

enum facts_state facts_state_beside(const struct reading *reading, const struct env *env,
				    enum facts_state services)
{
	if (env->aside != NULL)
		return FACTS_ASIDE;
	if (facts_is_split_lost(reading, env))
		return FACTS_MISSING;
	return services == FACTS_READY && !is_split_whole(reading, env) ? FACTS_INCOMPLETE
									: services;
}

enum facts_state facts_state(const struct reading *reading, const struct env *env)
{
	enum facts_state worst = FACTS_READY;

	for (size_t i = 0; i < env->service_count; i++) {
		enum facts_state state = facts_state_of(reading, env, &env->services[i]);

		if (state > worst)
			worst = state;
	}
	return facts_state_beside(reading, env, worst);
}

const char *facts_state_word(enum facts_state state)
{
	static const char *const words[] = {
	    [FACTS_READY] = "ready",
	    [FACTS_INCOMPLETE] = "incomplete",
	    [FACTS_MISSING] = "missing",
	    [FACTS_ASIDE] = "set aside",
	};

	return words[state];
}

bool facts_is_unreadable(const struct reading *reading, const struct problem *problem,
			 const char **ret_name)
{
	static const char word[] = "environment ";

	*ret_name = problem->object + strlen(word);
	return str_has_prefix(problem->object, word) &&
	       snapshot_find_env(reading->snapshot, *ret_name) == NULL;
}

size_t facts_count_unreadable(const struct reading *reading)
{
	const char *name;
	size_t count = 0;

	for (size_t i = 0; i < reading->snapshot->problem_count; i++)
		count += facts_is_unreadable(reading, &reading->snapshot->problems[i], &name);
	return count;
}

/* Of an environment that cannot be used at all; NULL: nothing is wrong. */
static const char *find_problem(const struct snapshot *snapshot, const char *name)
{
	mem_auto_free char *object = mem_printf("environment %s", name);

	for (size_t i = 0; i < snapshot->problem_count; i++)
		if (strcmp(snapshot->problems[i].object, object) == 0)
			return snapshot->problems[i].reason;
	return NULL;
}

int facts_find_env(const struct reading *reading, const char *name, const struct env **ret_env,
		   struct mf_err *err)
{
	const struct snapshot *snapshot = reading->snapshot;
	const struct env *env = snapshot_find_env(snapshot, name);
	mem_auto_free const char **names = NULL;
	const char *reason;

	if (env != NULL) {
		*ret_env = env;
		return 0;
	}
	reason = find_problem(snapshot, name);
	if (reason != NULL)
		return mf_err_set(err, MF_EDATA, "environment %s: set aside: %s", name, reason);
	names = mem_alloc((snapshot->env_count + 1) * sizeof(*names));
	for (size_t i = 0; i < snapshot->env_count; i++)
		names[i] = snapshot->envs[i]->name;
	return named_refuse("environment", name, names, snapshot->env_count, err);
}
