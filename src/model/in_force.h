/*
 * What is in force: which environments there are as composed of those that they extend, and with
 * their overrides, which versions have instances, and who claims which name.
 *
 * Objects come one at a time, in any order; what they come to together is found out when a snapshot
 * is filled.
 */
#ifndef MF_MODEL_IN_FORCE_H
#define MF_MODEL_IN_FORCE_H

#include <stdbool.h>

#include "model/kind.h"
#include "model/versions.h"

struct env;
struct in_force;
struct instance;
struct problem_list;
struct settings;
struct snapshot;

/* An environment as it is written, borrowed; NULL: there is none, and why. */
typedef struct env *in_force_find_fn(void *ctx, const char *name, const char **ret_why);

/* problems is borrowed: what is wrong with environments as composed goes there. */
struct in_force *in_force_new(struct problem_list *problems, in_force_find_fn *find, void *ctx);
/* When every object has been taken out. */
void in_force_free(struct in_force *in_force);

/*
 * Puts object in the place of old, an object of the same kind and key; one of them may be NULL.
 * Takes object over, drops old, and returns the one that is there now.
 */
void *in_force_set(struct in_force *in_force, enum kind_id kind, void *old, void *object);

/* What find says of env has changed, though no object of it is there. */
void in_force_touch_children(struct in_force *in_force, const char *env);

/* Each that would no longer be in force without env, as it extends that. */
void in_force_walk_children(const struct in_force *in_force, const char *env,
			    void (*visit)(void *ctx, const char *child), void *ctx);

/* As table_keep_texts has it. */
void in_force_keep_texts(struct in_force *in_force);

void in_force_set_settings(struct in_force *in_force,
			   const struct settings *settings); /* borrowed */

enum versions_others in_force_find_others(const struct in_force *in_force,
					  const struct instance *instance);

/* As table_env_notes has it. */
const char *in_force_env_notes(const struct in_force *in_force, const char *name);

/* Whether anything changed since the last in_force_fill; true at first. */
bool in_force_is_changed(const struct in_force *in_force);
/* All but the problems of keys, which are to be added after it. */
void in_force_fill(struct in_force *in_force, struct snapshot *snapshot);

#endif
