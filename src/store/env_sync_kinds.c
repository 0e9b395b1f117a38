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

#define WORDS(noun_)                                                                               \
	.noun = noun_, .put = noun_ " put", .taken_over = noun_ " taken over",                     \
	.taken = noun_ " taken from its owner", .deleted = noun_ " deleted"

const struct env_sync_kind env_sync_envs = {.dir = "environments/",
					    WORDS("environment"),
					    .has_history = true,
					    .name = get_env_name,
					    .format = format_env};
const struct env_sync_kind env_sync_services = {
    .dir = "services/", WORDS("service"), .name = get_service_name, .format = format_service};
