/*
 * The versions of services that there are: one slot for each that an environment names or that has
 * an instance, with the backend last made of it for as long as nothing of it changes.
 *
 * What is dropped is buried with the ages of snapshots.
 */
#ifndef MF_MODEL_SLOTS_H
#define MF_MODEL_SLOTS_H

#include <stdbool.h>

struct ages;
struct env;
struct instance;
struct service;
struct settings;
struct slots;
struct snapshot;

struct slots *slots_new(struct ages *ages); /* borrowed */
void slots_free(struct slots *slots);	    /* when nothing is in them any more */

/* All borrowed until the matching del. */
void slots_add_env(struct slots *slots, const struct env *env);
void slots_del_env(struct slots *slots, const struct env *env);
void slots_add_instance(struct slots *slots, struct instance *instance);
void slots_del_instance(struct slots *slots, const struct instance *instance);
void slots_set_service(struct slots *slots, const char *name, struct service *service);
void slots_del_service(struct slots *slots, const char *name);

/* As ports_set_settings. */
bool slots_set_settings(struct slots *slots, const struct settings *settings);

/* Whether it has an instance that takes traffic: up, and with a weight. */
bool slots_is_live(const struct slots *slots, const char *service, const char *version);

/* Fill in backends, services, and a problem for each that wants a port which it does not get; what
 * did not change since the last time is the same backend. */
void slots_fill(struct slots *slots, struct snapshot *snapshot);

#endif
