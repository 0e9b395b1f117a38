/*
 * Instances from their keys' values.  Knows nothing of which of them are in force.
 */
#include "model/backend.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fields.h"

#define WEIGHT_DEFAULT	   100
#define WEIGHT_MAX	   256
#define ATTRIBUTE_NAME_MAX 63
#define COUNT(a)	   (sizeof(a) / sizeof((a)[0]))

static const char *const state_words[] = {
    [INSTANCE_UP] = "up", [INSTANCE_DRAIN] = "drain", [INSTANCE_MAINT] = "maint", NULL};

/* --- the format ------------------------------------------------------------------------------ */

/* The address and the server's name are the draft's own. */
struct draft {
	struct instance instance;
	const char **tags; /* only checked */
};

static const struct field tag = {.kind = FIELD_TEXT, .size = sizeof(char *)};

#define INSTANCE(member) FIELD_AT(struct draft, instance.member)
static const struct field rows[] = {
    {"service", FIELD_NAME, FIELD_IN_KEY, INSTANCE(service), .type = &value_service},
    {"version", FIELD_NAME, FIELD_IN_KEY, INSTANCE(version), .type = &value_version},
    {"id", FIELD_NAME, FIELD_IN_KEY, INSTANCE(id), .type = &value_instance},
    {"server", FIELD_TEXT, FIELD_IN_KEY | FIELD_OWN, INSTANCE(server)},
    {"address", FIELD_NAME, FIELD_REQUIRED | FIELD_OWN, INSTANCE(address), .type = &value_address,
     .doc = "A numeric address."},
    {"port", FIELD_INT, FIELD_REQUIRED, INSTANCE(port), .min = 1, .max = 65535,
     .doc = "The port at that address."},
    {"weight", FIELD_INT, INSTANCE(weight), .max = WEIGHT_MAX, .preset = "100",
     .doc = "The load-balancing weight."},
    {"state", FIELD_WORD, INSTANCE(state), .words = state_words, .preset = "up",
     .doc = "`up`; `drain`: only what belongs to it already goes there; `maint`: nothing does."},
    {"tags", FIELD_LIST, FIELD_AT(struct draft, tags), .item = &tag,
     .doc = "Words for others to read."},
};
const struct fields fields_of_instance = {
    FIELDS_ROWS(rows),
    .expected = "ADDRESS:PORT or a JSON object",
    .is_open = true,
};

/* --- instances ------------------------------------------------------------------------------- */

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
		return name_parse_endpoint(value, len, &draft->instance.address,
					   &draft->instance.port, err);
	code = node_parse_json(value, len, &root, err);
	if (code != 0)
		return code;
	code = fields_read(&fields_of_instance, root, draft, true, err);
	node_free(root);
	return code;
}

static struct instance *make_instance(struct draft *draft)
{
	draft->instance.refs = 1;
	draft->instance.server = mem_printf("%s:%u", draft->instance.address, draft->instance.port);
	return fields_pack(&fields_of_instance, draft, sizeof(draft->instance));
}

int instance_parse(const char *service, const char *version, const char *id, const char *value,
		   size_t len, struct instance **ret_instance, struct mf_err *err)
{
	const char *const key[] = {service, version, id};
	struct draft draft = {.tags = NULL};
	int code = fields_read_key(&fields_of_instance, "instance", key, &draft, err);

	if (code != 0)
		return code;
	fields_preset(&fields_of_instance, &draft);
	code = read_value(value, len, &draft, err);
	if (code != 0)
		code = mf_err_wrap(err, "instance %s/%s/%s", service, version, id);
	else
		*ret_instance = make_instance(&draft);
	fields_fini(&fields_of_instance, &draft);
	return code;
}

/* "10.0.0.300" and "0x7f.1" are no host's names: resolvers take the latter for addresses. */
static bool is_host_name(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot == NULL ? name : dot + 1;

	if (str_has_prefix(last, "0x"))
		return last[2 + strspn(last + 2, "0123456789abcdef")] != '\0';
	return last[strspn(last, "0123456789")] != '\0';
}

static int read_named(const char *endpoint, size_t len, struct instance *instance,
		      struct mf_err *err)
{
	buf_auto struct buf quoted = BUF_INIT;
	int64_t port;

