/*
 * The ports that services of other protocols than HTTP want to listen on, and who gets them: of
 * those that have a backend the first by name; and nobody one that the settings give to HAProxy
 * itself, as two listeners of one process would share the connections.
 */
#ifndef MF_MODEL_PORTS_H
#define MF_MODEL_PORTS_H

#include <stdbool.h>

struct ports;
struct service;
struct settings;
struct snapshot;

struct ports *ports_new(void);
void ports_free(struct ports *ports);

/* Borrowed; NULL: HAProxy has none.  True: somebody wants a port, so that problems may change. */
bool ports_set_settings(struct ports *ports, const struct settings *settings);

/* One that wants none is passed over.  Borrowed until it is deleted. */
void ports_add(struct ports *ports, struct service *service);
void ports_del(struct ports *ports, const struct service *service);

/*
 * A problem for each that does not get its port, or that the default environment does not name; and
 * for each environment that no address is left for (model/places.h).
 * The snapshot's services and environments are filled in.
 */
void ports_add_problems(const struct ports *ports, struct snapshot *snapshot);

#endif
