/*
 * The table of what a source said last, entry by entry, and the immutable snapshots made of it.
 *
 * Keys are those of etcd without the prefix: "environments/<env>",
 * "backends/<service>/<version>/<instance>", "services/<service>", "overrides/<env>/<service>",
 * "states/<service>/<version>/<instance>", "names/<name>", "config/<scope>/<name>",
 * "lifetimes/<env>"; others are ignored.  A value that cannot be parsed becomes a problem: the
 * entry keeps its last good value (none if there never was one), and all others live on.  So does a
 * value that the settings or the policy do not allow, which comes into force once they do.
 *
 * Use: table_begin_full before a complete listing, table_put and table_del for each change,
 * table_end_full after a complete listing (what was not put since begin is gone), table_snapshot
 * whenever the table is consistent.
 */
#ifndef MF_MODEL_TABLE_H
#define MF_MODEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/backend.h"
#include "model/env.h"
#include "model/versions.h"

struct buf;
struct epoch;
struct imposed;
struct policy;
struct settings;
struct shared_list;
struct table;

struct table *table_new(void);
void table_free(struct table *table);

void table_begin_full(struct table *table);
void table_end_full(struct table *table);
/* The same, but what was not put is given to on_missing, which may delete it. */
typedef void table_missing_fn(void *ctx, const char *key);
void table_end_full_with(struct table *table, table_missing_fn *on_missing, void *ctx);
void table_put(struct table *table, const char *key, const char *value, size_t len,
	       int64_t create_revision);
void table_del(struct table *table, const char *key);

/*
 * For who keeps what a source has deleted (model/guard.h).  The last good value of a key, in its
 * canonical form, or as what it is, borrowed; false or NULL: there is none.  table_set_instance
 * takes over another one in its place.  A walk: *cursor NULL is the first.
 */
bool table_has_good(const struct table *table, const char *key);
bool table_format(const struct table *table, const char *key, struct buf *ret_value,
		  int64_t *ret_created);
struct env *table_find_env(const struct table *table, const char *key);
struct instance *table_find_instance(const struct table *table, const char *key);
void table_set_instance(struct table *table, const char *key, struct instance *instance);
enum versions_others table_find_others(const struct table *table, const struct instance *instance);
/* Each environment that would no longer be in force without the one of that key. */
void table_walk_children(const struct table *table, const char *key,
			 void (*visit)(void *ctx, const char *child), void *ctx);
size_t table_count_envs(const struct table *table); /* with a good value */
bool table_next(const struct table *table, void **cursor, const char **ret_key);

/* Something that is left out, and why: "environment dev", "instance a/1/x", "file dev.yaml",
 * "prefix www". */
struct problem {
	char *object;
	char *reason;
};

/* Whether requests are answered, and the problem is just by whom, or how. */
bool problem_is_remark(const struct problem *problem);

/* What the author of an environment that extends others should know; borrowed; NULL: nothing. */
const char *table_env_notes(const struct table *table, const char *name);

/* A problem that is no key's, such as a file that cannot be read; reason NULL: it is over. */
void table_set_problem(struct table *table, const char *object, const char *reason);

/*
 * Of problems whose objects begin with the same word, such as instance, so many are in a snapshot,
 * and behind them one that says how many more there are: "instance (others)", "and 59900 more".
 * All, at first.
 */
void table_set_shown(struct table *table, size_t most);

/*
 * From now on the last text of an environment that could be composed stays in force, for it and
 * those that extend it, while a newer one cannot be; otherwise a table depends on nothing but what
 * it has now.
 */
void table_keep_texts(struct table *table);

/*
 * Whose listeners no service may want the port of, and which addresses are denied; own: as
 * denied_new has it.  The settings are borrowed until others are set or the table is freed.  None
 * at first.  All that is there is judged anew.
 */
void table_set_settings(struct table *table, const struct settings *settings, char *const *own);

/* Who may have what; NULL is none.  Borrowed and judged as above. */
void table_set_policy(struct table *table, const struct policy *policy);

