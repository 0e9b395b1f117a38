/*
 * What an environment comes to that extends others: services by name, field by field, each field
 * from the nearest of the lineage that says it.
 *
 * Knows neither where environments come from nor who else extends them.
 */
#ifndef MF_MODEL_COMPOSE_H
#define MF_MODEL_COMPOSE_H

#include <stdbool.h>

struct buf;
struct env;
struct lineage;

/*
 * may_share: the last of the lineage is in force as it is written, so that it can be the base.
 * The environment as composed: lineage->envs[0] with the services of all.  One reference.  With
 * more services than there may be it is set aside.  ret_notes: what its author should know, such as
 * a service that two of its parents choose differently; it stays empty if there is nothing.
 */
struct env *compose_env(const struct lineage *lineage, bool may_share, struct buf *ret_notes);

/* The same without services, and with the reason. */
struct env *compose_aside(const struct env *own, const char *reason);

#endif