	instance->address = mem_dup_bytes(endpoint, len);
	if (name_check(NAME_HOST, instance->address, len, err) != 0)
		return err->code;
	if (is_host_name(instance->address) && str_parse_int(endpoint + len + 1, 1, 65535, &port)) {
		instance->is_name = true;
		instance->port = (unsigned)port;
		return 0;
	}
	name_add_quoted(&quoted, endpoint, strlen(endpoint));
	return mf_err_set(err, MF_EDATA,
			  "%s: must be an address or a host name, and a port, such as "
			  "10.0.0.5:8080 or db.example.com:5432",
			  quoted.data);
}

static int read_endpoint(const char *endpoint, struct instance *instance, struct mf_err *err)
{
	size_t len = strcspn(endpoint, ":");
	struct mf_err why;

	if (name_parse_endpoint(endpoint, strlen(endpoint), &instance->address, &instance->port,
				&why) == 0)
		return 0;
	if (endpoint[0] != '[' && endpoint[len] == ':')
		return read_named(endpoint, len, instance, err);
	*err = why;
	return why.code;
}

int instance_parse_fixed(const char *service, const char *version, const char *endpoint,
			 struct instance **ret_instance, struct mf_err *err)
{
	struct draft draft = {.tags = NULL};
	int code;

	fields_preset(&fields_of_instance, &draft);
	draft.instance.service = (char *)(uintptr_t)service;
	draft.instance.version = (char *)(uintptr_t)version;
	draft.instance.id = (char *)(uintptr_t)INSTANCE_FIXED;
	code = read_endpoint(endpoint, &draft.instance, err);
	if (code == 0)
		*ret_instance = make_instance(&draft);
	fields_fini(&fields_of_instance, &draft);
	return code;
}

struct instance *instance_hold(const struct instance *instance, bool is_draining)
{
	struct instance draft = *instance;

	draft.refs = 1;
	draft.is_held = true;
	if (is_draining)
		draft.state = INSTANCE_DRAIN;
	return fields_pack(&fields_of_instance, &draft, sizeof(draft));
}

const char *instance_name(const struct instance *instance)
{
	return strcmp(instance->id, INSTANCE_FIXED) == 0 ? instance->server : instance->id;
}

bool instance_takes_requests(const struct instance *instance)
{
	return instance->state == INSTANCE_UP && instance->weight > 0;
}

const char *instance_state_word(enum instance_state state)
{
	return state_words[state];
}

struct instance *instance_impose(struct instance *own, enum instance_state state)
{
	struct instance draft = *own;

	draft.refs = 1;
	draft.imposed = state;
	draft.state = state > own->state ? state : own->state;
	draft.own = instance_ref(own);
	return fields_pack(&fields_of_instance, &draft, sizeof(draft));
}

struct instance *instance_ref(struct instance *instance)
{
	instance->refs++;
	return instance;
}

void instance_unref(struct instance *instance)
{
	if (instance == NULL || --instance->refs != 0)
		return;
	instance_unref(instance->own);
	free(instance);
}

int instance_check_attribute(const char *name, struct mf_err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > ATTRIBUTE_NAME_MAX || !str_is_utf8(name, len))
		return mf_err_set(err, MF_EDATA, "an attribute's name has 1 to %d bytes of UTF-8",
				  ATTRIBUTE_NAME_MAX);
	for (size_t i = 0; i < COUNT(rows); i++)
		if ((rows[i].flags & FIELD_IN_KEY) == 0 && strcmp(name, rows[i].key) == 0)
			return mf_err_set(err, MF_EDATA, "attribute %s: has a place of its own",
					  name);
	return 0;
}

static void format_extra(const struct instance_extra *extra, struct buf *b)
{
	if (extra->tags != NULL && extra->tags[0] != NULL) {
		json_open(b, "tags", '[');
		for (size_t i = 0; extra->tags[i] != NULL; i++)
			json_put(b, NULL, extra->tags[i]);
		json_close(b, ']');
	}
	for (size_t i = 0; i < extra->attribute_count; i++)
		json_put(b, extra->attributes[i].name, extra->attributes[i].value);
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
	json_open(ret_value, NULL, '{');
	json_put(ret_value, "address", instance->address);
	json_put_int(ret_value, "port", instance->port);
	json_put_int(ret_value, "weight", instance->weight);
	json_put(ret_value, "state", state_words[instance->state]);
	if (extra != NULL)
		format_extra(extra, ret_value);
	json_close(ret_value, '}');
}
