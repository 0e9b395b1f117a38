/*
 * All that etcd or the files say at one revision: what a command that looks looks at.
 */
#ifndef MF_OPERATOR_READING_H
#define MF_OPERATOR_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/table.h"

struct call;
struct mf_err;
struct node;
struct strmap;

struct reading {
	struct table *table;
	struct snapshot *snapshot; /* of the table as it is now */
	/* What the table does not have, by key: nodes/, fleet/, overrides/. */
	struct strmap *others;
	bool is_offline; /* from files */
};

/*
 * From the call's files if there are any, else from etcd.  What is wrong with an entry is a problem
 * in the snapshot and no failure.
 */
int reading_take(struct call *call, struct reading *ret_reading, struct mf_err *err);
void reading_fini(struct reading *reading);

/*
 * The same from etcd, followed: on_change is called for the first one and a moment after each
 * change, until it returns false or fails, or a signal ends the loop.
 */
typedef int reading_fn(void *ctx, const struct reading *reading, struct mf_err *err);
int reading_follow(struct call *call, reading_fn *on_change, void *ctx, struct mf_err *err);

/* The next of the others below a prefix such as "nodes/"; *cursor NULL: the first.  ret_name is
 * what stands behind the prefix. */
bool reading_next(const struct reading *reading, const char *prefix, void **cursor,
		  const char **ret_name, const char **ret_value);
const char *reading_find(const struct reading *reading, const char *key); /* NULL: not there */

/* Whether a request to the instance is answered: it is up, and its weight is not 0. */
bool reading_is_live(const struct instance *instance);
/* Of a version; backend NULL: none. */
size_t reading_count_live(const struct backend *backend);

/* A row of a list: service, version, instance, address, state, weight, is_fixed. */
void reading_add_instance(struct node *list, const struct instance *instance);

/* Who says which version it is: "own", "override", or an environment that is extended. */
const char *reading_origin(const struct env *env, const struct env_service *service);

/* How an environment is. */
enum reading_state {
	READING_READY,
	READING_MISSING, /* no instance answers for a version that it names */
	READING_ASIDE,	 /* not in force, for the reason of env->aside */
};
enum reading_state reading_state(const struct reading *reading, const struct env *env);
/* "ready", "missing", "set aside" */
const char *reading_state_word(enum reading_state state);
/* Environments that are in no snapshot, as their values cannot be read. */
size_t reading_count_unreadable(const struct reading *reading);
/* Whether it is the problem of such a one; ret_name is borrowed from it. */
bool reading_is_unreadable(const struct reading *reading, const struct problem *problem,
			   const char **ret_name);

/* Who has this key; NULL: nobody.  Claims as a snapshot has them, by key. */
const struct env *reading_find_claim(const struct claim *claims, size_t count, const char *key);

/* The environment of that name.  MF_ENOINPUT with the nearest name, or with what is wrong with it.
 */
int reading_find_env(const struct reading *reading, const char *name, const struct env **ret_env,
		     struct mf_err *err);

#endif
