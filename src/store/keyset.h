/*
 * The writing half of whoever keeps keys in etcd equal to what is desired: the keys, those of them
 * that wait to be written, and transactions of many of them.  What has to be done to a key and
 * under which condition, the rules of its owner say; reading is the owner's, too.
 *
 * One transaction is under way at a time, of keys of one class and at most ETCD_MAX_OPS operations.
 * One that is refused, or whose conditions do not hold, is tried again in halves, until the key
 * that is to blame stands alone; the others do not wait for it.  However many keys there are and
 * whatever happens, no more than 17 calls are made in a second, and many small changes go together.
 */
#ifndef MF_STORE_KEYSET_H
#define MF_STORE_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct etcd;
struct etcd_if;
struct etcd_kv;
struct etcd_op;
struct keyset;
struct loop;
struct mf_err;

enum keyset_class {
	KEYSET_FIRST, /* in this order */
	KEYSET_SECOND,
	KEYSET_THIRD,
	KEYSET_LATER, /* until its time comes; no rule says this */
	KEYSET_CLASSES,
	KEYSET_NOTHING = KEYSET_CLASSES, /* there is nothing to do */
	KEYSET_FORGET,			 /* and nothing to know: it is freed */
};

struct keyset_key { /* what owners know of it stands behind: this is the first member */
	TAILQ_ENTRY(keyset_key) link;
	enum keyset_class class; /* where it waits; KEYSET_NOTHING: nowhere */
	char *name;		 /* the whole key */
	char *value;		 /* that is desired; NULL: that it is not there */
	size_t len;
	unsigned version, sent_version; /* counts the changes; what the write under way holds */
	bool is_sent, is_sent_delete;	/* it is in the write under way */
	bool is_found;			/* by the reading of a prefix under way */
	int64_t not_before;		/* the owner's to set; 0: at any time */
};

struct keyset_rules {
	size_t key_size; /* of the owner's struct, which begins with a keyset_key */
	void (*on_free)(struct keyset_key *key); /* what it holds; NULL: nothing */
	enum keyset_class (*judge)(void *ctx, struct keyset_key *key);
	/* False: it is written whatever stands there. */
	bool (*get_condition)(void *ctx, const struct keyset_key *key, struct etcd_if *ret_if);
	/* One more operation of the same transaction, which writes another key: both texts are
	 * handed over.  Asked when the key's turn comes, perhaps again and again.  False: there is
	 * none.  Or NULL. */
	bool (*get_companion)(void *ctx, struct keyset_key *key, struct etcd_op *ret_op);
	/* Any answer, before it is given to its keys; or NULL. */
	void (*on_answer)(void *ctx, int64_t revision);
	/* Of each key.  is_newest: what is desired has not changed since it was sent. */
	void (*on_written)(void *ctx, struct keyset_key *key, int64_t revision, bool is_newest);
	/* A condition does not hold, or etcd will not have it; key NULL: one of several. */
	void (*on_unequal)(void *ctx, struct keyset_key *key);
	void (*on_refused)(void *ctx, struct keyset_key *key, const struct mf_err *err);
	/* The prefix to read when the condition of one of several of that class does not hold:
	 * on_read comes for each of the class that waits, then for key NULL.  NULL: the keys are
	 * tried in halves, as they are when one does not hold again. */
	const char *(*get_prefix)(void *ctx, enum keyset_class class);
	/* After keyset_read.  kv NULL: nothing stands there, or err says why that is not known.
	 * revision 0: that of key NULL. */
	void (*on_read)(void *ctx, struct keyset_key *key, const struct etcd_kv *kv,
			int64_t revision, const struct mf_err *err);
	/* Nothing is known of what became of the write. */
	void (*on_failed)(void *ctx, const struct mf_err *err);
	/* Something is over, or it is time: whatever is next, and keyset_write if that may be. */
	void (*step)(void *ctx);
};

struct keyset *keyset_new(struct loop *loop, struct etcd *etcd, const struct keyset_rules *rules,
			  void *ctx);
void keyset_free(struct keyset *set); /* NULL is fine */

/* --- keys --- */

struct keyset_key *keyset_find(const struct keyset *set, const char *name);
struct keyset_key *keyset_add(struct keyset *set, const char *name); /* must not be there */
void keyset_drop(struct keyset *set, struct keyset_key *key);
size_t keyset_count(const struct keyset *set);
/* *cursor NULL: the first.  The key that was given last may be dropped meanwhile.  NULL: the end.
 */
struct keyset_key *keyset_next(const struct keyset *set, void **cursor);

/* What is desired of it; value NULL: nothing.  False: that is nothing new. */
bool keyset_set(struct keyset_key *key, const char *value, size_t len);

/* Judge it again; one that is being written, when that is done. */
void keyset_requeue(struct keyset *set, struct keyset_key *key);

/* --- writing --- */

void keyset_set_lease(struct keyset *set, int64_t lease); /* that all puts are under; 0: none */
void keyset_write(struct keyset *set);			  /* the next batch, as soon as it may */
void keyset_read(struct keyset *set, struct keyset_key *key); /* in on_unequal: what is there */
void keyset_wake(struct keyset *set);			      /* step in the next round */
void keyset_retry(struct keyset *set);	/* step after a pause, and nothing is written before */
void keyset_cancel(struct keyset *set); /* what is under way, and all waits */
void keyset_clear_retry(struct keyset *set);
bool keyset_is_writing(const struct keyset *set); /* or reading */
bool keyset_is_pausing(const struct keyset *set); /* by keyset_retry */
bool keyset_is_idle(const struct keyset *set);	  /* nothing waits or is under way */

/* The pace, for the owner's other calls: 0 and the call counts, or how long it has to wait. */
int64_t keyset_take_call(struct keyset *set);
void keyset_count_call(struct keyset *set);	       /* one that cannot wait */
void keyset_wait(struct keyset *set, int64_t wait_ms); /* step then */

#endif
