/*
 * What the parts of the registry share: its keys, and the queues in which they wait to be written.
 */
#ifndef MF_STORE_REGISTRY_INTERNAL_H
#define MF_STORE_REGISTRY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "store/etcd.h"
#include "store/registry.h"

enum {
	REGISTRY_BATCH_BYTES = 512 * 1024,
	REGISTRY_CALLS = 17, /* a second, at most; keep-alives and watches come on top */
	REGISTRY_BACKOFF_MAX_MS = 1000,
};

/* What has to be done to a key, in the order in which it is done: what may not be ours first. */
enum registry_kind {
	REGISTRY_CLAIM,
	REGISTRY_PUT,
	REGISTRY_DELETE,
	REGISTRY_LATER,
	REGISTRY_KINDS
};

struct registry_item {
	TAILQ_ENTRY(registry_item) link; /* of its queue */
	enum registry_kind kind;	 /* its queue; REGISTRY_KINDS: in none */
	char *value;
	size_t len;
	unsigned version, sent_version; /* counts the changes; what the write under way holds */
	bool is_wanted;			/* else it is to be deleted */
	bool is_dirty;			/* what is wanted has not been written */
	bool is_tried;			/* it may be there */
	bool is_sent, is_listed;
	bool is_claim, steals;	  /* steals: whoever holds it, once */
	bool is_held;		  /* a claim that is ours */
	int64_t equal_revision;	  /* a claim: of a stranger's equal value, which may go */
	int64_t put_revision;	  /* of our last put */
	int64_t gone_revision;	  /* when somebody deleted it */
	int64_t foreign_revision; /* when somebody put it under another lease */
	int64_t put_at, not_before;
	char key[];
};

struct registry_queue {
	TAILQ_HEAD(registry_list, registry_item) items;
	size_t count;
};

/* Where keys of ours lie, and what we hear from there. */
struct registry_place {
	struct registry *registry;
	char *prefix; /* NULL: it is not used */
	struct etcd_watch *watch;
	struct etcd_call *list;
	bool is_list_wanted, is_denied;
	int64_t list_floor; /* of our last write when the listing was asked for */
};
enum { REGISTRY_PLACES = 2 };

struct registry {
	struct loop *loop;
	struct etcd *etcd;
	int64_t wanted_ttl, ttl;
	struct registry_events events;
	void *ctx;
	struct strmap *items;
	struct registry_queue queues[REGISTRY_KINDS];
	int64_t later_at; /* not after the first of those that wait for their time */
	size_t batch_max[REGISTRY_KINDS]; /* shrinks when one of many is refused */
	struct registry_place places[REGISTRY_PLACES];

	int64_t lease, sent_lease; /* 0: none; that of the write under way */
	int64_t last_lease;	   /* the one that was lost */
	int64_t alive_at;	   /* when the lease was certainly alive */
	int64_t asked_at;	   /* when the keep-alive under way was sent */
	int64_t revision;	   /* of our last write */
	int64_t backoff_ms;
	size_t gone_count;	     /* not logged yet */
	struct etcd_call *write;     /* a grant, a transaction, a look, the revocation */
	struct registry_item **sent; /* of the write under way */
	size_t sent_count;
	enum registry_kind sent_kind;
	struct registry_look *look; /* NULL: none is under way */
	struct etcd_call *alive;
	int64_t calls_at[REGISTRY_CALLS]; /* a ring of when the last ones were made */
	unsigned call_next;
	bool is_stopping;
	struct loop_timer *alive_timer, *retry_timer, *turn_timer, *tell_timer;
	struct mf_err state; /* to be told; code 0: all is well */
	int told;	     /* the code last told; 1: nothing yet */
	void (*on_stopped)(void *ctx, const struct mf_err *err);
	void *stopped_ctx;
};

/* registry.c */
void registry_step(struct registry *r);	 /* do what is next */
void registry_retry(struct registry *r); /* nothing is done until then */
void registry_tell(struct registry *r, const struct mf_err *why);
void registry_lose_lease(struct registry *r);
/* A key that is there under our lease, and which nobody wants: it is deleted. */
void registry_adopt(struct registry *r, const char *key);

/* registry_write.c */
bool registry_item_is_foreign(const struct registry_item *item);
/* Into the queue where it belongs, or none; one that is neither wanted nor there is freed. */
void registry_requeue(struct registry *r, struct registry_item *item);
void registry_drop(struct registry *r, struct registry_item *item);
/* Revisions have begun anew, or nothing of ours is there any more. */
void registry_forget_revisions(struct registry *r);
bool registry_is_idle(const struct registry *r); /* nothing waits or is under way */
void registry_write(struct registry *r);	 /* the next batch, if there is one and it may */
int64_t registry_pace(const struct registry *r, bool is_full); /* how long the next call waits */
void registry_count_call(struct registry *r);
void registry_cancel_write(struct registry *r);

/* registry_watch.c */
void registry_place_watch(struct registry_place *place, int64_t revision);
void registry_place_list(struct registry_place *place);
void registry_place_halt(struct registry_place *place);
/* A claim is another's: tell, and forget it. */
void registry_lose_claim(struct registry *r, struct registry_item *item, const char *value,
			 size_t len);

#endif
