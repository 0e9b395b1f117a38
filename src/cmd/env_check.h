/*
 * Environment files, and that of the settings of services, validated on their own and by the
 * policy: envwatch --check.
 */
#ifndef MF_CMD_ENV_CHECK_H
#define MF_CMD_ENV_CHECK_H

struct settings;

/* As file_check_all; owner: whose environments they would be.  The settings name the policy and the
 * file of services. */
int env_check_files(const char *owner, const struct settings *settings, char *const *paths,
		    int count);

#endif
