/*
 * One instance to be announced: its keys, copied and checked, and its form in etcd.  Knows nothing
 * of the sources that describe it, nor when it is announced.
 */
#include "register/announcement.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/name.h"
#include "model/node.h"
#include "model/settings.h"
#include "register/check.h"
#include "store/instances.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define DEFAULT_VERSION "latest"

enum { TTL_MIN_MS = 2000, TTL_MAX_MS = 86400000, DEFAULT_WEIGHT = 100, MAX_KEYS = 24 };

void announcement_init(struct announcement *a)
{
	*a = (struct announcement){.version = mem_dup_str(DEFAULT_VERSION),
				   .weight = DEFAULT_WEIGHT,
				   .state = INSTANCE_UP};
}

void announcement_copy(struct announcement *copy, const struct announcement *from)
{
	*copy = *from;
	copy->service = mem_dup_str(from->service);
	copy->version = mem_dup_str(from->version);
	copy->id = mem_dup_str(from->id);
	copy->address = mem_dup_str(from->address);
	copy->env = mem_dup_str(from->env);
	copy->tags = strlist_dup(from->tags);
	copy->attributes = mem_alloc(from->attribute_count * sizeof(*copy->attributes));
	for (size_t i = 0; i < from->attribute_count; i++) {
		copy->attributes[i].name = mem_dup_str(from->attributes[i].name);
		copy->attributes[i].value = mem_dup_str(from->attributes[i].value);
	}
	copy->checks = mem_alloc(from->check_count * sizeof(*copy->checks));
	for (size_t i = 0; i < from->check_count; i++)
		copy->checks[i] = check_spec_dup(from->checks[i]);
}

void announcement_fini(struct announcement *a)
{
	for (size_t i = 0; i < a->attribute_count; i++) {
		free(a->attributes[i].name);
		free(a->attributes[i].value);
	}
	for (size_t i = 0; i < a->check_count; i++)
		check_spec_free(a->checks[i]);
	free(a->checks);
	free(a->attributes);
	strlist_free(a->tags);
	free(a->service);
	free(a->version);
	free(a->id);
	free(a->address);
	free(a->env);
}

void announcement_add_attribute(struct announcement *a, const char *name, const char *value)
{
	a->attributes = mem_realloc(a->attributes, a->attribute_count + 1, sizeof(*a->attributes));
	a->attributes[a->attribute_count++] =
	    (struct attribute){mem_dup_str(name), mem_dup_str(value)};
}

void announcement_add_check(struct announcement *a, struct check_spec *check)
{
	a->checks = mem_realloc(a->checks, a->check_count + 1, sizeof(*a->checks));
	a->checks[a->check_count++] = check;
}

/* --- the keys --------------------------------------------------------------------------------- */

static int read_port(const struct node *node, struct announcement *a, struct mf_err *err)
{
	long port;

	if (node_get_int(node, 1, 65535, &port, err) != 0)
		return err->code;
	a->port = (unsigned)port;
	return 0;
}

static int read_weight(const struct node *node, struct announcement *a, struct mf_err *err)
{
	long weight;

	if (node_get_int(node, 0, 256, &weight, err) != 0)
		return err->code;
	a->weight = (unsigned)weight;
	return 0;
}

/* One of the words, by its index. */
static int read_word(const struct node *node, const char *const *words, size_t count,
		     unsigned *ret_which, struct mf_err *err)
{
	buf_auto struct buf list = BUF_INIT;
	const char *text;

	if (node_get_text(node, &text, err) != 0)
		return err->code;
	name_add_quoted(&list, text, strlen(text));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret_which = (unsigned)i;
			return 0;
		}
		buf_printf(&list, "%s%s", i == 0 ? ": must be one of " : ", ", words[i]);
	}
	return node_error(node, err, "%s", buf_str(&list));
}

static int read_state(const struct node *node, struct announcement *a, struct mf_err *err)
{
	static const char *const words[] = {
	    [INSTANCE_UP] = "up", [INSTANCE_DRAIN] = "drain", [INSTANCE_MAINT] = "maint"};
	unsigned which = 0;
	int code = read_word(node, words, COUNT(words), &which, err);

	a->state = (enum instance_state)which;
	return code;
}

