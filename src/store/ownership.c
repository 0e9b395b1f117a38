/* A key, and what its owners may do. */
#include "store/ownership.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/node.h"

void owned_key_fini(struct owned_key *key)
{
	free(key->source);
	free(key->refused);
	owned_key_free_stored(&key->stored);
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = mem_dup_str(value);
}

void owned_key_refuse(struct owned_key *key, const char *reason)
{
	set_text(&key->refused, reason);
}

bool owned_key_desire(struct owned_key *key, const char *value, size_t len, const char *source)
{
	set_text(&key->source, source);
	key->was_desired = true;
	if (!keyset_set(&key->key, value, len))
		return false;
	set_text(&key->refused, NULL);
	if (len > NODE_MAX_BYTES)
		key->refused = mem_printf("longer than %zu bytes as JSON", NODE_MAX_BYTES);
	return true;
}

/* An environment that is not valid still has its owner; a text that is no JSON has none. */
struct env_sync_stored owned_key_set_stored(struct owned_key *key, const char *value, size_t len,
					    int64_t revision)
{
	struct env_sync_stored before = key->stored;
	char *owner, *source;

	env_find_origin(value == NULL ? "" : value, len, &owner, &source);
	key->stored = (struct env_sync_stored){value == NULL ? NULL : mem_dup_bytes(value, len),
					       len, revision, owner, source};
	return before;
}

void owned_key_free_stored(const struct env_sync_stored *stored)
{
	free((char *)(uintptr_t)stored->value);
	free((char *)(uintptr_t)stored->owner);
	free((char *)(uintptr_t)stored->source);
}

bool owned_key_is_equal(const struct owned_key *key)
{
	return key->stored.value != NULL && key->stored.len == key->key.len &&
	       memcmp(key->stored.value, key->key.value, key->key.len) == 0;
}

struct etcd_if owned_key_condition(const struct owned_key *key)
{
	if (key->stored.value == NULL)
		return (struct etcd_if){ETCD_IF_CREATED, key->key.name, 0};
	return (struct etcd_if){ETCD_IF_MOD, key->key.name, key->stored.revision};
}

const char *ownership_judge_put(const struct ownership *rule, const struct owned_key *key,
				char **ret_reason)
{
	if (owned_key_is_equal(key))
		return NULL;
	if (key->refused != NULL) {
		*ret_reason = mem_dup_str(key->refused);
		return NULL;
	}
	if (key->stored.value == NULL || strcmp(key->stored.owner, rule->owner) == 0)
		return rule->kind->put;
	if (key->stored.owner[0] == '\0')
		return rule->kind->taken_over;
	if (rule->force)
		return rule->kind->taken;
	*ret_reason = mem_printf("belongs to \"%s\" and is left alone", key->stored.owner);
	return NULL;
}

bool ownership_is_ours(const struct ownership *rule, const struct owned_key *key)
{
	return key->stored.value != NULL && strcmp(key->stored.owner, rule->owner) == 0;
}

const char *ownership_judge_deletion(const struct ownership *rule, const struct owned_key *key,
				     char **ret_reason)
{
	if (!ownership_is_ours(rule, key))
		return NULL;
	if (key->refused == NULL)
		return rule->kind->deleted;
	*ret_reason = mem_dup_str(key->refused);
	return NULL;
}

int ownership_check_owner(const char *owner, struct mf_err *err)
{
	size_t len = strlen(owner);

	if (len == 0 || len > ENV_MAX_OWNER)
		return mf_err_set(err, MF_EDATA, "must have 1 to %d bytes", ENV_MAX_OWNER);
	for (const char *p = owner; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return mf_err_set(err, MF_EDATA, "not allowed: a control character");
	return str_is_utf8(owner, len) ? 0 : mf_err_set(err, MF_EDATA, "must be UTF-8");
}
