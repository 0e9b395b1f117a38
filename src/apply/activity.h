/*
 * Which environments are used, of those that say `idle`: HAProxy sets an environment's entry in its
 * map `activity` to 1 with a request, which its template haproxy-activity says; it is read here,
 * and set back, by the admin socket.  Where no environment says so, HAProxy is not asked.
 *
 * What cannot be read counts as a use of each: nobody may take an environment for unused that is
 * not.  A HAProxy that is not there serves nobody, but what it did before it came back is unknown,
 * too.  A reload loses what came since the last reading.
 */
#ifndef MF_APPLY_ACTIVITY_H
#define MF_APPLY_ACTIVITY_H

#define ACTIVITY_MAP "maps/activity"
#define ACTIVITY_MAX 1000 /* environments that are counted, the oldest; others count as used */

struct activity;
struct loop;
struct snapshot;

/* Never from inside a call.  env: borrowed from the snapshot. */
struct activity_events {
	void (*on_used)(void *ctx, const char *env); /* since it was read before, or perhaps */
	void (*on_read)(void *ctx);		     /* once for all that was read together */
};

/* All borrowed but admin_socket. */
struct activity *activity_new(struct loop *loop, const char *admin_socket,
			      const struct activity_events *events, void *ctx);
void activity_free(struct activity *activity); /* NULL is fine; not from inside a callback */

void activity_set(struct activity *activity, struct snapshot *snapshot);
/* Read it now, as HAProxy is about to be another process, or has just become one. */
void activity_read(struct activity *activity);

#endif