static int read_on_fail(const struct node *node, struct announcement *a, struct mf_err *err)
{
	static const char *const words[] = {
	    [ON_FAIL_WITHDRAW] = "withdraw", [ON_FAIL_DRAIN] = "drain"};
	unsigned which = 0;
	int code = read_word(node, words, COUNT(words), &which, err);

	a->on_fail = (enum on_fail)which;
	return code;
}

static int read_initial(const struct node *node, struct announcement *a, struct mf_err *err)
{
	static const char *const words[] = {"down", "up"};
	unsigned which = 0;
	int code = read_word(node, words, COUNT(words), &which, err);

	a->is_initially_up = which == 1;
	return code;
}

static int read_steal(const struct node *node, struct announcement *a, struct mf_err *err)
{
	return node_get_bool(node, &a->steals, err);
}

static int read_ttl(const struct node *node, struct announcement *a, struct mf_err *err)
{
	long long ms;

	if (node_get_duration(node, &ms, err) != 0)
		return err->code;
	if (ms < TTL_MIN_MS || ms > TTL_MAX_MS)
		return node_error(node, err, "\"%s\": must be from 2s to 1d", node->text);
	a->ttl_ms = ms;
	return 0;
}

static int read_text(const struct node *node, const char **ret_text, struct mf_err *err)
{
	if (node_get_text(node, ret_text, err) != 0)
		return err->code;
	if (!str_is_utf8(*ret_text, strlen(*ret_text)))
		return node_error(node, err, "not UTF-8");
	return str_has_control(*ret_text) ? node_error(node, err, "a control character") : 0;
}

static int add_tag(const struct node *node, struct announcement *a, struct mf_err *err)
{
	const char *text;

	if (read_text(node, &text, err) != 0)
		return err->code;
	if (text[0] == '\0')
		return node_error(node, err, "must not be empty");
	strlist_add(&a->tags, text);
	return 0;
}

static int add_attribute(const struct node *node, struct announcement *a, struct mf_err *err)
{
	struct mf_err why;
	const char *text;

	if (str_has_control(node->key))
		return node_error_key(node, err, "a control character");
	if (instance_check_attribute(node->key, &why) != 0)
		return node_error_key(node, err, "%s", why.msg);
	if (read_text(node, &text, err) != 0)
		return mf_err_wrap(err, "%s", node->key);
	announcement_add_attribute(a, node->key, text);
	return 0;
}

static int read_attributes(const struct node *map, struct announcement *a, struct mf_err *err)
{
	int code = 0;

	if (map->kind != NODE_MAP)
		return node_error(map, err, "must be a map");
	if (map->child_count > ANNOUNCEMENT_MAX_ATTRIBUTES)
		return node_error(map, err, "%zu of them, at most %d are allowed", map->child_count,
				  ANNOUNCEMENT_MAX_ATTRIBUTES);
	for (size_t i = 0; i < map->child_count && code == 0; i++)
		code = add_attribute(&map->children[i], a, err);
	return code;
}

static int add_check(const struct node *node, struct announcement *a, struct mf_err *err)
{
	struct check_spec *check;

	if (check_spec_read(node, &check, err) != 0)
		return err->code;
	announcement_add_check(a, check);
	return 0;
}

#define NAME(member, kind) .name_kind = NAME_##kind, .offset = offsetof(struct announcement, member)

const struct announcement_field announcement_fields[] = {
    {.key = "service", NAME(service, SERVICE)},
    {.key = "name", NAME(service, SERVICE)},
    {.key = "version", NAME(version, VERSION)},
    {.key = "address"},
    {.key = "port", .read = read_port},
    {.key = "id",
     .option = "id",
     .arg = "ID",
     .help = "name of the instance (default <node>-<address>-<port>)",
     NAME(id, INSTANCE)},
    {.key = "weight",
     .option = "weight",
     .arg = "N",
     .help = "load-balancing weight, 0 to 256 (default 100)",
     .read = read_weight},
    {.key = "state",
     .option = "state",
     .arg = "STATE",
     .help = "up, drain (no new sessions) or maint (no traffic) (default up)",
     .read = read_state},
    {.key = "tags",
     .option = "tag",
     .arg = "TAG",
     .help = "tag that other programs can read; may be repeated",
     .read = add_tag,
     .max = ANNOUNCEMENT_MAX_TAGS},
    {.key = "attributes", .read = read_attributes},
    {.key = "check", .read = add_check, .is_named = true},
    {.key = "checks",
     .option = "check",
     .arg = "CHECK",
     .help = "announce the instance only while this check passes; may be repeated",
     .read = add_check,
     .max = ANNOUNCEMENT_MAX_CHECKS,
     .is_named = true},
    {.key = "on_fail",
     .option = "on-fail",
     .arg = "ACTION",
     .help = "withdraw or drain an instance whose check fails (default withdraw)",
     .read = read_on_fail},
    {.key = "initial",
     .option = "initial",
     .arg = "STATE",
     .help = "state before the first check, down or up (default down)",
     .read = read_initial},
    {.key = "env",
     .option = "env",
     .arg = "ENVIRONMENT",
     .help = "route the service in this environment to this version meanwhile",
     NAME(env, ENVIRONMENT)},
    {.key = "steal", .read = read_steal},
    {.key = "ttl",
     .option = "ttl",
     .arg = "TIME",
     .help = "lifetime of the instances after svcregister was killed (default 10s)",
     .read = read_ttl},
    {0},
};