/* One version of a service: what becomes one HAProxy backend. */
struct backend {
	unsigned refs;
	char *service;
	char *version;
	char *name;		     /* "<service>:<version>"; behind "tcp:" if it is no HTTP */
	struct instance **instances; /* sorted by server name, distinct */
	size_t instance_count;
	size_t live_count;	  /* instances that take requests */
	struct service *settings; /* NULL: defaults */
	bool stands_in; /* an override names it: the environment's own version stands behind it */
};

/* Who a host name, first label or header value means.  Of two claims the stronger one wins
 * (model/claims.h), whatever kinds they are of; the other becomes a problem, and the rest of that
 * environment is used. */
struct claim {
	const char *key; /* borrowed from env */
	struct env *env;
};

/* Everything in force at one revision.  Immutable; entries are shared with other snapshots, so that
 * an unchanged entry is the same pointer in both, and so are whole lists that did not change. */
struct snapshot {
	unsigned refs;
	struct epoch
	    *epoch; /* what the entries live by; NULL: references of its own (snapshot.h) */
	int64_t revision;
	struct env **envs; /* by name, with the overrides that are in force */
	size_t env_count;
	struct backend *
	    *backends; /* by service, version: with an instance, or named by an environment */
	size_t backend_count;
	size_t instance_count; /* of all backends */
	char **services;       /* the names of all services that have a backend, sorted */
	size_t service_count;
	struct claim *hosts, *prefixes, *headers; /* by key */
	size_t host_count, prefix_count, header_count;
	/* Each NULL: none. */
	struct shared_list *names;     /* struct dns_name, by name; but for those of services */
	struct shared_list *config;    /* struct config, by scope, then name */
	struct shared_list *keys;      /* of claims, that are in no environment */
	struct shared_list *lifetimes; /* struct lifetime, by environment */
	size_t limited;		       /* environments that end some day */
	size_t idle;		       /* those of them that say `idle` */
	struct imposed **unused; /* states that operators said, whose instances are not there */
	size_t unused_count;
	struct problem *problems; /* by object; see table_set_shown */
	size_t problem_count;
	size_t problem_total;	     /* with those that are not shown */
	struct problem_kinds *kinds; /* while it is made */
};

/* Whether anything changed since the last table_snapshot (an equal value is no change). */
bool table_is_changed(const struct table *table);
struct snapshot *table_snapshot(struct table *table, int64_t revision);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/*
 * The same without some parts: an environment with what it claims, the versions of a service, or a
 * service's settings, so that its versions have the defaults, but keep the protocol.  What stays is
 * shared with the first.
 */
enum snapshot_part { SNAPSHOT_ENV, SNAPSHOT_SERVICE, SNAPSHOT_SETTINGS };
typedef bool snapshot_part_fn(void *ctx, enum snapshot_part part, const char *name);
struct snapshot *snapshot_without(const struct snapshot *snapshot, snapshot_part_fn *is_out,
				  void *ctx);

/*
 * What is on the way from one to the other: as the new one, but environments that wait are as in
 * the old one, with what they claim there, and with the last instances of the versions that they
 * choose there.  Of the host names that become nobody's so many go as removals says; the others
 * stay whose they were, if that is there.  It has the revision of the old one, and no problems.
 */
typedef bool snapshot_env_fn(void *ctx, const char *env);
struct snapshot *snapshot_between(const struct snapshot *old, const struct snapshot *new_one,
				  snapshot_env_fn *waits, void *ctx, size_t removals);

bool snapshot_has_service(const struct snapshot *snapshot, const char *name);
const struct env *snapshot_find_env(const struct snapshot *snapshot, const char *name);
/* Who has a key among a snapshot's hosts, prefixes or headers; NULL: nobody. */
const struct env *snapshot_find_claim(const struct claim *claims, size_t count, const char *key);
const struct backend *snapshot_find_backend(const struct snapshot *snapshot, const char *service,
					    const char *version);
/* By its name in HAProxy. */
const struct backend *snapshot_find_backend_named(const struct snapshot *snapshot,
						  const char *name);

#endif
