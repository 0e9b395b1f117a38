/*
 * The snapshot that haproxy.cfg is made of: the real one, and behind its backends the empty ones
 * that are kept in reserve for versions that are not known yet.
 */
#ifndef MF_RENDER_OUTPUT_RESERVE_H
#define MF_RENDER_OUTPUT_RESERVE_H

#include "base/span.h"

struct output_bare;
struct output_reserve;
struct snapshot;

/*
 * samples: as output_bare.h makes them of this snapshot; config: haproxy.cfg as rendered of them.
 * Up to count backends of each kind are kept, and of none whose section says anything of the
 * version it is for, or that takes no servers at run time.  Borrows snapshot and samples.
 */
struct output_reserve *output_reserve_new(const struct snapshot *snapshot,
					  const struct output_bare *samples, struct span config,
					  unsigned count);
const struct snapshot *output_reserve_snapshot(const struct output_reserve *reserve);
void output_reserve_free(struct output_reserve *reserve); /* NULL is fine */

#endif
