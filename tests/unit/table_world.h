/* What the tests of the table share: how keys come into it, and what a snapshot says of them. */
#ifndef MF_TESTS_TABLE_WORLD_H
#define MF_TESTS_TABLE_WORLD_H

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "model/snapshot.h"
#include "model/table.h"

static inline void put_at(struct table *table, const char *key, const char *value, int64_t created)
{
	table_put(table, key, value, strlen(value), created);
}

/* An environment of one service, by default with default names. */
static inline void put_env(struct table *table, const char *name, const char *more, int64_t created)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	mem_auto_free char *value =
	    mem_printf("{\"name\":\"%s\",%s\"services\":[\"a\"]}", name, more);

	put_at(table, key, value, created);
}

static inline const char *problem_of(const struct snapshot *s, const char *object)
{
	for (size_t i = 0; i < s->problem_count; i++)
		if (strcmp(s->problems[i].object, object) == 0)
			return s->problems[i].reason;
	return NULL;
}

#endif
