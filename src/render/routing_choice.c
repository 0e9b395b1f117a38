/* A choice as map entries.  Few services have one, so that nothing here need be fast. */
#include "render/routing_choice.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/choice.h"
#include "model/env.h"
#include "render/routing.h"

size_t routing_choice_count(const struct env_service *service)
{
	const struct choice *choice = service->choice;

	return choice == NULL ? 0 : choice->range_count + 1 + (choice->sticky != CHOICE_RANDOM);
}

static void set_range(const char *service, const struct choice *choice,
		      const struct choice_range *range, char *key, struct routing_entry *e)
{
	const struct choice_share *gone =
	    range->gone == CHOICE_NOT_GONE ? NULL : &choice->shares[range->gone];

	e->value_len = (size_t)snprintf(e->value, sizeof(e->value), "%s:%s", service,
					choice->shares[range->version].version);
	(void)snprintf(key, ROUTING_MAX_KEY / 2, "%s%s%s%s%s", gone == NULL ? "" : service,
		       gone == NULL ? "" : ":", gone == NULL ? "" : gone->version,
		       gone == NULL ? "" : "/", range->digits);
}

void routing_choice_get(const char *generation, const struct env_service *service, size_t i,
			struct routing_entry *e)
{
	const struct choice *choice = service->choice;
	buf_auto struct buf word = BUF_INIT;
	char key[ROUTING_MAX_KEY / 2] = ".word";

	if (i < choice->range_count) {
		set_range(service->name, choice, &choice->ranges[i], key, e);
	} else if (i > choice->range_count) {
		(void)snprintf(key, sizeof(key), ".sticky");
		e->value_len =
		    (size_t)snprintf(e->value, sizeof(e->value), "%s", choice_sticky_word(choice));
	} else {
		choice_add_word(choice, &word);
		(void)snprintf(e->value, sizeof(e->value), "%s:%s", service->name, word.data);
		e->value_len = strlen(e->value);
	}
	e->key_len =
	    (size_t)snprintf(e->key, sizeof(e->key), "%s/%s:%s", generation, service->name, key);
	assert(e->key_len < sizeof(e->key) && e->value_len < sizeof(e->value));
}

size_t routing_choice_find(const char *generation, const struct env_service *service,
			   const char *key)
{
	struct routing_entry entry;

	for (size_t i = 0; i < routing_choice_count(service); i++) {
		routing_choice_get(generation, service, i, &entry);
		if (strcmp(entry.key, key) == 0)
			return i;
	}
	return SIZE_MAX;
}
