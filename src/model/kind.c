/*
 * Kinds of keys.  Knows nothing of which objects are in force.
 */
#include "model/kind.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/backend.h"
#include "model/config.h"
#include "model/dns_name.h"
#include "model/env.h"
#include "model/imposed.h"
#include "model/lifetime.h"
#include "model/override.h"
#include "model/service.h"

#define KEY_MAX	   511 /* longer than any key of good names */
#define OBJECT_MAX ((size_t)200)
#define PARTS_MAX  3

/* --- keys ------------------------------------------------------------------------------------ */

struct key {
	char text[KEY_MAX + 1];
	const char *parts[PARTS_MAX];
};

/* What else keys of Mayfly's begin with, which others read and write. */
static const struct {
	const char *prefix;
	bool is_followed, is_past; /* see kind_is_followed and kind_make_past */
} foreign[] = {
    {.prefix = "archive/", .is_past = true},
    {.prefix = "certificates/", .is_followed = true},
    {.prefix = "fleet/"},
    {.prefix = "history/", .is_past = true},
    {.prefix = "locks/"},
    {.prefix = "nodes/"},
    {.prefix = "usage/"},
};
#define FOREIGN (sizeof(foreign) / sizeof(foreign[0]))

const struct kind *kind_find(const char *key)
{
	size_t i = 0;

	for (size_t k = 0; k < FOREIGN; k++)
		if (str_has_prefix(key, foreign[k].prefix))
			return NULL;
	while (!str_has_prefix(key, kinds[i].prefix)) /* the last one's is empty */
		i++;
	return &kinds[i];
}

bool kind_is_followed(const char *key)
{
	for (size_t i = 0; i < FOREIGN; i++)
		if (str_has_prefix(key, foreign[i].prefix))
			return foreign[i].is_followed;
	return true;
}

const char *kind_followed_part(size_t i)
{
	if (i < KIND_STRAY)
		return kinds[i].prefix;
	i -= KIND_STRAY;
	for (size_t k = 0; k < FOREIGN; k++)
		if (foreign[k].is_followed && i-- == 0)
			return foreign[k].prefix;
	return NULL;
}

static void add_part(char ***list, const char *prefix, const char *part)
{
	mem_auto_free char *key = mem_printf("%s/%s", prefix, part);

	strlist_add(list, key);
}

char **kind_make_past(const char *prefix, const char *also)
{
	char **list = NULL;

	for (size_t i = 0; i < FOREIGN; i++) {
		if (also != NULL && strcmp(also, foreign[i].prefix) < 0) {
			add_part(&list, prefix, also);
			also = NULL;
		}
		if (foreign[i].is_past)
			add_part(&list, prefix, foreign[i].prefix);
	}
	if (also != NULL)
		add_part(&list, prefix, also);
	return list;
}

static int refuse_stray(const char *key, struct mf_err *err)
{
	static const char what[] = "keys of Mayfly do not begin so, and it is ignored";
	size_t len = strcspn(key, "/");
	mem_auto_free char *beginning =
	    mem_printf("%.*s/", (int)(len < KEY_MAX ? len : KEY_MAX), key);
	const char *known[KIND_STRAY + FOREIGN], *nearest;

	for (size_t i = 0; i < KIND_STRAY; i++)
		known[i] = kinds[i].prefix;
	for (size_t i = 0; i < FOREIGN; i++)
		known[KIND_STRAY + i] = foreign[i].prefix;
	nearest = str_find_nearest(beginning, known, KIND_STRAY + FOREIGN);
	if (nearest == NULL)
		return mf_err_set(err, MF_EDATA, "%s", what);
	return mf_err_set(err, MF_EDATA, "%s: did you mean \"%s\"?", what, nearest);
}

static bool split_key(const struct kind *kind, const char *text, struct key *ret_key)
{
	const char *rest = text + strlen(kind->prefix);
	size_t n = 0;

	if (strlen(rest) > KEY_MAX)
		return false;
	(void)snprintf(ret_key->text, sizeof(ret_key->text), "%s", rest);
	ret_key->parts[n++] = ret_key->text;
	for (char *p = ret_key->text; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		if (n == kind->parts)
			return false;
		*p = '\0';
		ret_key->parts[n++] = p + 1;
	}
	return n == kind->parts;
}

/* --- kinds ----------------------------------------------------------------------------------- */

static int parse_env(const char *const parts[], const char *value, size_t len, int64_t created,
		     void **ret_object, struct mf_err *err)
{
	struct env *env;
	int code = env_parse_json(parts[0], value, len, created, &env, err);

	if (code == 0)
		*ret_object = env;
	return code;
}

static int parse_instance(const char *const parts[], const char *value, size_t len, int64_t created,
			  void **ret_object, struct mf_err *err)
{
	struct instance *instance;
	int code = instance_parse(parts[0], parts[1], parts[2], value, len, &instance, err);

	(void)created;
	if (code == 0)
		*ret_object = instance;
	return code;
}

static int parse_service(const char *const parts[], const char *value, size_t len, int64_t created,
			 void **ret_object, struct mf_err *err)
{
	struct service *service;
	int code = service_parse(parts[0], value, len, &service, err);

	(void)created;
	if (code == 0)
		*ret_object = service;
	return code;
}

