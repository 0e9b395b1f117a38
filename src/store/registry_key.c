/* What the revisions of a key say: whose it is, and what is to be done to it. */
#include "store/registry_key.h"

#include <string.h>

#include "store/etcd.h"

bool registry_key_is_foreign(const struct registry_key *item)
{
	return item->foreign_revision > item->put_revision &&
	       item->foreign_revision > item->gone_revision;
}

bool registry_key_is_gone(const struct registry_key *item)
{
	return item->gone_revision > item->put_revision;
}

/* Not ours to delete, as far as is known. */
static bool is_not_there(const struct registry_key *item, int64_t lease)
{
	if (lease == 0 || !item->is_tried)
		return true;
	return !item->is_dirty && (registry_key_is_foreign(item) || registry_key_is_gone(item));
}

bool registry_key_is_equal(const struct registry_key *item, const struct etcd_kv *kv)
{
	return item->key.len == kv->value_len &&
	       memcmp(item->key.value, kv->value, kv->value_len) == 0;
}

enum keyset_class registry_key_judge(const struct registry_key *item, int64_t lease)
{
	if (item->key.value == NULL)
		return is_not_there(item, lease) ? KEYSET_FORGET : REGISTRY_KEY_DELETE;
	if (registry_key_is_foreign(item) || (!item->is_dirty && !registry_key_is_gone(item)))
		return KEYSET_NOTHING;
	return item->is_claim && (item->is_held || !item->steals) ? REGISTRY_KEY_CLAIM
								  : REGISTRY_KEY_PUT;
}

bool registry_key_get_condition(const struct registry_key *item, int64_t lease,
				struct etcd_if *ret_if)
{
	if (item->key.value == NULL || item->is_held)
		*ret_if = (struct etcd_if){ETCD_IF_LEASE, item->key.name, lease};
	else if (item->steals)
		return false;
	else if (item->equal_revision != 0)
		*ret_if = (struct etcd_if){ETCD_IF_MOD, item->key.name, item->equal_revision};
	else if (item->is_claim)
		*ret_if = (struct etcd_if){ETCD_IF_CREATED, item->key.name, 0};
	else /* holds, too, when it is not there */
		*ret_if = (struct etcd_if){ETCD_IF_LEASE, item->key.name, 0};
	return true;
}
