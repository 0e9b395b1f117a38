/*
 * What is said to etcd and what it answers, as JSON (etcd API reference v3, mapped by its
 * grpc-gateway): int64s as text or numbers, fields that are zero left out, bytes in base64.
 */
#ifndef MF_STORE_ETCD_JSON_H
#define MF_STORE_ETCD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/node.h"
#include "store/etcd.h"

struct mf_err;

/* --- requests: each appends one body --- */

/* The first key behind everything that starts with prefix (range_end); "\0" when there is none. */
void etcd_json_add_range_end(struct buf *b, const char *prefix);

/* The first key that starts with prefix may be this one; "\0", as an empty key is refused. */
void etcd_json_add_range_start(struct buf *b, const char *prefix);

/* How many keys start with prefix, at a revision. */
void etcd_json_count(struct buf *b, const char *prefix, int64_t revision);

/* A page of the keys from `start` on and before `end`, at a revision (0: the newest). */
void etcd_json_list(struct buf *b, const struct buf *start, const struct buf *end, int64_t limit,
		    int64_t revision);
/* As little as a linearizable read can: of one key, as etcd counts all of a range. */
void etcd_json_probe(struct buf *b, const char *prefix);
void etcd_json_txn(struct buf *b, const struct etcd_if *ifs, size_t if_count,
		   const struct etcd_op *ops, size_t op_count);
void etcd_json_watch(struct buf *b, const char *prefix, int64_t start_revision);
void etcd_json_int(struct buf *b, const char *name, int64_t n); /* {"name":"n"} */
void etcd_json_authenticate(struct buf *b, const char *user, const char *password);

/* --- replies --- */

/* is_stream: more lines may follow; the first is read.  MF_EDATA unless it is an object. */
int etcd_json_parse(const char *text, size_t len, bool is_stream, struct node **ret_object,
		    struct mf_err *err);

/* A member that is an int64; 0 when it is not there.  False: it is something else. */
bool etcd_json_get_int(const struct node *object, const char *name, int64_t *ret);

/* header.revision; 0 when there is none. */
int64_t etcd_json_revision(const struct node *reply);

/* Only its key, cut at a NUL; false: it has none. */
bool etcd_json_get_key(const struct node *object, struct buf *key);
/*
 * One mvccpb.KeyValue.  key and value are cleared, filled, and borrowed by ret_kv.  MF_EDATA when
 * it is none; *ret_skip when its key holds a NUL and so is not ours.  value NULL: it is not read.
 */
int etcd_json_get_kv(const struct node *object, struct buf *key, struct buf *value,
		     struct etcd_kv *ret_kv, bool *ret_skip, struct mf_err *err);

/* --- faults --- */

#define ETCD_NO_HTTP                                                                               \
	"speaks no HTTP/1: etcd's gRPC port? its JSON gateway is at --listen-client-http-urls"

/* What to do about an error that etcd, or something between, answers. */
enum etcd_fault_kind {
	ETCD_FAULT_NONE,
	ETCD_FAULT_TOKEN,     /* the token is refused: fetch another */
	ETCD_FAULT_NO_AUTH,   /* authentication is not enabled there */
	ETCD_FAULT_REFUSED,   /* certainly not taken: another endpoint may */
	ETCD_FAULT_AWAY,      /* may have been taken; another endpoint may know better */
	ETCD_FAULT_FULL,      /* certainly not taken: no space, or too many requests */
	ETCD_FAULT_LONG,      /* the reply would be longer than can be carried */
	ETCD_FAULT_COMPACTED, /* the revision is gone */
	ETCD_FAULT_MISSING,   /* the lease is not there */
	ETCD_FAULT_DENIED,    /* user, password or permission */
	ETCD_FAULT_BAD, /* a request or reply that makes no sense, and will not the next time */
};

struct etcd_fault {
	enum etcd_fault_kind kind;
	char message[256]; /* etcd's own, escaped and cut */
};

/*
 * Read the error in a parsed reply of any of etcd's shapes: {"error": "text", "message", "code"};
 * {"error": {"grpc_code" or "code", "message"}} inside a stream; {"code", "message", "details"}.
 * False: there is none in it (HTTP status 200 and no error).
 */
bool etcd_fault_read(int status, const struct node *reply, struct etcd_fault *ret_fault);
/* The same in a whole reply; one that is no JSON object gives the first line of its text. */
bool etcd_fault_read_text(int status, const char *text, size_t len, struct node **ret_object,
			  struct etcd_fault *ret_fault);
void etcd_fault_set(struct etcd_fault *fault, int grpc_code, int status, const char *message);
int etcd_fault_code(enum etcd_fault_kind kind, bool is_write); /* the enum mf_code of it */

#endif
