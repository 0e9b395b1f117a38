/*
 * Where dnsmasq's names were before the settings said hosts in the place of hostsdir, or hostsdir
 * in the place of hosts: kept in <state_dir>/dnsmasq, a line "hosts PATH" or "hostsdir DIR".
 */
#ifndef MF_APPLY_FORMER_H
#define MF_APPLY_FORMER_H

#include <stdbool.h>

struct mf_err;
struct settings;

bool former_is_noted(const struct settings *settings); /* former_clear has nothing to do */

/*
 * Take away what is there in the other form than that of the settings, and note theirs.  A hosts
 * file is emptied, as a dnsmasq that does not find it says so at each start; of a hostsdir, files
 * that are not ours stay.  MF_EWRITE, MF_EPERM.
 *
 * dnsmasq leaves out a name and address that it has of another file, and has neither when that file
 * goes: so if it reads both, it must read the new ones after this.
 */
int former_clear(const struct settings *settings, struct mf_err *err);

#endif
