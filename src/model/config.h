/*
 * Settings of applications, which templates see.  Immutable, shared by counting references.
 */
#ifndef MF_MODEL_CONFIG_H
#define MF_MODEL_CONFIG_H

#include <stddef.h>

struct mf_err;

#define CONFIG_MAX_VALUE ((size_t)1 << 16) /* bytes */

struct config {
	unsigned refs;
	char *scope, *name, *value;
};

/*
 * /mayfly/config/<scope>/<name>: any text in UTF-8.  Scope and name are written as versions are.
 * Errors, in which the value never is: `config shop/level: ...`.
 */
int config_parse(const char *scope, const char *name, const char *value, size_t len,
		 struct config **ret_config, struct mf_err *err);
struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* NULL is fine */

#endif
