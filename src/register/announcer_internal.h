/*
 * What the announcer is made of: an announcement's copy, and the item that it becomes.
 */
#ifndef MF_REGISTER_ANNOUNCER_INTERNAL_H
#define MF_REGISTER_ANNOUNCER_INTERNAL_H

#include "register/announcer.h"

struct buf;
struct health;
struct registry;
struct strmap;
struct taking;
struct takings;

/* --- announcement.c -------------------------------------------------------------------------- */

/* Deep copies; the checks' specs too.  To be freed with announcement_fini. */
void announcement_copy(struct announcement *copy, const struct announcement *from);
void announcement_fini(struct announcement *copy);

/* The names, the address, tags and attributes.  MF_EDATA. */
int announcement_check(const struct announcement *announcement, struct mf_err *err);

/* `<prefix>/backends/<service>/<version>/<id>`; handed over.  MF_EDATA: id. */
int announcement_make_key(const struct announcement *announcement, const struct settings *settings,
			  char **ret_key, struct mf_err *err);
void announcement_format(const struct announcement *announcement, enum instance_state state,
			 struct buf *ret_value);

/* --- announcer_item.c ------------------------------------------------------------------------ */

struct announcer_world { /* what all items share */
	struct loop *loop;
	struct registry *registry;
	struct strmap *holders; /* by key: the item that has it */
	struct takings *takings;
	bool is_draining;
	void (*on_health)(void *ctx); /* of an item: item_settle is due */
	void *ctx;
};

struct item {
	const struct announcer_world *world;
	char *name;
	struct announcement want;
	char *key;
	struct health *health;
	struct taking *taking; /* of env's service; NULL: not asked for */
	bool is_up;  /* to be announced: the last verdict, or before the first the initial one */
	bool was_up; /* it was announced, at this endpoint */
	bool is_written; /* value is there */
	bool is_told;
	char *value; /* what is wanted in etcd; NULL: nothing */
	enum announce_state state;
	char *why;
};

struct item *item_new(const struct announcer_world *world, const char *name);
void item_free(void *item); /* withdraws; its key is free for the next one */
/* key is taken over.  Checks begin anew where they or the endpoint are others. */
void item_want(struct item *item, const struct announcement *announcement, char *key);
void item_settle(struct item *item); /* have in etcd what its health and its key allow */
void item_stop(struct item *item);   /* its checks */
/* Whether its state or reason is another, which is logged then. */
bool item_update(struct item *item);

#endif
