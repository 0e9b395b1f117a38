/*
 * Rules of the door as map entries: those of each environment under its own generation, also where
 * its base has the same.
 */
#include "render/routing_door.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/door.h"
#include "model/env.h"
#include "render/routing.h"

static_assert(DOOR_VALUE_MAX <= ROUTING_MAX_VALUE, "values of a door");

size_t routing_door_count(const struct env *env)
{
	size_t count = 0;

	for (int kind = 0; kind < DOOR_KINDS; kind++)
		count += env->doors[kind] == NULL ? 0 : env->doors[kind]->count;
	return count;
}

static const struct door_entry *entry_at(const struct env *env, size_t i)
{
	int kind = 0;

	for (; env->doors[kind] == NULL || i >= env->doors[kind]->count; kind++)
		i -= env->doors[kind] == NULL ? 0 : env->doors[kind]->count;
	return &env->doors[kind]->entries[i];
}

void routing_door_get(const char *generation, const struct env *env, size_t i,
		      struct routing_entry *e)
{
	const struct door_entry *entry = entry_at(env, i);
	int key_len = snprintf(e->key, sizeof(e->key), "%s/%s", generation, entry->key);
	int value_len = snprintf(e->value, sizeof(e->value), "%s", entry->value);

	assert(key_len > 0 && (size_t)key_len < sizeof(e->key) && value_len > 0);
	e->key_len = (size_t)key_len;
	e->value_len = (size_t)value_len;
}

size_t routing_door_find(const char *generation, const struct env *env, const char *key)
{
	size_t count = routing_door_count(env), len = strlen(generation);

	if (strncmp(key, generation, len) != 0 || key[len] != '/')
		return SIZE_MAX;
	for (size_t i = 0; i < count; i++)
		if (strcmp(entry_at(env, i)->key, key + len + 1) == 0)
			return i;
	return SIZE_MAX;
}
