/*
 * The versions of services that there are: one for each that an environment names or that has
 * an instance, with the backend last made of it for as long as nothing of it changes.
 *
 * What is dropped is retired in the epochs of snapshots.
 */
#ifndef MF_MODEL_VERSIONS_H
#define MF_MODEL_VERSIONS_H

#include <stdbool.h>

struct epochs;
struct env;
struct imposed;
struct instance;
struct service;
struct settings;
struct versions;
struct snapshot;

struct versions *versions_new(struct epochs *epochs); /* borrowed */
void versions_free(struct versions *versions);	      /* when nothing is in them any more */

/* All borrowed until the matching del. */
/* An environment is in the place of another; either may be NULL. */
void versions_move_env(struct versions *versions, const struct env *old, const struct env *env);
void versions_add_instance(struct versions *versions, struct instance *instance);
void versions_del_instance(struct versions *versions, const struct instance *instance);
void versions_set_service(struct versions *versions, const char *name, struct service *service);
void versions_del_service(struct versions *versions, const char *name);

/* An override names it, or no longer does. */
void versions_add_override(struct versions *versions, const char *service, const char *version);
void versions_del_override(struct versions *versions, const char *service, const char *version);

/* What is imposed on an instance, which need not be there, is something else now; imposed NULL:
 * nothing.  of: the same, or the old one. */
void versions_impose(struct versions *versions, const struct imposed *of,
		     const struct imposed *imposed);

/* As ports_set_settings. */
bool versions_set_settings(struct versions *versions, const struct settings *settings);

/* Whether it has an instance that takes traffic: up, and with a weight. */
bool versions_is_live(const struct versions *versions, const char *service, const char *version);

/* Of an instance whose key is gone: which others of its version there are that have a key. */
enum versions_others {
	VERSIONS_NO_OTHER,
	VERSIONS_LIVE, /* that take traffic */
	VERSIONS_SAME, /* one at the same address */
};
enum versions_others versions_find_others(const struct versions *versions,
					  const struct instance *instance);

/* Fill in backends, services, and a problem for each that wants a port which it does not get; what
 * did not change since the last time is the same backend. */
void versions_fill(struct versions *versions, struct snapshot *snapshot);

#endif
