/* One setting of an application.  Knows nothing of what it means. */
#include "model/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"

static int check(const char *scope, const char *name, const char *value, size_t len,
		 struct mf_err *err)
{
	if (name_check(NAME_VERSION, scope, strlen(scope), err) != 0)
		return mf_err_wrap(err, "config: scope");
	if (name_check(NAME_VERSION, name, strlen(name), err) != 0)
		return mf_err_wrap(err, "config %s: name", scope);
	if (len > CONFIG_MAX_VALUE)
		return mf_err_set(err, MF_EDATA, "config %s/%s: longer than %zu bytes", scope, name,
				  CONFIG_MAX_VALUE);
	if (!str_is_utf8(value, len))
		return mf_err_set(err, MF_EDATA, "config %s/%s: no text in UTF-8", scope, name);
	return 0;
}

int config_parse(const char *scope, const char *name, const char *value, size_t len,
		 struct config **ret_config, struct mf_err *err)
{
	struct config *config;

	if (check(scope, name, value, len, err) != 0)
		return err->code;
	config = MEM_NEW(config);
	config->refs = 1;
	config->scope = mem_dup_str(scope);
	config->name = mem_dup_str(name);
	config->value = mem_dup_bytes(value, len);
	*ret_config = config;
	return 0;
}

struct config *config_ref(struct config *config)
{
	config->refs++;
	return config;
}

void config_unref(struct config *config)
{
	if (config == NULL || --config->refs != 0)
		return;
	free(config->scope);
	free(config->name);
	free(config->value);
	free(config);
}
