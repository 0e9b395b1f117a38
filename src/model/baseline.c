/* Fallbacks against the instances that are there.  Knows nothing of health checks. */
#include "model/baseline.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/versions.h"
#include "model/when.h"

static bool is_live(const struct versions *versions, const struct env_fallback *f,
		    const char *version)
{
	return versions_is_live(versions, f->service, version);
}

static bool has_live(const struct versions *versions, const struct env_service *service)
{
	const char *version;

	for (size_t i = 0; (version = env_service_version(service, i)) != NULL; i++)
		if (versions_is_live(versions, service->name, version))
			return true;
	return false;
}

/* Of the count fallbacks of one service. */
static void describe(const struct env *env, const struct env_fallback *f, size_t count,
		     const struct versions *versions, struct buf *text)
{
	const struct env_service *service = env_find_service(env, f->service);
	buf_auto struct buf choice = BUF_INIT;
	size_t i = 0;

	if (has_live(versions, service))
		return;
	while (i < count && !is_live(versions, f, f[i].next))
		i++;
	if (i == count)
		return;
	env_service_add_choice(service, &choice);
	buf_printf(text, "%sservice %s has no live instance of version %s: %s of %s answers",
		   text->len == 0 ? "" : "; ", f->service, choice.data, f[i].next,
		   env->lineage[f[i].from]);
}

void baseline_describe(const struct env *env, const struct versions *versions, struct buf *ret_text)
{
	for (size_t i = 0, end; i < env->fallback_count; i = end) {
		const struct env_fallback *first = &env->fallbacks[i];

		end = i + 1;
		while (end < env->fallback_count &&
		       strcmp(first->service, env->fallbacks[end].service) == 0)
			end++;
		describe(env, first, end - i, versions, ret_text);
	}
}

/* Who of a choice gives its share to the others, which are not all without an instance. */
static void describe_shares(const struct env_service *service, const struct versions *versions,
			    struct buf *text)
{
	const struct choice *choice = service->choice;

	for (size_t i = 0; i < choice->share_count && has_live(versions, service); i++)
		if (choice->shares[i].percent != 0 &&
		    !versions_is_live(versions, service->name, choice->shares[i].version))
			buf_printf(text,
				   "%sservice %s has no live instance of version %s: the others "
				   "get its %u percent",
				   text->len == 0 ? "" : "; ", service->name,
				   choice->shares[i].version, choice->shares[i].percent);
}

/* Of conditions those that are passed over, while others of the service are not. */
static void describe_conditions(const struct env_service *service, const struct versions *versions,
				struct buf *text)
{
	const struct when *when = service->choice->when;

	for (size_t i = 0; when != NULL && i < when->count && has_live(versions, service); i++) {
		const struct when_condition *condition = &when->conditions[i];

		if (versions_is_live(versions, service->name, condition->version))
			continue;
		buf_printf(text, "%sservice %s has no live instance of version %s: the condition ",
			   text->len == 0 ? "" : "; ", service->name, condition->version);
		when_add_word(condition, text);
		buf_add_str(text, " is passed over");
	}
}

void baseline_describe_shares(const struct env *env, const struct versions *versions,
			      struct buf *ret_text)
{
	for (size_t i = 0; i < env->service_count; i++)
		if (env->services[i].choice != NULL) {
			describe_shares(&env->services[i], versions, ret_text);
			describe_conditions(&env->services[i], versions, ret_text);
		}
}
