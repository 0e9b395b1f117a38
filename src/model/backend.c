/*
 * Instances and services from their keys' values.  Knows nothing of which of them are in force.
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

#define WEIGHT_DEFAULT	    100
#define WEIGHT_MAX	    256
#define ATTRIBUTE_NAME_MAX  63
#define INTERVAL_DEFAULT_MS 2000
#define DURATION_MIN_MS	    10
#define DURATION_MAX_MS	    86400000
#define COUNT(a)	    (sizeof(a) / sizeof((a)[0]))

static const char *const state_words[] = {
    [INSTANCE_UP] = "up", [INSTANCE_DRAIN] = "drain", [INSTANCE_MAINT] = "maint"};
static const char *const balance_words[] = {[BALANCE_ROUNDROBIN] = "roundrobin",
					    [BALANCE_LEASTCONN] = "leastconn",
					    [BALANCE_SOURCE] = "source",
					    [BALANCE_RANDOM] = "random"};

static int read_word(const struct node *node, const char *const *words, size_t count,
		     unsigned *ret_index, struct mf_err *err)
{
	int code = node_get_word(node, words, count, ret_index, err);

	return code == 0 ? 0 : mf_err_wrap(err, "%s", node->key);
}

/* --- instances ------------------------------------------------------------------------------- */

struct draft {
	char *address;
	unsigned port, weight;
	unsigned state;
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
	if (code == 0 && state != NULL)
		code = read_word(state, state_words, COUNT(state_words), &draft->state, err);
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

/* --- services -------------------------------------------------------------------------------- */

static int read_duration(const struct node *map, const char *key, int64_t *ret_ms,
			 struct mf_err *err)
{
	const struct node *node = node_find(map, key);
	long long ms;

	if (node == NULL)
		return 0;
	if (node_get_duration(node, &ms, err) != 0)
		return mf_err_wrap(err, "%s", key);
	if (ms < DURATION_MIN_MS || ms > DURATION_MAX_MS)
		return node_error(node, err, "%s: must be from 10ms to 1d", key);
	*ret_ms = ms;
	return 0;
}

static int read_check(const struct node *map, const char **ret_check, struct mf_err *err)
{
	const struct node *node = node_find(map, "check");
	const char *text;

	if (node == NULL)
		return 0;
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "check");
	if (text[0] == '\0' || strcmp(text, "tcp") == 0) {
		*ret_check = text;
		return 0;
	}
	if (text[0] != '/')
		return node_error(node, err, "check: must be tcp or a path for HTTP checks");
	return node_get_name(node, NAME_ROUTE, "check", ret_check, err);
}

static int check_unsupported(const struct node *map, struct mf_err *err)
{
	static const char *const protocols[] = {"http", "tcp"};
	const struct node *protocol = node_find(map, "protocol");
	const struct node *listen = node_find(map, "listen");
	const struct node *addresses = node_find(map, "addresses");
	unsigned which = 0;

	if (protocol != NULL && read_word(protocol, protocols, COUNT(protocols), &which, err) != 0)
		return MF_EDATA;
	if (which != 0)
		return node_error(protocol, err, "protocol: tcp: not supported yet");
	if (listen != NULL)
		return node_error_key(listen, err, "listen: not supported yet");
	if (addresses != NULL)
		return node_error_key(addresses, err, "addresses: not supported yet");
	return 0;
}

static int read_service(const struct node *map, struct service *service, const char **ret_check,
			struct mf_err *err)
{
	static const char *const keys[] = {"protocol",	     "balance",		"check",
					   "check_interval", "connect_timeout", "server_timeout",
					   "listen",	     "addresses"};
	const struct node *balance = node_find(map, "balance");
	unsigned which = BALANCE_ROUNDROBIN;
	int code = node_check_keys(map, keys, COUNT(keys), err);

	if (code == 0)
		code = check_unsupported(map, err);
	if (code == 0 && balance != NULL)
		code = read_word(balance, balance_words, COUNT(balance_words), &which, err);
	if (code == 0)
		code = read_check(map, ret_check, err);
	if (code == 0)
		code = read_duration(map, "check_interval", &service->check_interval, err);
	if (code == 0)
		code = read_duration(map, "connect_timeout", &service->connect_timeout, err);
	if (code == 0)
		code = read_duration(map, "server_timeout", &service->server_timeout, err);
	service->balance = (enum service_balance)which;
	return code;
}

int service_parse(const char *name, const char *value, size_t len, struct service **ret_service,
		  struct mf_err *err)
{
	struct service draft = {.refs = 1, .check_interval = INTERVAL_DEFAULT_MS};
	const char *check = "";
	struct node *root;
	int code = name_check(NAME_SERVICE, name, strlen(name), err);

	if (code != 0)
		return mf_err_wrap(err, "service");
	code = node_parse_json(value, len, &root, err);
	if (code != 0)
		return mf_err_wrap(err, "service %s", name);
	code = read_service(root, &draft, &check, err);
	if (code != 0) {
		code = mf_err_wrap(err, "service %s", name);
	} else {
		*ret_service = MEM_NEW(*ret_service);
		draft.name = mem_dup_str(name);
		draft.check = mem_dup_str(check);
		**ret_service = draft;
	}
	node_free(root);
	return code;
}

struct service *service_ref(struct service *service)
{
	service->refs++;
	return service;
}

void service_unref(struct service *service)
{
	if (service == NULL || --service->refs != 0)
		return;
	free(service->name);
	free(service->check);
	free(service);
}

const char *service_balance_word(enum service_balance balance)
{
	return balance_words[balance];
}
