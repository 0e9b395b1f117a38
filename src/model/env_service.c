/* What is chosen of one service. */
#include <string.h>

#include "base/buf.h"
#include "model/choice.h"
#include "model/env.h"

const char *env_service_version(const struct env_service *service, size_t i)
{
	const char *version;

	if (i == 0)
		return service->version;
	if (service->choice == NULL || i >= service->choice->share_count)
		return NULL;
	/* The main one is first already: what stands there comes in its place. */
	version = service->choice->shares[i].version;
	return strcmp(version, service->version) == 0 ? service->choice->shares[0].version
						      : version;
}

bool env_service_has_version(const struct env_service *service, const char *version)
{
	const char *own;

	for (size_t i = 0; (own = env_service_version(service, i)) != NULL; i++)
		if (strcmp(own, version) == 0)
			return true;
	return false;
}

bool env_service_is_same_choice(const struct env_service *a, const struct env_service *b)
{
	return strcmp(a->version, b->version) == 0 && choice_is_same(a->choice, b->choice);
}

void env_service_add_choice(const struct env_service *service, struct buf *ret_word)
{
	if (service->choice == NULL)
		buf_add_str(ret_word, service->version);
	else
		choice_add_word(service->choice, ret_word);
}
