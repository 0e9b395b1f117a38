/*
 * Environments as objects: made of a draft, packed into one block but for the choices that
 * others share, looked up, written.
 * Knows nothing of how a draft was read.
 */
#include "model/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/choices.h"
#include "model/env_draft.h"

/* Where the next pointer array and the next string of a block go. */
struct packer {
	const char **pointers;
	char *strings;
};

static size_t size_of_str(const char *s)
{
	return strlen(s) + 1;
}

static char *pack_str(struct packer *p, const char *s)
{
	size_t size = size_of_str(s);
	char *packed = p->strings;

	memcpy(packed, s, size);
	p->strings += size;
	return packed;
}

static const char **pack_list(struct packer *p, const char *const *list, size_t count)
{
	const char **packed = p->pointers;

	p->pointers += count;
	for (size_t i = 0; i < count; i++)
		packed[i] = pack_str(p, list[i]);
	return packed;
}

static void measure(const struct env *env, size_t *ret_pointers, size_t *ret_bytes)
{
	size_t pointers = env->host_count;
	size_t bytes = size_of_str(env->name) + size_of_str(env->prefix) +
		       size_of_str(env->header) + size_of_str(env->owner) +
		       size_of_str(env->source);

	for (size_t i = 0; i < env->host_count; i++)
		bytes += size_of_str(env->hosts[i]);
	*ret_pointers = pointers;
	*ret_bytes = bytes;
}

/* Strings go in with their NUL and lists with their length: no two models read alike. */
static uint64_t add_str(uint64_t hash, const char *s)
{
	return str_hash(hash, s, size_of_str(s));
}

static uint64_t digest_of(const struct env *env)
{
	uint64_t hash = add_str(STR_HASH_INIT, env->header);

	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *s = &env->services[i];
		size_t count = s->route_count;

		hash = add_str(add_str(hash, s->name), s->version);
		hash = str_hash(hash, &count, sizeof(count));
		for (size_t j = 0; j < s->route_count; j++)
			hash = add_str(hash, s->routes[j]);
	}
	return hash;
}

struct env *env_pack(const struct env *draft)
{
	size_t pointers, bytes;
	struct packer p;
	struct env *env;

	measure(draft, &pointers, &bytes);
	env = mem_alloc(sizeof(*env) + draft->service_count * sizeof(*env->services) +
			pointers * sizeof(char *) + bytes);
	*env = *draft;
	env->refs = 1;
	env->services = (struct env_service *)(env + 1);
	p.pointers = (const char **)(env->services + draft->service_count);
	p.strings = (char *)(p.pointers + pointers);
	env->name = pack_str(&p, draft->name);
	env->prefix = pack_str(&p, draft->prefix);
	env->header = pack_str(&p, draft->header);
	env->owner = pack_str(&p, draft->owner);
	env->source = pack_str(&p, draft->source);
	env->hosts = pack_list(&p, draft->hosts, draft->host_count);
	for (size_t i = 0; i < draft->service_count; i++)
		choices_take(&draft->services[i], &env->services[i]);
	env->digest = digest_of(env);
	return env;
}

struct env *env_ref(struct env *env)
{
	env->refs++;
	return env;
}

void env_unref(struct env *env)
{
	if (env == NULL || --env->refs != 0)
		return;
	for (size_t i = 0; i < env->service_count; i++)
		choices_give_back(&env->services[i]);
	free(env);
}

static int compare_name(const void *key, const void *service)
{
	return strcmp(key, ((const struct env_service *)service)->name);
}

const struct env_service *env_find_service(const struct env *env, const char *name)
{
	return bsearch(name, env->services, env->service_count, sizeof(*env->services),
		       compare_name);
}

static void add_member(struct buf *b, const char *key, const char *value)
{
	char first = b->data[b->len - 1];

	buf_printf(b, "%s\"%s\":", first == '{' ? "" : ",", key);
	str_add_json_string(b, value, strlen(value));
}

static void add_list(struct buf *b, const char *key, const char *const *list, size_t count)
{
	buf_printf(b, ",\"%s\":[", key);
	for (size_t i = 0; i < count; i++) {
		if (i != 0)
			buf_add_char(b, ',');
		str_add_json_string(b, list[i], strlen(list[i]));
	}
	buf_add_char(b, ']');
}

void env_format_json(const struct env *env, const char *owner, const char *source,
		     struct buf *ret_json)
{
	buf_add_char(ret_json, '{');
	add_member(ret_json, "name", env->name);
	add_member(ret_json, "prefix", env->prefix);
	add_member(ret_json, "header", env->header);
	add_list(ret_json, "hosts", env->hosts, env->host_count);
	buf_add_str(ret_json, ",\"services\":[");
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *s = &env->services[i];

		buf_add_str(ret_json, i == 0 ? "{" : ",{");
		add_member(ret_json, "name", s->name);
		add_member(ret_json, "version", s->version);
		add_list(ret_json, "route", s->routes, s->route_count);
		buf_add_char(ret_json, '}');
	}
	buf_add_char(ret_json, ']');
	if (owner != NULL && owner[0] != '\0') {
		buf_add_str(ret_json, ",\"origin\":{");
		add_member(ret_json, "owner", owner);
		add_member(ret_json, "source", source == NULL ? "" : source);
		buf_add_char(ret_json, '}');
	}
	buf_add_char(ret_json, '}');
}
