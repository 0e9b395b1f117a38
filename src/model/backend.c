/*
 * Instances from their keys' values.  Knows nothing of which of them are in force.
 */
#include "model/backend.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "model/node.h"

#define WEIGHT_DEFAULT	   100
#define WEIGHT_MAX	   256
#define ATTRIBUTE_NAME_MAX 63
#define COUNT(a)	   (sizeof(a) / sizeof((a)[0]))

static const char *const state_words[] = {
    [INSTANCE_UP] = "up", [INSTANCE_DRAIN] = "drain", [INSTANCE_MAINT] = "maint"};

/* --- instances ------------------------------------------------------------------------------- */

struct draft {
	char *address;
	unsigned port, weight;
	unsigned state;
	bool is_name;
};

static int read_address(const struct node *map, struct draft *draft, struct mf_err *err)
{
	const struct node *node = node_find(map, "address");
	struct mf_err why;
	const char *text;

	if (node == NULL)
		return node_error(map, err, "address is missing");
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "address");
	if (name_parse_address(text, strlen(text), &draft->address, &why) != 0)
		return node_error(node, err, "address %s", why.msg);
	return 0;
}

static int read_number(const struct node *map, const char *key, long min, long max, unsigned *ret,
		       struct mf_err *err)
{
	const struct node *node = node_find(map, key);
	long n;

	if (node == NULL)
		return 0;
	if (node_get_int(node, min, max, &n, err) != 0)
		return mf_err_wrap(err, "%s", key);
	*ret = (unsigned)n;
	return 0;
}

static int check_tags(const struct node *node, struct mf_err *err)
{
	const char *text;
	int code = node_check_list(node, err);

	for (size_t i = 0; code == 0 && i < node->child_count; i++)
		code = node_get_text(&node->children[i], &text, err);
	return code == 0 ? 0 : mf_err_wrap(err, "tags");
}

