/* Look-ups in a snapshot's maps, and by `get map`.  Knows nothing of what they are for. */
#include "operator/maps.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "operator/runtime.h"

struct maps {
	struct routing *routing; /* NULL: those of the running HAProxy */
	struct call *call;
	struct mf_err err;
};

struct maps *maps_new(const struct snapshot *snapshot)
{
	struct maps *maps = MEM_NEW(maps);

	maps->routing = routing_new(snapshot);
	return maps;
}

struct maps *maps_new_live(struct call *call)
{
	struct maps *maps = MEM_NEW(maps);

	maps->call = call;
	return maps;
}

void maps_free(struct maps *maps)
{
	if (maps == NULL)
		return;
	routing_free(maps->routing);
	free(maps);
}

int maps_error(const struct maps *maps, struct mf_err *err)
{
	if (maps->err.code != 0 && err != NULL)
		*err = maps->err;
	return maps->err.code;
}

/* --- the running HAProxy ---------------------------------------------------------------------- */

/* What stands between the two in the reply; false: it does not, or does not fit. */
static bool take_part(const char *reply, const char *before, const char *behind, char *ret,
		      size_t size, size_t *ret_len)
{
	const char *at = strstr(reply, before), *end;

	if (at == NULL)
		return false;
	at += strlen(before);
	end = strstr(at, behind);
	if (end == NULL || (size_t)(end - at) >= size)
		return false;
	*ret_len = (size_t)(end - at);
	memcpy(ret, at, *ret_len);
	ret[*ret_len] = '\0';
	return true;
}

/* A line for each way in which the map is looked up, of which one may find what another does not:
 * `type=beg, case=sensitive, found=yes, idx=tree, key="...", value="...", type="str"`. */
static bool read_reply(struct maps *maps, const char *path, const char *reply,
		       struct routing_entry *ret)
{
	struct routing_entry entry;
	bool is_found = strstr(reply, "found=yes") != NULL;

	if (!is_found && strstr(reply, "found=no") != NULL)
		return false;
	if (!is_found ||
	    !take_part(reply, "key=\"", "\", value=\"", entry.key, sizeof(entry.key),
		       &entry.key_len) ||
	    !take_part(reply, "\", value=\"", "\", type=\"", entry.value, sizeof(entry.value),
		       &entry.value_len)) {
		(void)mf_err_set(&maps->err, MF_EDATA,
				 "HAProxy answers \"%.*s\" for %s: it does not run what kvwatch "
				 "writes",
				 (int)strcspn(reply, "\n"), reply, path);
		return false;
	}
	*ret = entry;
	return true;
}

static bool ask(struct maps *maps, enum routing_map map, const char *key, struct routing_entry *ret)
{
	mem_auto_free char *path = mem_printf("maps/%s.map", routing_map_name(map));
	const char *const words[] = {"get", "map", path, key, NULL};
	mem_auto_free char *reply = NULL;

	if (maps->err.code != 0 || runtime_ask(maps->call, words, &reply, &maps->err) != 0)
		return false;
	return read_reply(maps, path, reply, ret);
}

/* --- either ----------------------------------------------------------------------------------- */

bool maps_find(struct maps *maps, enum routing_map map, const char *key,
	       struct routing_entry *ret_entry)
{
	size_t i;

	if (maps->routing == NULL)
		return ask(maps, map, key, ret_entry);
	i = routing_find(maps->routing, map, key);
	if (i != SIZE_MAX)
		routing_get(maps->routing, map, i, ret_entry);
	return i != SIZE_MAX;
}

bool maps_find_longest(struct maps *maps, enum routing_map map, const char *text,
		       struct routing_entry *ret_entry)
{
	struct routing_entry entry;
	size_t longest = 0;

	if (maps->routing == NULL)
		return ask(maps, map, text, ret_entry);
	for (size_t i = 0; i < routing_count(maps->routing, map); i++) {
		routing_get(maps->routing, map, i, &entry);
		if (entry.key_len <= longest || strncmp(text, entry.key, entry.key_len) != 0)
			continue;
		longest = entry.key_len;
		*ret_entry = entry;
	}
	return longest > 0;
}
