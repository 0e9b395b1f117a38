/*
 * Ends what operators said of instances that have gone (model/imposed.h): once an instance has been
 * gone for the settings' state_grace, its key is deleted from etcd, unless either is another one by
 * then.  Every kvwatch of a fleet does so, a little apart; the first one's transaction does it.
 */
#ifndef MF_STORE_UNUSED_STATES_H
#define MF_STORE_UNUSED_STATES_H

struct loop;
struct settings;
struct snapshot;
struct unused_states;

/* Both borrowed. */
struct unused_states *unused_states_new(struct loop *loop, const struct settings *settings);
void unused_states_free(struct unused_states *unused); /* NULL is fine */

/* What there is now; one that is new in it has gone at this moment. */
void unused_states_set(struct unused_states *unused, const struct snapshot *snapshot);

#endif
