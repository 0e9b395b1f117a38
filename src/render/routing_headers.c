/* Changes of headers as map entries.  There are few, so that nothing here need be fast. */
#include "render/routing_headers.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/env.h"
#include "model/headers.h"
#include "render/routing.h"

/* Those of its base are found there. */
static size_t count_of(const struct env *env, const struct headers *headers)
{
	if (headers == NULL || headers->count == 0 || env->base != NULL || env->aside != NULL)
		return 0;
	return 1 + headers->count;
}

size_t routing_headers_count(const struct env *env)
{
	size_t count = count_of(env, env->headers);

	for (size_t i = 0; i < env->service_count; i++)
		count += count_of(env, env->services[i].headers);
	return count;
}

/* As url_dec reads it, in one word. */
static void add_value(struct buf *b, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._~:/-";

	for (const char *p = value; *p != '\0'; p++)
		if (strchr(plain, *p) != NULL)
			buf_add_char(b, *p);
		else
			buf_printf(b, "%%%02X", (unsigned char)*p);
}

static void get(const char *generation, const char *service, const struct headers *headers,
		size_t i, struct routing_entry *e)
{
	buf_auto struct buf owner = BUF_INIT, key = BUF_INIT, value = BUF_INIT;

	buf_printf(&owner, "%s/%s%s", generation, service == NULL ? "" : service,
		   service == NULL ? "" : ":");
	if (i == 0) {
		buf_printf(&key, "%s.headers", buf_str(&owner));
		buf_add_str(&value, buf_str(&owner));
	} else {
		const struct headers_change *change = &headers->changes[i - 1];

		buf_printf(&key, "%s.%s.%s.", buf_str(&owner), headers_kind_words[change->kind],
			   change->name);
		add_value(&value, change->value == NULL ? "1" : change->value);
	}
	assert(key.len < sizeof(e->key) && value.len < sizeof(e->value));
	(void)snprintf(e->key, sizeof(e->key), "%s", buf_str(&key));
	(void)snprintf(e->value, sizeof(e->value), "%s", buf_str(&value));
	e->key_len = key.len;
	e->value_len = value.len;
}

void routing_headers_get(const char *generation, const struct env *env, size_t i,
			 struct routing_entry *e)
{
	size_t count = count_of(env, env->headers), at = 0;

	if (i < count) {
		get(generation, NULL, env->headers, i, e);
		return;
	}
	for (i -= count; i >= count_of(env, env->services[at].headers); at++)
		i -= count_of(env, env->services[at].headers);
	get(generation, env->services[at].name, env->services[at].headers, i, e);
}

size_t routing_headers_find(const char *generation, const struct env *env, const char *key)
{
	size_t count = routing_headers_count(env);
	struct routing_entry entry;

	for (size_t i = 0; i < count; i++) {
		routing_headers_get(generation, env, i, &entry);
		if (strcmp(entry.key, key) == 0)
			return i;
	}
	return SIZE_MAX;
}
