/* A snapshot without its servers, to see what of haproxy.cfg does not depend on them. */
#ifndef MF_RENDER_OUTPUT_BARE_H
#define MF_RENDER_OUTPUT_BARE_H

#include <stdbool.h>

struct instance;
struct output_bare;
struct snapshot;

/*
 * Borrows the snapshot.  is_sample: in the place of its backends there are two for each service
 * that has settings of its own, and two for all others, whose service is "*"; their versions are
 * "*" and "+", which has a server.
 */
struct output_bare *output_bare_new(const struct snapshot *snapshot, bool is_sample);
const struct snapshot *output_bare_snapshot(const struct output_bare *bare);
/* That server alone, which no real one is. */
struct instance **output_bare_servers(void);
void output_bare_free(struct output_bare *bare);

#endif
