/*
 * What a reading says of an instance, a version, a claim, an environment.
 */
#ifndef MF_OPERATOR_FACTS_H
#define MF_OPERATOR_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/table.h"

struct mf_err;
struct node;
struct reading;

/* Whether a request to the instance is answered: it is up, and its weight is not 0. */
bool facts_is_live(const struct instance *instance);
/* Of a version; backend NULL: none. */
size_t facts_count_live(const struct backend *backend);
/* Of all versions that are chosen. */
size_t facts_count_live_of(const struct snapshot *snapshot, const struct env_service *service);

/* A row of a list: service, version, instance, address, state, operator_state, weight,
 * is_fixed. */
void facts_add_instance(struct node *list, const struct instance *instance);

/* Whether one of the rows has a text there that is not empty; list NULL: none has. */
bool facts_has_text(const struct node *list, const char *key);

/*
 * The version that answers for a service of an environment: its own, or where none of its instances
 * is live and the environment says `missing: baseline`, the next one that has any.  NULL: nobody
 * answers.  ret_whose: the environment whose version that is; its own name, if it is its own.
 */
const struct backend *facts_find_answer(const struct reading *reading, const struct env *env,
					const struct env_service *service, const char **ret_whose);

/* Whether the version, one of the service's, is to get requests and none of its instances is live.
 */
bool facts_is_lacking(const struct reading *reading, const struct env_service *service,
		      const char *version);

/* Whether there is an environment of that name, which is not set aside. */
bool facts_is_in_force(const struct reading *reading, const char *env);
/* Whether it shares out its visitors, and nobody of those who are to get them is in force. */
bool facts_is_split_lost(const struct reading *reading, const struct env *env);

/* The version of a service, or several with their shares: `1.4=90%,1.5-rc1=10%`.  To be freed. */
char *facts_choice(const struct env_service *service);

/* Who says which version it is: "own", "override", or an environment that is extended. */
const char *facts_find_origin(const struct env *env, const struct env_service *service);

/* How an environment is, from best to worst. */
enum facts_state {
	FACTS_READY,
	FACTS_INCOMPLETE, /* all is answered, but by others than it says */
	FACTS_MISSING,	  /* nobody answers for a service, or takes its visitors */
	FACTS_ASIDE,	  /* not in force, for the reason of env->aside */
};
enum facts_state facts_state(const struct reading *reading, const struct env *env);
/* Of one of its services, as if it had no other. */
enum facts_state facts_state_of(const struct reading *reading, const struct env *env,
				const struct env_service *service);
/* The state of the whole, of which services is the worst of its services. */
enum facts_state facts_state_beside(const struct reading *reading, const struct env *env,
				    enum facts_state services);
/* "ready", "incomplete", "missing", "set aside" */
const char *facts_state_word(enum facts_state state);
/* Environments that are in no snapshot, as their values cannot be read. */
size_t facts_count_unreadable(const struct reading *reading);
/* Whether it is the problem of such a one; ret_name is borrowed from it. */
bool facts_is_unreadable(const struct reading *reading, const struct problem *problem,
			 const char **ret_name);

/* The environment of that name.  MF_ENOINPUT with the nearest name, or with what is wrong with it.
 */
int facts_find_env(const struct reading *reading, const char *name, const struct env **ret_env,
		   struct mf_err *err);

#endif
