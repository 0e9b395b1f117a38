/*
 * The rule of ownership: whether a key in etcd may be put or deleted, by what is desired of it and
 * by what stands there.  Pure.
 */
#ifndef MF_STORE_OWNERSHIP_H
#define MF_STORE_OWNERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/env_sync.h"
#include "store/etcd.h"
#include "store/keyset.h"

struct mf_err;

struct owned_key {
	struct keyset_key key; /* first; with the value that is desired */
	char *source;	       /* of that value; NULL: none */
	bool was_desired;      /* here, since the start: it needs no permission to go */
	char *refused;	       /* etcd does not take the value, or the deletion: its reason */
	struct env_sync_stored stored; /* its texts are ours; revision: deletions included */
};

void owned_key_fini(struct owned_key *key); /* all but the keyset_key */

/* What is desired; value NULL: nothing.  False: that is nothing new. */
bool owned_key_desire(struct owned_key *key, const char *value, size_t len, const char *source);

/* What etcd has; value NULL: nothing.  Gives what it had, for owned_key_free_stored. */
struct env_sync_stored owned_key_set_stored(struct owned_key *key, const char *value, size_t len,
					    int64_t revision);
void owned_key_free_stored(const struct env_sync_stored *stored);

void owned_key_refuse(struct owned_key *key, const char *reason); /* NULL: it may be tried again */
bool owned_key_is_equal(const struct owned_key *key);
struct etcd_if owned_key_condition(const struct owned_key *key); /* that it is still as stored */

/* Whether an origin with this owner can be read again: 1 to 255 bytes of printable text.  MF_EDATA.
 */
int ownership_check_owner(const char *owner, struct mf_err *err);

struct ownership { /* all borrowed */
	const struct env_sync_kind *kind;
	const char *owner;
	bool force;
};

bool ownership_is_ours(const struct ownership *rule, const struct owned_key *key);
/* What the log says of the write; NULL: there is none.  ret_reason: why not, handed over; untouched
 * where nothing is to be done. */
const char *ownership_judge_put(const struct ownership *rule, const struct owned_key *key,
				char **ret_reason);
const char *ownership_judge_deletion(const struct ownership *rule, const struct owned_key *key,
				     char **ret_reason);

#endif
