/* What env_sync keeps: environments, and the settings of services. */
#include "model/env.h"
#include "model/service.h"
#include "store/env_sync.h"

static const char *get_env_name(const void *item)
{
	return ((const struct env *)item)->name;
}

static void format_env(const void *item, const char *owner, const char *source,
		       struct buf *ret_value)
{
	env_format_json(item, owner, source, ret_value);
}

static const char *get_service_name(const void *item)
{
	return ((const struct service *)item)->name;
}

static void format_service(const void *item, const char *owner, const char *source,
			   struct buf *ret_value)
{
	service_format_json(item, owner, source, ret_value);
}

const struct env_sync_kind env_sync_envs = {
    .dir = "environments/",
    .noun = "environment",
    .put = "environment put",
    .taken_over = "environment taken over",
    .taken = "environment taken from its owner",
    .deleted = "environment deleted",
    .has_history = true,
    .name = get_env_name,
    .format = format_env,
};

const struct env_sync_kind env_sync_services = {
    .dir = "services/",
    .noun = "service",
    .put = "service put",
    .taken_over = "service taken over",
    .taken = "service taken from its owner",
    .deleted = "service deleted",
    .name = get_service_name,
    .format = format_service,
};