static int parse_override(const char *const parts[], const char *value, size_t len, int64_t created,
			  void **ret_object, struct mf_err *err)
{
	struct override *override;
	int code = override_parse(parts[0], parts[1], value, len, &override, err);

	(void)created;
	if (code == 0)
		*ret_object = override;
	return code;
}

static int parse_state(const char *const parts[], const char *value, size_t len, int64_t created,
		       void **ret_object, struct mf_err *err)
{
	struct imposed *imposed;
	int code = imposed_parse(parts[0], parts[1], parts[2], value, len, created, &imposed, err);

	if (code == 0)
		*ret_object = imposed;
	return code;
}

static int parse_name(const char *const parts[], const char *value, size_t len, int64_t created,
		      void **ret_object, struct mf_err *err)
{
	struct dns_name *name;
	int code = dns_name_parse(parts[0], value, len, &name, err);

	(void)created;
	if (code == 0)
		*ret_object = name;
	return code;
}

static int parse_config(const char *const parts[], const char *value, size_t len, int64_t created,
			void **ret_object, struct mf_err *err)
{
	struct config *config;
	int code = config_parse(parts[0], parts[1], value, len, &config, err);

	(void)created;
	if (code == 0)
		*ret_object = config;
	return code;
}

static int parse_lifetime(const char *const parts[], const char *value, size_t len, int64_t created,
			  void **ret_object, struct mf_err *err)
{
	struct lifetime *lifetime;
	int code = lifetime_parse(parts[0], value, len, &lifetime, err);

	(void)created;
	if (code == 0)
		*ret_object = lifetime;
	return code;
}

#define REFERENCES(word, object)                                                                   \
	static void *keep_##word(void *kept)                                                       \
	{                                                                                          \
		return object##_ref(kept);                                                         \
	}                                                                                          \
	static void drop_##word(void *dropped)                                                     \
	{                                                                                          \
		object##_unref(dropped);                                                           \
	}
REFERENCES(env, env)
REFERENCES(instance, instance)
REFERENCES(service, service)
REFERENCES(override, override)
REFERENCES(state, imposed)
REFERENCES(name, dns_name)
REFERENCES(config, config)
REFERENCES(lifetime, lifetime)

static void format_env(const void *object, struct buf *ret_value)
{
	const struct env *env = object;

	env_format_json(env, env->owner, env->source, ret_value);
}

static void format_instance(const void *object, struct buf *ret_value)
{
	instance_format(object, NULL, ret_value);
}

static void format_service(const void *object, struct buf *ret_value)
{
	service_format(object, ret_value);
}

static void format_override(const void *object, struct buf *ret_value)
{
	override_format(object, ret_value);
}

static void format_state(const void *object, struct buf *ret_value)
{
	imposed_format(object, ret_value);
}

static void format_name(const void *object, struct buf *ret_value)
{
	dns_name_format(object, ret_value);
}

static void format_lifetime(const void *object, struct buf *ret_value)
{
	lifetime_format(object, ret_value);
}

const struct kind kinds[KIND_COUNT] = {
    [KIND_ENV] = {"environments/", "environment", "environments/NAME", 1, parse_env, keep_env,
		  drop_env, format_env},
    [KIND_INSTANCE] = {"backends/", "instance", "backends/SERVICE/VERSION/INSTANCE", 3,
		       parse_instance, keep_instance, drop_instance, format_instance},
    [KIND_SERVICE] = {"services/", "service", "services/NAME", 1, parse_service, keep_service,
		      drop_service, format_service},
    [KIND_OVERRIDE] = {"overrides/", "override", "overrides/ENVIRONMENT/SERVICE", 2, parse_override,
		       keep_override, drop_override, format_override},
    [KIND_STATE] = {"states/", "state", "states/SERVICE/VERSION/INSTANCE", 3, parse_state,
		    keep_state, drop_state, format_state},
    [KIND_NAME] = {"names/", "name", "names/NAME", 1, parse_name, keep_name, drop_name,
		   format_name},
    [KIND_CONFIG] = {"config/", "config", "config/SCOPE/NAME", 2, parse_config, keep_config,
		     drop_config, NULL},
    [KIND_LIFETIME] = {"lifetimes/", "lifetime", "lifetimes/ENVIRONMENT", 1, parse_lifetime,
		       keep_lifetime, drop_lifetime, format_lifetime},
    [KIND_STRAY] = {"", "key", NULL, 0, NULL, NULL, NULL, NULL},
};

int kind_parse(const struct kind *kind, const char *key, const char *value, size_t len,
	       int64_t created, void **ret_object, struct mf_err *err)
{
	struct key split;

	if (kind->parse == NULL)
		return refuse_stray(key, err);
	if (!split_key(kind, key, &split))
		return mf_err_set(err, MF_EDATA, "the key must be %s", kind->shape);
	return kind->parse(split.parts, value, len, created, ret_object, err);
}

char *kind_make_object(const struct kind *kind, const char *key)
{
	const char *rest = key + strlen(kind->prefix);
	size_t n = strlen(rest);
	struct buf object = BUF_INIT;

	buf_printf(&object, "%s ", kind->word);
	str_add_escaped(&object, rest, n > OBJECT_MAX ? OBJECT_MAX : n);
	return buf_take(&object);
}