/* --- from files ------------------------------------------------------------------------------- */

const struct announcement_field *announcement_find_field(const char *key)
{
	const struct announcement_field *field = announcement_fields;

	while (field->key != NULL && strcmp(field->key, key) != 0)
		field++;
	return field->key == NULL ? NULL : field;
}

void announcement_set_name(struct announcement *a, const struct announcement_field *field,
			   const char *name)
{
	char **member = (char **)((char *)a + field->offset);

	free(*member);
	*member = mem_dup_str(name);
}

static int read_list(const struct node *list, const struct announcement_field *field,
		     struct announcement *a, struct mf_err *err)
{
	int code = node_check_list(list, err);

	if (code == 0 && list->child_count > field->max)
		code = node_error(list, err, "%zu of them, at most %zu are allowed",
				  list->child_count, field->max);
	if (code != 0)
		return mf_err_wrap(err, "%s", field->key);
	for (size_t i = 0; i < list->child_count && code == 0; i++)
		code = field->read(&list->children[i], a, err);
	return code == 0 || field->is_named ? code : mf_err_wrap(err, "%s", field->key);
}

static int read_field(const struct node *node, const struct announcement_field *field,
		      struct announcement *a, struct mf_err *err)
{
	const char *name;

	if (field->max != 0)
		return read_list(node, field, a, err);
	if (field->read != NULL) {
		if (field->read(node, a, err) == 0)
			return 0;
		return field->is_named ? err->code : mf_err_wrap(err, "%s", field->key);
	}
	if (field->offset == 0)
		return 0;
	if (node_get_name(node, field->name_kind, field->key, &name, err) != 0)
		return err->code;
	announcement_set_name(a, field, name);
	return 0;
}

/* After the port: an address with a port needs no other. */
static int read_address(const struct node *map, struct announcement *a, struct mf_err *err)
{
	const struct node *node = node_find(map, "address"), *port = node_find(map, "port");
	struct netif_want where;
	struct mf_err why;
	const char *text;
	unsigned in_one;
	int code;

	if (node == NULL)
		return node_error(map, err, "address is missing");
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "address");
	if (netif_parse_endpoint(text, strlen(text), &where, &in_one, &why) == 0) {
		if (port != NULL)
			return node_error_key(port, err, "port: the address has one already");
		a->where = where;
		a->port = in_one;
		return 0;
	}
	code = netif_parse(text, strlen(text), &a->where, port == NULL ? NULL : &why);
	if (code == 0 && port == NULL)
		return node_error(node, err, "port is missing");
	return code == 0 ? 0 : node_error(node, err, "address %s", why.msg);
}

/* Two keys of which one is enough, or of which the second needs the first. */
static int check_pairs(const struct node *map, struct mf_err *err)
{
	const struct node *checks = node_find(map, "checks"), *steal = node_find(map, "steal");

	if (checks != NULL && node_find(map, "check") != NULL)
		return node_error_key(checks, err, "check and checks: only one is allowed");
	if (steal != NULL && node_find(map, "env") == NULL)
		return node_error_key(steal, err, "steal: from which env?");
	return 0;
}

/* Many go to etcd in one request, which is bounded. */
static int check_size(const struct node *map, const struct announcement *a, struct mf_err *err)
{
	size_t size = 0;

	for (size_t i = 0; a->tags != NULL && a->tags[i] != NULL; i++)
		size += strlen(a->tags[i]);
	for (size_t i = 0; i < a->attribute_count; i++)
		size += strlen(a->attributes[i].name) + strlen(a->attributes[i].value);
	if (size > ANNOUNCEMENT_MAX_EXTRA)
		return node_error(map, err,
				  "tags and attributes: %zu bytes of them, at most %d are allowed",
				  size, ANNOUNCEMENT_MAX_EXTRA);
	return 0;
}

