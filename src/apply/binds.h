/*
 * Addresses that a configuration of HAProxy would listen on and the one before it does not.
 *
 * HAProxy's own check does not bind, and its reload (2.6) stops listening for about 2 s while it
 * waits in vain for a taken address: so they are tried first, by us, if that tells anything.
 */
#ifndef MF_APPLY_BINDS_H
#define MF_APPLY_BINDS_H

#include <stdbool.h>

struct mf_err;

/*
 * Bind each new numeric ADDRESS:PORT of the `bind` lines for a moment.  MF_EDATA with the address
 * when one is taken or not this machine's; what cannot be judged here passes.
 */
int binds_try(const char *old_config, const char *new_config, struct mf_err *err);

/* Whether that process has the same network as ours; false also when it cannot be seen. */
bool binds_same_network(int pid);

#endif
