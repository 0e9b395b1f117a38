/*
 * Settings of applications: <prefix>/config/<scope>/<name>, any text.
 */
#ifndef MF_OPERATOR_CONFIG_H
#define MF_OPERATOR_CONFIG_H

#include <stddef.h>

struct etcd_kv;
struct mf_err;
struct strmap;

#define CONFIG_MAX_WORDS 4096 /* of a command */

/* As a version is written: letters, digits, '_', '.', '-', at most 128.  MF_EUSAGE. */
int config_check_scope(const char *scope, struct mf_err *err);

/* A setting into a map of them by name; one that nobody may have is not in it, with a warning. */
void config_keep(struct strmap *values, const char *name, const struct etcd_kv *kv);

/* The keys of such a map in order; to be freed, with borrowed strings. */
const char **config_sort(const struct strmap *values);

#endif
