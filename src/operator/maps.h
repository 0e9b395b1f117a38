/*
 * The maps that requests are routed by, for whoever looks up what HAProxy looks up: as kvwatch
 * would write them for a snapshot, or those of the running HAProxy.
 */
#ifndef MF_OPERATOR_MAPS_H
#define MF_OPERATOR_MAPS_H

#include <stdbool.h>

#include "render/routing.h"

struct call;
struct mf_err;
struct snapshot;

struct maps;

struct maps *maps_new(const struct snapshot *snapshot); /* borrows the snapshot */
/* Each look-up is a question to the admin socket of the settings (operator/runtime.h). */
struct maps *maps_new_live(struct call *call);
void maps_free(struct maps *maps);

/* map_str: the entry with that key. */
bool maps_find(struct maps *maps, enum routing_map map, const char *key,
	       struct routing_entry *ret_entry);
/* map_beg: the entry with the longest key that the text begins with. */
bool maps_find_longest(struct maps *maps, enum routing_map map, const char *text,
		       struct routing_entry *ret_entry);

/* The error that a look-up in the running HAProxy met first; after it nothing is found.  0: none.
 */
int maps_error(const struct maps *maps, struct mf_err *err);

#endif
