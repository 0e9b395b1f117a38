/*
 * One instance to be announced: its keys, copied and checked, and its form in etcd.  Knows nothing
 * of the sources that describe it, nor when it is announced.
 */
#include "register/announcement.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/fields.h"
#include "model/name.h"
#include "model/settings.h"
#include "register/check.h"
#include "store/instances.h"

void announcement_init(struct announcement *a)
{
	*a = (struct announcement){0};
	fields_preset(&announcement_fields, a);
}

void announcement_copy(struct announcement *copy, const struct announcement *from)
{
	*copy = *from;
	copy->service = mem_dup_str(from->service);
	copy->version = mem_dup_str(from->version);
	copy->id = mem_dup_str(from->id);
	copy->address = mem_dup_str(from->address);
	copy->env = mem_dup_str(from->env);
	copy->origin = mem_dup_str(from->origin);
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
	free(a->attributes);
	free(a->address);
	free(a->origin);
	fields_fini(&announcement_fields, a);
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

static int check_line(const char *s, struct mf_err *err)
{
	if (!str_is_utf8(s, strlen(s)))
		return mf_err_set(err, MF_EDATA, "not UTF-8");
	return str_has_control(s) ? mf_err_set(err, MF_EDATA, "a control character") : 0;
}

static int check_tag(const char *s, struct mf_err *err)
{
	return s[0] == '\0' ? mf_err_set(err, MF_EDATA, "must not be empty") : check_line(s, err);
}

static int add_attribute(const struct node *node, struct announcement *a, struct mf_err *err)
{
	struct mf_err why;
	const char *text;

	if (check_line(node->key, &why) != 0 || instance_check_attribute(node->key, &why) != 0)
		return node_error_key(node, err, "%s", why.msg);
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "%s", node->key);
	if (check_line(text, &why) != 0)
		return node_error(node, err, "%s: %s", node->key, why.msg);
	announcement_add_attribute(a, node->key, text);
	return 0;
}

static int read_attributes(const struct node *map, void *place, struct mf_err *err)
{
	int code = 0;

	if (map->kind != NODE_MAP)
		return node_error(map, err, "must be a map");
	if (map->child_count > ANNOUNCEMENT_MAX_ATTRIBUTES)
		return node_error(map, err, "%zu of them, at most %d are allowed", map->child_count,
				  ANNOUNCEMENT_MAX_ATTRIBUTES);
	for (size_t i = 0; i < map->child_count && code == 0; i++)
		code = add_attribute(&map->children[i], place, err);
	return code;
}

static int read_check(const struct node *node, void *place, struct mf_err *err)
{
	return check_spec_read(node, place, err);
}

static int read_only_check(const struct node *node, void *place, struct mf_err *err)
{
	struct check_spec *check;

	if (check_spec_read(node, &check, err) != 0)
		return err->code;
	announcement_add_check(place, check);
	return 0;
}

/* What is written in one has its port there. */
static int read_address(const struct node *map, struct announcement *a, struct mf_err *err)
{
	const struct node *node = node_find(map, "address"), *port = node_find(map, "port");
	struct netif_want where;
	struct mf_err why;
	unsigned in_one;
	int code;

	if (netif_parse_endpoint(node->text, strlen(node->text), &where, &in_one, &why) == 0) {
		if (port != NULL)
			return node_error_key(port, err, "port: the address has one already");
		a->where = where;
		a->port = in_one;
		return 0;
	}
	code = netif_parse(node->text, strlen(node->text), &a->where, port == NULL ? NULL : &why);
	if (code == 0 && port == NULL)
		return node_error(node, err, "port is missing");
	return code == 0 ? 0 : node_error(node, err, "address %s", why.msg);
}

/* Many go to etcd in one request, which is bounded. */
static int check_size(const struct node *map, const struct announcement *a, struct mf_err *err)
{
	size_t size = 0;

	for (size_t i = 0; i < a->tag_count; i++)
		size += strlen(a->tags[i]);
	for (size_t i = 0; i < a->attribute_count; i++)
		size += strlen(a->attributes[i].name) + strlen(a->attributes[i].value);
	if (size > ANNOUNCEMENT_MAX_EXTRA)
		return node_error(map, err,
				  "tags and attributes: %zu bytes of them, at most %d are allowed",
				  size, ANNOUNCEMENT_MAX_EXTRA);
	return 0;
}

static int finish(const struct node *map, void *object, struct mf_err *err)
{
	const struct announcement *a = object;
	int code = read_address(map, object, err);

	if (code == 0 && a->steals && a->env == NULL && a->id == NULL)
		return node_error_key(node_find(map, "steal"), err, "steal: only with env or id");
	return code == 0 ? check_size(map, object, err) : code;
}

static const struct value_type tag_type = {.check = check_tag};
static const struct field tag = {
    .kind = FIELD_TEXT, .flags = FIELD_OWN, .size = sizeof(char *), .type = &tag_type};
static const struct field check = {.kind = FIELD_OTHER,
				   .noun = "check",
				   .size = sizeof(struct check_spec *),
				   .read = read_check,
				   .fields = &check_fields};