static int read_fields(struct announcement *a, const struct node *map, struct mf_err *err)
{
	const char *keys[MAX_KEYS];
	size_t count = 0;
	int code;

	while (announcement_fields[count].key != NULL && count < MAX_KEYS) {
		keys[count] = announcement_fields[count].key;
		count++;
	}
	code = node_check_keys(map, keys, count, err);
	if (code == 0)
		code = check_pairs(map, err);
	for (size_t i = 0; i < count && code == 0; i++) {
		const struct node *node = node_find(map, keys[i]);

		if (node != NULL)
			code = read_field(node, &announcement_fields[i], a, err);
	}
	if (code == 0)
		code = read_address(map, a, err);
	return code == 0 ? check_size(map, a, err) : code;
}

int announcement_read(struct announcement *a, const struct node *map, struct mf_err *err)
{
	const struct node *service = node_find(map, "service"), *name = node_find(map, "name");
	const char *text;

	if (map->kind != NODE_MAP)
		return node_error(map, err, "service: must be a map with service and address");
	if (service == NULL && name == NULL)
		return node_error(map, err, "service: its name is missing: the key service");
	if (service != NULL && name != NULL)
		return node_error_key(name, err, "service: service and name: only one is allowed");
	if (node_get_name(service == NULL ? name : service, NAME_SERVICE, "service", &text, err) !=
	    0)
		return err->code;
	return read_fields(a, map, err) == 0 ? 0 : mf_err_wrap(err, "service %s", text);
}

/* --- from words ------------------------------------------------------------------------------- */

int announcement_set(struct announcement *a, const struct announcement_field *field,
		     const char *value, struct mf_err *err)
{
	const struct node node = {.kind = NODE_SCALAR, .text = (char *)value};

	if (field->read != NULL)
		return field->read(&node, a, err);
	if (name_check(field->name_kind, value, strlen(value), err) != 0)
		return err->code;
	announcement_set_name(a, field, value);
	return 0;
}

/* --- etcd ------------------------------------------------------------------------------------- */

static int check_extra(const struct announcement *a, struct mf_err *err)
{
	for (size_t i = 0; a->tags != NULL && a->tags[i] != NULL; i++)
		if (a->tags[i][0] == '\0' || !str_is_utf8(a->tags[i], strlen(a->tags[i])))
			return mf_err_set(err, MF_EDATA, "a tag is empty or no UTF-8");
	for (size_t i = 0; i < a->attribute_count; i++)
		if (instance_check_attribute(a->attributes[i].name, err) != 0)
			return err->code;
	return 0;
}

int announcement_check(const struct announcement *a, struct mf_err *err)
{
	if (name_check(NAME_SERVICE, a->service, strlen(a->service), err) != 0)
		return mf_err_wrap(err, "service");
	if (name_check(NAME_VERSION, a->version, strlen(a->version), err) != 0)
		return mf_err_wrap(err, "version");
	if (a->env != NULL && name_check(NAME_ENVIRONMENT, a->env, strlen(a->env), err) != 0)
		return mf_err_wrap(err, "env");
	return check_extra(a, err);
}

char *announcement_make_id(const struct announcement *a, const struct settings *settings)
{
	return a->id != NULL ? mem_dup_str(a->id)
			     : instances_make_id(settings->node, a->address, a->port);
}

int announcement_make_key(const struct announcement *a, const struct settings *settings,
			  char **ret_key, struct mf_err *err)
{
	mem_auto_free char *id = announcement_make_id(a, settings);

	if (name_check(NAME_INSTANCE, id, strlen(id), err) != 0)
		return mf_err_wrap(err, "id");
	*ret_key =
	    mem_printf("%s/backends/%s/%s/%s", settings->etcd.prefix, a->service, a->version, id);
	return 0;
}

void announcement_format(const struct announcement *a, enum instance_state state,
			 struct buf *ret_value)
{
	const struct instance instance = {
	    .address = a->address, .port = a->port, .weight = a->weight, .state = state};
	const struct instance_extra extra = {(const char *const *)a->tags, a->attributes,
					     a->attribute_count};

	instance_format(&instance, &extra, ret_value);
}
