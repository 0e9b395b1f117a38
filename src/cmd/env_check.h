/*
 * Environment files validated on their own, and by the policy: envwatch --check.
 */
#ifndef MF_CMD_ENV_CHECK_H
#define MF_CMD_ENV_CHECK_H

/* As file_check_all; owner: whose environments they would be.  policy: its path, "" for none. */
int env_check_files(const char *owner, const char *policy, char *const *paths, int count);

#endif
