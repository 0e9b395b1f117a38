/* The pool of services' names and routes, by what they say.  Knows nothing of environments. */
#include "model/interned.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"

struct interned {
	size_t refs;
	const char **routes; /* behind the name, and behind them their texts */
	uint8_t route_count;
	char name[];
};

static struct strmap *pool; /* NULL: there is nothing in it */

/* Neither a name nor a route has a space. */
static void add_key(struct buf *key, const struct env_service *service)
{
	buf_add_str(key, service->name);
	for (size_t i = 0; i < service->route_count; i++) {
		buf_add_char(key, ' ');
		buf_add_str(key, service->routes[i]);
	}
}

static struct interned *make(const struct env_service *service)
{
	const size_t align = sizeof(char *), count = service->route_count;
	size_t name_len = strlen(service->name) + 1;
	size_t at = offsetof(struct interned, name) + name_len, texts = 0;
	struct interned *interned;
	char *text;

	at = (at + align - 1) / align * align;
	for (size_t i = 0; i < count; i++)
		texts += strlen(service->routes[i]) + 1;
	interned = mem_alloc(at + count * align + texts);
	memcpy(interned->name, service->name, name_len);
	interned->route_count = service->route_count;
	interned->routes = (const char **)(void *)((char *)interned + at);
	text = (char *)(interned->routes + count);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(service->routes[i]) + 1;

		interned->routes[i] = memcpy(text, service->routes[i], len);
		text += len;
	}
	return interned;
}

static struct interned *interned_of(const struct env_service *service)
{
	return (struct interned *)(void *)((char *)(uintptr_t)service->name -
					   offsetof(struct interned, name));
}

/* Copied from another environment's as it was. */
static bool is_taken(const struct env_service *service)
{
	return service->is_interned && interned_of(service)->routes == service->routes &&
	       interned_of(service)->route_count == service->route_count;
}

void interned_take(struct env_service *service)
{
	buf_auto struct buf key = BUF_INIT;
	struct interned *interned;

	if (is_taken(service)) {
		interned_of(service)->refs++;
		return;
	}
	add_key(&key, service);
	if (pool == NULL)
		pool = strmap_new(free);
	interned = strmap_find(pool, buf_str(&key));
	if (interned == NULL) {
		interned = make(service);
		strmap_set(pool, buf_str(&key), interned);
	}
	interned->refs++;
	service->is_interned = true;
	service->name = interned->name;
	service->routes = interned->routes;
}

void interned_drop(const struct env_service *service)
{
	struct interned *interned = interned_of(service);
	buf_auto struct buf key = BUF_INIT;

	if (--interned->refs != 0)
		return;
	add_key(&key, service);
	(void)strmap_del(pool, buf_str(&key));
	if (strmap_count(pool) != 0)
		return;
	strmap_free(pool);
	pool = NULL;
}