static const char *const state_words[] = {
    [INSTANCE_UP] = "up", [INSTANCE_DRAIN] = "drain", [INSTANCE_MAINT] = "maint", NULL};
static const char *const on_fail_words[] = {
    [ON_FAIL_WITHDRAW] = "withdraw", [ON_FAIL_DRAIN] = "drain", NULL};
static const char *const initial_words[] = {"down", "up", NULL};

#define AT(member)    FIELD_AT(struct announcement, member)
#define COUNT(member) FIELD_COUNT(struct announcement, member)
#define WHOLE	      .offset = 0, .size = sizeof(struct announcement)

static const struct field rows[] = {
    {"service", FIELD_NAME, FIELD_REQUIRED | FIELD_OWN, AT(service), .alias = "name",
     .type = &value_service, .doc = "The service that this is an instance of."},
    {"version", FIELD_NAME, FIELD_OWN, AT(version), .type = &value_version, .preset = "latest",
     .doc = "The version of the service."},
    {"address", FIELD_TEXT, FIELD_REQUIRED,
     .doc = "Where the instance answers: an address, an interface or a network of this host, with "
	    "or without the port."},
    {"port", FIELD_INT, AT(port), .min = 1, .max = 65535, .doc = "The port."},
    {"id", FIELD_NAME, FIELD_OWN, AT(id), .type = &value_instance,
     .doc = "The name of the instance; by default <node>-<address>-<port>."},
    {"weight", FIELD_INT, AT(weight), .max = 256, .preset = "100", .doc = "Load-balancing weight."},
    {"state", FIELD_WORD, AT(state), .words = state_words, .preset = "up",
     .doc = "`drain`: only existing sessions go to the instance; `maint`: no traffic does."},
    {"tags", FIELD_LIST, AT(tags), COUNT(tag_count), .max = ANNOUNCEMENT_MAX_TAGS, .item = &tag,
     .doc = "Tags that other programs can read."},
    {"attributes", FIELD_OTHER, WHOLE, .read = read_attributes,
     .schema = "\"type\":\"object\",\"maxProperties\":64,\"additionalProperties\":{\"type\":"
	       "[\"string\",\"number\",\"boolean\"]}",
     .doc = "Further names and texts that other programs can read, 64 at most; tags and attributes "
	    "have 8 KiB together."},
    {"check", FIELD_OTHER, WHOLE, .read = read_only_check, .fields = &check_fields,
     .doc = "A health check: the instance is announced only while it passes. A word such as `tcp` "
	    "or `http:/health`, or a map of one of the first four of these keys with what stands "
	    "behind the colon, and any of the others."},
    {"checks", FIELD_LIST, AT(checks), COUNT(check_count), .max = ANNOUNCEMENT_MAX_CHECKS,
     .item = &check, .not_with = "check", .doc = "Health checks, all of which must pass."},
    {"on_fail", FIELD_WORD, AT(on_fail), .words = on_fail_words, .preset = "withdraw",
     .doc = "What happens to an announced instance when a check fails."},
    {"initial", FIELD_WORD, AT(is_initially_up), .words = initial_words, .preset = "down",
     .doc = "`up`: the instance is announced before its checks have passed."},
    {"env", FIELD_NAME, FIELD_OWN, AT(env), .type = &value_environment,
     .doc = "This environment uses this version for the service while the instance is announced."},
    {"steal", FIELD_BOOL, AT(steals),
     .doc = "Take the `id`, and the service in the `env`, even if another instance has them; only "
	    "with one of these."},
    {"ttl", FIELD_DURATION, AT(ttl_ms), .min = 2000, .max = 86400000,
     .doc = "How long the instance may outlive a svcregister that was killed."},
};

const struct fields announcement_fields = {
    FIELDS_ROWS(rows),
    .noun = "service",
    .expected = "a map with service and address",
    .finish = finish,
};

/* --- etcd ------------------------------------------------------------------------------------- */

int announcement_check(const struct announcement *a, struct mf_err *err)
{
	for (size_t i = 0; i < announcement_fields.count; i++) {
		const struct field *row = &rows[i];
		const char *name = row->kind == FIELD_NAME ? *(char **)field_place(row, a) : NULL;

		if (name != NULL && value_check(row->type, name, err) != 0)
			return mf_err_wrap(err, "%s", row->key);
	}
	for (size_t i = 0; i < strlist_count(a->tags); i++)
		if (check_tag(a->tags[i], err) != 0)
			return mf_err_wrap(err, "tag");
	for (size_t i = 0; i < a->attribute_count; i++)
		if (instance_check_attribute(a->attributes[i].name, err) != 0)
			return err->code;
	return 0;
}

int announcement_check_allowed(const struct announcement *a, char *const *patterns,
			       struct mf_err *err)
{
	size_t count = strlist_count(patterns);
	buf_auto struct buf list = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		if (fnmatch(patterns[i], a->service, 0) == 0)
			return 0;
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", patterns[i]);
	}
	if (count == 0)
		return 0;
	return mf_err_set(err, MF_EPERM, "service %s is not among those allowed here: %s",
			  a->service, buf_str(&list));
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
