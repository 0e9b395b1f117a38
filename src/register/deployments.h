/*
 * The deployments of an engine as environments: containers in, as they are or would be registered,
 * environments out.  Asks nobody, and writes nowhere.
 *
 * An environment has the deployment's name, and each service that a container of it has, at the
 * version that this has.  What containers say differently, as while they are replaced, is what the
 * newest says.  Routes are what mayfly.route says of a service, with commas; hosts are those of all
 * mayfly.hosts; mayfly.extends and mayfly.expires are the environment's.  Where nobody says a route
 * and it extends nobody, the service `front` has "/".
 */
#ifndef MF_REGISTER_DEPLOYMENTS_H
#define MF_REGISTER_DEPLOYMENTS_H

struct container;
struct deployments;
struct env;

struct deployments_events {
	void (*on_put)(void *ctx, struct env *env); /* new or changed; borrowed */
	void (*on_del)(void *ctx, const char *name);
	/* A deployment that is no environment keeps what it was; NULL: over. */
	void (*on_problem)(void *ctx, const char *object, const char *reason);
};

#define DEPLOYMENTS_FRONT "web"

/* front and events are borrowed. */
struct deployments *deployments_new(const char *front, const struct deployments_events *events,
				    void *ctx);
void deployments_free(struct deployments *deployments); /* NULL is fine */

/* A container is there, or has changed: it is taken over.  One of no deployment counts for nothing.
 */
void deployments_set(struct deployments *deployments, struct container *container);
void deployments_del(struct deployments *deployments, const char *id);
/* All that has changed since: events. */
void deployments_apply(struct deployments *deployments);

#endif
