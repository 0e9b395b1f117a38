/* Which names lead where.  Knows nothing of dnsmasq's files. */
#include "render/output_names.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "model/env.h"
#include "model/places.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/view.h"

struct name_by_env {
	const char *address, *service, *environment;
};

struct name_by_env *output_names_new(const struct snapshot *snapshot,
				     const struct settings *settings, const struct places *places,
				     size_t *ret_count)
{
	struct name_by_env *list = NULL;
	size_t count = 0, cap = 0;

	for (size_t i = 0; i < snapshot->env_count; i++) {
		const struct env *env = snapshot->envs[i];
		const char *place = places_find(places, env);

		for (size_t j = 0; j < env->service_count; j++) {
			const char *service = env->services[j].name;
			bool has_place = place != NULL && places_port(places, service) != 0;

			if (!has_place && !settings->dnsmasq.environments)
				continue;
			MEM_GROW(list, count, cap);
			list[count++] = (struct name_by_env){
			    has_place ? place : settings->dnsmasq.address, service, env->name};
		}
	}
	*ret_count = count;
	return list;
}

static const struct view_field name_fields[] = {
    VIEW_STR("address", struct name_by_env, address),
    VIEW_STR("service", struct name_by_env, service),
    VIEW_STR("environment", struct name_by_env, environment),
};
VIEW_CLASS(name, name_fields)
VIEW_ARRAY(name, struct name_by_env)

void output_names_set_list(struct view *ret_view, const struct name_by_env *list, size_t count)
{
	view_set_list(ret_view, &name_list, list, count);
}
