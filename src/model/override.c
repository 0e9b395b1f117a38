/* Overrides from their keys' values.  Knows nothing of which of them are in force. */
#include "model/override.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "model/node.h"

static int read_words(const struct node *map, const char *key, const char **ret_text,
		      struct mf_err *err)
{
	const struct node *node = node_find(map, key);
	const char *text;

	if (node == NULL)
		return 0;
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "%s", key);
	if (strlen(text) > OVERRIDE_MAX_HOLDER)
		return node_error(node, err, "%s: longer than %d bytes", key, OVERRIDE_MAX_HOLDER);
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return node_error(node, err, "%s: a control character", key);
	*ret_text = text;
	return 0;
}

static int read_object(const struct node *map, struct override *draft, struct mf_err *err)
{
	const struct node *version;
	int code;

	if (map->kind != NODE_MAP)
		return node_error(map, err, "must be a JSON object with version");
	version = node_find(map, "version");
	if (version == NULL)
		return node_error(map, err, "version is missing");
	code = node_get_name(version, NAME_VERSION, "version", &draft->version, err);
	if (code == 0)
		code = read_words(map, "holder", &draft->holder, err);
	return code == 0 ? read_words(map, "instance", &draft->instance, err) : code;
}

static const char *pack(char **strings, const char *s)
{
	size_t size = strlen(s) + 1;
	char *packed = memcpy(*strings, s, size);

	*strings += size;
	return packed;
}

static struct override *new_override(const struct override *draft)
{
	struct override *o =
	    mem_alloc(sizeof(*o) + strlen(draft->env) + strlen(draft->service) +
		      strlen(draft->version) + strlen(draft->holder) + strlen(draft->instance) + 5);
	char *strings = (char *)(o + 1);

	o->env = pack(&strings, draft->env);
	o->service = pack(&strings, draft->service);
	o->version = pack(&strings, draft->version);
	o->holder = pack(&strings, draft->holder);
	o->instance = pack(&strings, draft->instance);
	return o;
}

int override_parse(const char *env, const char *service, const char *value, size_t len,
		   struct override **ret_override, struct mf_err *err)
{
	struct override draft = {
	    .env = env, .service = service, .version = "", .holder = "", .instance = ""};
	struct node *root;
	int code;

	if (name_check(NAME_ENVIRONMENT, env, strlen(env), err) != 0)
		return mf_err_wrap(err, "override: environment");
	if (name_check(NAME_SERVICE, service, strlen(service), err) != 0)
		return mf_err_wrap(err, "override: service");
	code = node_parse_json(value, len, &root, err);
	if (code != 0)
		return mf_err_wrap(err, "override %s/%s", env, service);
	code = read_object(root, &draft, err);
	if (code != 0)
		code = mf_err_wrap(err, "override %s/%s", env, service);
	else
		*ret_override = new_override(&draft);
	node_free(root);
	return code;
}

void override_free(struct override *override)
{
	free(override);
}

void override_format(const struct override *override, struct buf *ret_value)
{
	buf_add_str(ret_value, "{\"version\":");
	str_add_json_string(ret_value, override->version, strlen(override->version));
	buf_add_str(ret_value, ",\"holder\":");
	str_add_json_string(ret_value, override->holder, strlen(override->holder));
	buf_add_str(ret_value, ",\"instance\":");
	str_add_json_string(ret_value, override->instance, strlen(override->instance));
	buf_add_char(ret_value, '}');
}
