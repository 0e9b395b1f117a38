/*
 * A key of the registry, and what is known of it in etcd: whose it is, by revisions, and what is to
 * be done to it under which condition.  Asks nobody.
 */
#ifndef MF_STORE_REGISTRY_KEY_H
#define MF_STORE_REGISTRY_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "store/keyset.h"

struct etcd_if;
struct etcd_kv;

/* What may not be ours goes first. */
#define REGISTRY_KEY_CLAIM  KEYSET_FIRST
#define REGISTRY_KEY_PUT    KEYSET_SECOND
#define REGISTRY_KEY_DELETE KEYSET_THIRD

struct registry_key {
	struct keyset_key key;	  /* first */
	bool is_dirty;		  /* what is desired has not been written */
	bool is_tried;		  /* it may be there */
	bool is_listed;		  /* in the listing that is under way */
	bool is_claim, steals;	  /* steals: whoever holds it, once */
	bool is_held;		  /* it is there, under our lease */
	int64_t equal_revision;	  /* of a put that is not under our lease, but ours to replace */
	int64_t put_revision;	  /* of our last put */
	int64_t gone_revision;	  /* when somebody deleted it */
	int64_t foreign_revision; /* when somebody put it under another lease */
	int64_t put_at;
};

/* The last that is known: somebody else put it, or deleted it, after our own put. */
bool registry_key_is_foreign(const struct registry_key *item);
bool registry_key_is_gone(const struct registry_key *item);

/* Whether the pair has the value that is desired. */
bool registry_key_is_equal(const struct registry_key *item, const struct etcd_kv *kv);

/* What has to be done to it; lease: ours, 0 if there is none. */
enum keyset_class registry_key_judge(const struct registry_key *item, int64_t lease);
/* What a write of it depends on; false: it is written whatever stands there. */
bool registry_key_get_condition(const struct registry_key *item, int64_t lease,
				struct etcd_if *ret_if);

#endif