static int read_object(const struct node *map, struct draft *draft, struct mf_err *err)
{
	const struct node *state = node_find(map, "state"), *tags = node_find(map, "tags");
	int code;

	if (map->kind != NODE_MAP)
		return node_error(map, err, "must be ADDRESS:PORT or a JSON object");
	code = read_address(map, draft, err);
	if (code == 0)
		code = read_number(map, "port", 1, 65535, &draft->port, err);
	if (code == 0 && draft->port == 0)
		code = node_error(map, err, "port is missing");
	if (code == 0)
		code = read_number(map, "weight", 0, WEIGHT_MAX, &draft->weight, err);
	if (code == 0 && state != NULL &&
	    (code = node_get_word(state, state_words, COUNT(state_words), &draft->state, err)) != 0)
		return mf_err_wrap(err, "state");
	return code == 0 && tags != NULL ? check_tags(tags, err) : code;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int read_value(const char *value, size_t len, struct draft *draft, struct mf_err *err)
{
	struct node *root;
	int code;

	while (len > 0 && is_space(value[len - 1])) /* as a shell's redirection leaves it */
		len--;
	if (len == 0 || value[0] != '{')
		return name_parse_endpoint(value, len, &draft->address, &draft->port, err);
	code = node_parse_json(value, len, &root, err);
	if (code != 0)
		return code;
	code = read_object(root, draft, err);
	node_free(root);
	return code;
}

static char *pack(char **strings, const char *s)
{
	size_t size = strlen(s) + 1;
	char *packed = *strings;

	memcpy(packed, s, size);
	*strings += size;
	return packed;
}

static struct instance *new_instance(const char *service, const char *version, const char *id,
				     const struct draft *draft)
{
	char port[16];
	struct instance *instance;
	char *strings;
	int n;

	assert(draft->address != NULL);
	n = snprintf(port, sizeof(port), ":%u", draft->port);
	instance = mem_alloc(sizeof(*instance) + strlen(service) + strlen(version) + strlen(id) +
			     2 * strlen(draft->address) + (size_t)n + 5);
	strings = (char *)(instance + 1);
	instance->refs = 1;
	instance->service = pack(&strings, service);
	instance->version = pack(&strings, version);
	instance->id = pack(&strings, id);
	instance->address = pack(&strings, draft->address);
	instance->server = pack(&strings, draft->address);
	strings--; /* the port follows in the place of the NUL */
	(void)pack(&strings, port);
	instance->is_name = draft->is_name;
	instance->port = draft->port;
	instance->weight = draft->weight;
	instance->state = (enum instance_state)draft->state;
	return instance;
}

static int check_names(const char *service, const char *version, const char *id, struct mf_err *err)
{
	if (name_check(NAME_SERVICE, service, strlen(service), err) != 0)
		return mf_err_wrap(err, "instance: service");
	if (name_check(NAME_VERSION, version, strlen(version), err) != 0)
		return mf_err_wrap(err, "instance: version");
	if (name_check(NAME_INSTANCE, id, strlen(id), err) != 0)
		return mf_err_wrap(err, "instance: id");
	return 0;
}

int instance_parse(const char *service, const char *version, const char *id, const char *value,
		   size_t len, struct instance **ret_instance, struct mf_err *err)
{
	struct draft draft = {.weight = WEIGHT_DEFAULT, .state = INSTANCE_UP};
	int code = check_names(service, version, id, err);

	if (code != 0)
		return code;
	code = read_value(value, len, &draft, err);
	if (code != 0)
		code = mf_err_wrap(err, "instance %s/%s/%s", service, version, id);
	else
		*ret_instance = new_instance(service, version, id, &draft);
	free(draft.address);
	return code;
}

/* "10.0.0.300" is no host's name, but a slip of the pen. */
static bool is_host_name(const char *name)
{
	const char *last = strrchr(name, '.');

	return strspn(last == NULL ? name : last + 1, "0123456789") !=
	       strlen(last == NULL ? name : last + 1);
}

static int read_named(const char *endpoint, size_t len, struct draft *draft, struct mf_err *err)
{
	buf_auto struct buf quoted = BUF_INIT;
	int64_t port;

	draft->address = mem_dup_bytes(endpoint, len);
	if (name_check(NAME_HOST, draft->address, len, err) != 0)
		return err->code;
	if (is_host_name(draft->address) && str_parse_int(endpoint + len + 1, 1, 65535, &port)) {
		draft->is_name = true;
		draft->port = (unsigned)port;
		return 0;
	}
	name_add_quoted(&quoted, endpoint, strlen(endpoint));
	return mf_err_set(err, MF_EDATA,
			  "%s: must be an address or a host name, and a port, such as "
			  "10.0.0.5:8080 or db.example.com:5432",
			  quoted.data);
}

static int read_endpoint(const char *endpoint, struct draft *draft, struct mf_err *err)
{
	size_t len = strcspn(endpoint, ":");
	struct mf_err why;

	if (name_parse_endpoint(endpoint, strlen(endpoint), &draft->address, &draft->port, &why) ==
	    0)
		return 0;
	if (endpoint[0] != '[' && endpoint[len] == ':')
		return read_named(endpoint, len, draft, err);
	*err = why;
	return why.code;
}

int instance_parse_fixed(const char *service, const char *version, const char *endpoint,
			 struct instance **ret_instance, struct mf_err *err)
{
	struct draft draft = {.weight = WEIGHT_DEFAULT, .state = INSTANCE_UP};
	int code = read_endpoint(endpoint, &draft, err);

	if (code == 0)
		*ret_instance = new_instance(service, version, INSTANCE_FIXED, &draft);
	free(draft.address);
	return code;
}

struct instance *instance_ref(struct instance *instance)
{
	instance->refs++;
	return instance;
}

void instance_unref(struct instance *instance)
{
	if (instance != NULL && --instance->refs == 0)
		free(instance);
}

int instance_check_attribute(const char *name, struct mf_err *err)
{
	static const char *const ours[] = {"address", "port", "weight", "state", "tags"};
	size_t len = strlen(name);

	if (len == 0 || len > ATTRIBUTE_NAME_MAX || !str_is_utf8(name, len))
		return mf_err_set(err, MF_EDATA, "an attribute's name has 1 to %d bytes of UTF-8",
				  ATTRIBUTE_NAME_MAX);
	for (size_t i = 0; i < COUNT(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return mf_err_set(err, MF_EDATA, "attribute %s: has a place of its own",
					  name);
	return 0;
}

static void format_extra(const struct instance_extra *extra, struct buf *b)
{
	if (extra->tags != NULL && extra->tags[0] != NULL) {
		buf_add_str(b, ",\"tags\":[");
		for (size_t i = 0; extra->tags[i] != NULL; i++) {
			if (i > 0)
				buf_add_char(b, ',');
			str_add_json_string(b, extra->tags[i], strlen(extra->tags[i]));
		}
		buf_add_char(b, ']');
	}
	for (size_t i = 0; i < extra->attribute_count; i++) {
		const struct attribute *a = &extra->attributes[i];

		buf_add_char(b, ',');
		str_add_json_string(b, a->name, strlen(a->name));
		buf_add_char(b, ':');
		str_add_json_string(b, a->value, strlen(a->value));
	}
}

static bool is_extra(const struct instance_extra *extra)
{
	return extra != NULL &&
	       ((extra->tags != NULL && extra->tags[0] != NULL) || extra->attribute_count > 0);
}

void instance_format(const struct instance *instance, const struct instance_extra *extra,
		     struct buf *ret_value)
{
	bool is_v6 = strchr(instance->address, ':') != NULL;

	if (instance->weight == WEIGHT_DEFAULT && instance->state == INSTANCE_UP &&
	    !is_extra(extra)) {
		buf_printf(ret_value, is_v6 ? "[%s]:%u" : "%s:%u", instance->address,
			   instance->port);
		return;
	}
	buf_printf(ret_value, "{\"address\":\"%s\",\"port\":%u,\"weight\":%u,\"state\":\"%s\"",
		   instance->address, instance->port, instance->weight,
		   state_words[instance->state]);
	if (extra != NULL)
		format_extra(extra, ret_value);
	buf_add_char(ret_value, '}');
}
