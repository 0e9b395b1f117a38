/*
 * Which rights HAProxy's worker has where the settings do not say: those that the distributions
 * give it.
 */
#ifndef MF_CMD_PRIVILEGES_H
#define MF_CMD_PRIVILEGES_H

struct settings;

/*
 * Set what the file leaves open of haproxy.user, group, chroot and socket_group: to the usual names
 * that this host has, as long as HAProxy's directory belongs to root.  Who else may write there
 * cannot start HAProxy with rights to give up.  All others become "".
 */
void privileges_preset(struct settings *settings);

#endif
