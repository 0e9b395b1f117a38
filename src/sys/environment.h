/*
 * The environment that a program is started with.
 */
#ifndef MF_SYS_ENVIRONMENT_H
#define MF_SYS_ENVIRONMENT_H

/*
 * Ours, without etcd's user and password (ETCDCTL_USER, ETCDCTL_PASSWORD) and the names in unset,
 * and with set over it ("NAME=value"); both end with NULL and may be NULL.  The list is to be
 * freed, its strings are borrowed.
 */
const char **environment_make(const char *const *set, const char *const *unset);

#endif
