/*
 * A client for etcd v3 over its JSON gateway (etcd API reference, /v3/ paths; 3.4 and later), on
 * the loop.  Lists may be asked for by gRPC, which is quicker: whatever goes wrong with that, from
 * a proxy that does not pass it on to an error of etcd's, the list is asked for again by JSON.
 *
 * Several endpoints: a call that finds one out of reach goes to the next, each round with longer
 * waits and jitter.  Every call carries Grpc-Metadata-hasleader, so that a member cut off from its
 * quorum says so.  With a user, a token is fetched, and again when it is refused.  Retried here is
 * only what is safe to repeat; a write whose outcome is unknown ends in MF_EUNKNOWN and is its
 * caller's to read again.
 *
 * Keys are etcd's own, prefix included; bytes, here NUL-terminated text: keys with a NUL are not
 * ours and are skipped.  All calls are asynchronous, on_done is called once and never from inside,
 * and ret handles are valid until then.  err in a callback is NULL on success, else MF_EUNAVAIL,
 * MF_ETIMEOUT, MF_EUNKNOWN, MF_EPERM, MF_EDATA, MF_ENOINPUT (the lease is not there) or MF_ECONFIG
 * (a certificate's file), with the endpoint and etcd's own message.
 */
#ifndef MF_STORE_ETCD_H
#define MF_STORE_ETCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct etcd;
struct etcd_call;
struct etcd_watch;
struct loop;
struct mf_err;
struct settings;

/* All borrowed during etcd_new only. */
struct etcd_config {
	const char *const *endpoints; /* "http://127.0.0.1:2379", "etcd1:2379"; NULL at the end */
	const char *cacert, *cert, *key; /* files; NULL: none */
	const char *user, *password;	 /* NULL: no authentication */
	int64_t timeout_ms; /* of a call, all retries included (a list: of each page); 0: 5000 */
	bool lists_by_grpc; /* and by JSON only where that comes to nothing */
};

/* MF_ECONFIG: an endpoint that is none, or cert without key. */
int etcd_new(struct loop *loop, const struct etcd_config *config, struct etcd **ret_etcd,
	     struct mf_err *err);
/* The same as settings say. */
int etcd_open(const struct settings *settings, struct loop *loop, int64_t timeout_ms,
	      struct etcd **ret_etcd, struct mf_err *err);
/* Cancels all calls.  Sources, registries and watches on it go first; not inside a callback. */
void etcd_free(struct etcd *etcd);
/* Whether it has shown who it is: a user was given, and etcd asks for users. */
bool etcd_has_token(const struct etcd *etcd);
const char *etcd_endpoint(const struct etcd *etcd); /* the one in use; borrowed */

struct etcd_kv { /* borrowed during the callback */
	const char *key;
	const char *value;
	size_t value_len;
	int64_t create_revision, mod_revision, lease;
};

/*
 * Everything under prefix, page by page at one revision.  on_begin is called before the first pair,
 * and again when a compaction in mid-scan made it start over.
 */
struct etcd_list_events {
	void (*on_begin)(void *ctx);
	void (*on_kv)(void *ctx, const struct etcd_kv *kv);
	void (*on_done)(void *ctx, int64_t revision, const struct mf_err *err);
	/* Parts that are left out: longer prefixes, sorted and distinct, with NULL at the end;
	 * borrowed until the call is over.  NULL: none. */
	const char *const *without;
};
struct etcd_call *etcd_list(struct etcd *etcd, const char *prefix,
			    const struct etcd_list_events *events, void *ctx);
/* The same of this one key alone: on_kv comes once or not at all. */
struct etcd_call *etcd_get(struct etcd *etcd, const char *key,
			   const struct etcd_list_events *events, void *ctx);

/* How many keys there were under prefix at a revision; -1 (and no err): it is compacted. */
typedef void etcd_count_fn(void *ctx, int64_t count, const struct mf_err *err);
struct etcd_call *etcd_count(struct etcd *etcd, const char *prefix, int64_t revision,
			     etcd_count_fn *on_done, void *ctx);

/* A transaction: all comparisons hold, then all of these operations, else none. */
enum etcd_compare {
	ETCD_IF_CREATED, /* create_revision == n; 0: the key is not there */
	ETCD_IF_MOD,	 /* mod_revision == n */
	ETCD_IF_LEASE,	 /* lease == n */
};
struct etcd_if {
	enum etcd_compare compare;
	const char *key;
	int64_t n;
};
struct etcd_op {
	const char *key;
	const char *value; /* NULL: delete the key */
	size_t value_len;
	int64_t lease; /* 0: none */
};
#define ETCD_MAX_OPS 128 /* etcd's own limit, ifs and ops each */
typedef void etcd_txn_fn(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err);
struct etcd_call *etcd_txn(struct etcd *etcd, const struct etcd_if *ifs, size_t if_count,
			   const struct etcd_op *ops, size_t op_count, etcd_txn_fn *on_done,
			   void *ctx);

/*
 * Leases.  ttl in seconds (etcd raises less than 2 to 2).  keep_alive: ttl 0 and no err when the
 * lease is lost; deadline_ms: for a lease that the client's own (0) would come too late for.
 */
typedef void etcd_lease_fn(void *ctx, int64_t lease, int64_t ttl, const struct mf_err *err);
struct etcd_call *etcd_lease_grant(struct etcd *etcd, int64_t ttl, etcd_lease_fn *on_done,
				   void *ctx);
struct etcd_call *etcd_lease_keep_alive(struct etcd *etcd, int64_t lease, int64_t deadline_ms,
					etcd_lease_fn *on_done, void *ctx);
struct etcd_call *etcd_lease_revoke(struct etcd *etcd, int64_t lease, etcd_lease_fn *on_done,
				    void *ctx);

void etcd_cancel(struct etcd_call *call); /* on_done is not called; NULL is fine */

/*
 * Watch a prefix from a revision on.  Goes on for ever across endpoints, resuming at the revision
 * after the last one delivered, with a probe of the endpoint while the stream is silent.  on_commit
 * follows the events of each revision.  on_lost: what lies between can't be had (compacted, store
 * wiped or restored: its revision is below ours); nothing more comes, free the watch and list
 * again.
 */
struct etcd_watch_events {
	void (*on_put)(void *ctx, const struct etcd_kv *kv);
	void (*on_del)(void *ctx, const char *key, int64_t revision);
	void (*on_commit)(void *ctx, int64_t revision);
	/* Nothing was heard of etcd for two seconds: before what comes then.  NULL: the stream is
	 * probed every ten seconds, not every second. */
	void (*on_gap)(void *ctx);
	void (*on_state)(void *ctx, const struct mf_err *why); /* NULL: connected */
	void (*on_lost)(void *ctx, const struct mf_err *why);
	/* As etcd_list_events has it, until the watch is stopped.  on_commit comes all the same. */
	const char *const *without;
};
struct etcd_watch *etcd_watch_start(struct etcd *etcd, const char *prefix, int64_t start_revision,
				    const struct etcd_watch_events *events, void *ctx);
void etcd_watch_stop(struct etcd_watch *watch); /* NULL is fine */

#endif
