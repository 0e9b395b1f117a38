/*
 * The settings: one table of keys, from which defaults are set, files are read, and memory is
 * freed. Knows nothing of flags, environment variables or which tool reads which key.
 */
#include "model/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/node.h"
#include "model/settings_value.h"

#define LIST_MAX    64
#define TARGETS_MAX 64
#define MODE_MAX    0777
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

/* Of a field: a string, a string that may be empty, a list, a list that may be empty. */
enum shape { SHAPE_STR, SHAPE_STR_OR_EMPTY, SHAPE_LIST, SHAPE_LIST_OR_EMPTY };

struct field {
	const char *key;
	size_t offset;
	enum shape shape;
	settings_check_fn *check;
	const char
	    *preset; /* of a list: its words, joined by spaces; NULL: none, the field is NULL */
};

#define FIELD(key, member, shape, check, preset)                                                   \
	{                                                                                          \
		key, offsetof(struct settings, member), shape, settings_check_##check, preset      \
	}
static const struct field top_fields[] = {
    FIELD("node", node, SHAPE_STR, node, NULL),
    FIELD("state_dir", state_dir, SHAPE_STR, path, "/var/lib/mayfly"),
    FIELD("max_removal", max_removal, SHAPE_STR, percent, "50%"),
    FIELD("removal_grace", removal_grace, SHAPE_STR, duration, "5m"),
    FIELD("metrics_bind", metrics_bind, SHAPE_STR_OR_EMPTY, bind, ""),
};
static const struct field etcd_fields[] = {
    FIELD("endpoints", etcd.endpoints, SHAPE_LIST, endpoint, "http://127.0.0.1:2379"),
    FIELD("prefix", etcd.prefix, SHAPE_STR, prefix, "/mayfly"),
    FIELD("cacert", etcd.cacert, SHAPE_STR, path, NULL),
    FIELD("cert", etcd.cert, SHAPE_STR, path, NULL),
    FIELD("key", etcd.key, SHAPE_STR, path, NULL),
    FIELD("user", etcd.user, SHAPE_STR, text, NULL),
    FIELD("password_file", etcd.password_file, SHAPE_STR, path, NULL),
};
static const struct field haproxy_fields[] = {
    FIELD("config", haproxy.config, SHAPE_STR, path, "/etc/haproxy/haproxy.cfg"),
    FIELD("admin_socket", haproxy.admin_socket, SHAPE_STR, socket, "/run/haproxy/admin.sock"),
    FIELD("master_socket", haproxy.master_socket, SHAPE_STR, socket, "/run/haproxy/master.sock"),
    FIELD("bind", haproxy.bind, SHAPE_LIST, bind, "*:80"),
    FIELD("internal_bind", haproxy.internal_bind, SHAPE_LIST_OR_EMPTY, bind, ""),
    FIELD("local_bind", haproxy.local_bind, SHAPE_LIST_OR_EMPTY, bind, ""),
    FIELD("stats_bind", haproxy.stats_bind, SHAPE_STR_OR_EMPTY, bind, ""),
    FIELD("nameservers", haproxy.nameservers, SHAPE_LIST_OR_EMPTY, nameserver, ""),
    FIELD("check", haproxy.check, SHAPE_LIST, argument, "haproxy -c -f"),
};
static const struct field dnsmasq_fields[] = {
    FIELD("hosts", dnsmasq.hosts, SHAPE_STR_OR_EMPTY, path, ""),
    FIELD("address", dnsmasq.address, SHAPE_STR, address, "127.0.0.1"),
    /* As written, until split_reload. */
    FIELD("reload", dnsmasq.reload_arg, SHAPE_STR, reload, ""),
};
static const struct field routing_fields[] = {
    FIELD("service_suffix", routing.service_suffix, SHAPE_STR, suffix, "service"),
    FIELD("default_environment", routing.default_environment, SHAPE_STR_OR_EMPTY, environment, ""),
};
#undef FIELD

#define FIELD(key, shape, check, preset)                                                           \
	{                                                                                          \
#key, offsetof(struct settings_target, key), shape, settings_check_##check, preset \
	}
static const struct field target_fields[] = {
    FIELD(template, SHAPE_STR, template, NULL), FIELD(output, SHAPE_STR, path, NULL),
    FIELD(check, SHAPE_LIST, argument, NULL),	FIELD(reload, SHAPE_LIST, argument, NULL),
    FIELD(escape, SHAPE_STR, escape, "none"),
};
#undef FIELD

/* Keys of the top level that are no strings or lists of strings. */
static const struct section {
	const char *key; /* NULL: the top level itself */
	const struct field *fields;
	size_t count;
} sections[] = {
    {NULL, top_fields, COUNT(top_fields)},
    {"etcd", etcd_fields, COUNT(etcd_fields)},
    {"haproxy", haproxy_fields, COUNT(haproxy_fields)},
    {"dnsmasq", dnsmasq_fields, COUNT(dnsmasq_fields)},
    {"routing", routing_fields, COUNT(routing_fields)},
};

#define KEYS_MAX 16
_Static_assert(COUNT(haproxy_fields) <= KEYS_MAX && COUNT(etcd_fields) <= KEYS_MAX &&
		   COUNT(top_fields) + COUNT(sections) <= KEYS_MAX,
	       "room for the keys of a section");

static bool is_list(const struct field *field)
{
	return field->shape == SHAPE_LIST || field->shape == SHAPE_LIST_OR_EMPTY;
}

static char **str_at(void *object, const struct field *field)
{
	return (char **)((char *)object + field->offset);
}

static char ***list_at(void *object, const struct field *field)
{
	return (char ***)((char *)object + field->offset);
}

static void preset_fields(void *object, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].preset == NULL)
			continue;
		if (is_list(&fields[i]))
			*list_at(object, &fields[i]) = strlist_split(fields[i].preset, ' ');
		else
			*str_at(object, &fields[i]) = mem_dup_str(fields[i].preset);
	}
}

static void free_fields(void *object, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_list(&fields[i]))
			strlist_free(*list_at(object, &fields[i]));
		else
			free(*str_at(object, &fields[i]));
	}
}

/* What from has goes to the other object, in the place of what was there. */
static void move_fields(void *from, void *to, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_list(&fields[i])) {
			char ***source = list_at(from, &fields[i]),
			     ***place = list_at(to, &fields[i]);

			if (*source == NULL)
				continue;
			strlist_free(*place);
			*place = *source;
			*source = NULL;
		} else {
			char **source = str_at(from, &fields[i]), **place = str_at(to, &fields[i]);

			if (*source == NULL)
				continue;
			free(*place);
			*place = *source;
			*source = NULL;
		}
	}
}

static void free_targets(struct settings *settings)
{
	for (size_t i = 0; i < settings->target_count; i++)
		free_fields(&settings->targets[i], target_fields, COUNT(target_fields));
	free(settings->targets);
}

struct settings *settings_new(const char *node)
{
	struct settings *settings = MEM_NEW(settings);

	for (size_t i = 0; i < COUNT(sections); i++)
		preset_fields(settings, sections[i].fields, sections[i].count);
	settings_set_str(&settings->node, node);
	return settings;
}

void settings_free(struct settings *settings)
{
	if (settings == NULL)
		return;
	for (size_t i = 0; i < COUNT(sections); i++)
		free_fields(settings, sections[i].fields, sections[i].count);
	free_targets(settings);
	free(settings->etcd.password);
	free(settings);
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_str(const struct node *node, const struct field *field, char **ret_str,
		    struct mf_err *err)
{
	struct mf_err why;
	const char *text;
	int code = node_get_text(node, &text, err);

	if (code != 0)
		return code;
	if (field->shape != SHAPE_STR_OR_EMPTY || text[0] != '\0')
		code = field->check(text, &why);
	if (code != 0)
		return node_error(node, err, "%s", why.msg);
	*ret_str = mem_dup_str(text);
	return 0;
}

static int read_list(const struct node *node, const struct field *field, char ***ret_list,
		     struct mf_err *err)
{
	int code = node_check_list(node, err);
	char **list;

	if (code != 0)
		return code;
	if (node->child_count == 0 && field->shape == SHAPE_LIST)
		return node_error(node, err, "must not be an empty list");
	if (node->child_count > LIST_MAX)
		return node_error(node, err, "%zu of them, at most %d are allowed",
				  node->child_count, LIST_MAX);
	list = mem_alloc((node->child_count + 1) * sizeof(*list));
	for (size_t i = 0; i < node->child_count && code == 0; i++)
		code = read_str(&node->children[i], field, &list[i], err);
	if (code != 0)
		strlist_free(list);
	else
		*ret_list = list;
	return code;
}

static int read_fields(const struct node *map, const struct section *section, void *object,
		       struct mf_err *err)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct field *field = &section->fields[i];
		const struct node *node = node_find(map, field->key);
		int code;

		if (node == NULL)
			continue;
		if (is_list(field))
			code = read_list(node, field, list_at(object, field), err);
		else
			code = read_str(node, field, str_at(object, field), err);
		if (code != 0)
			return mf_err_wrap(err, "%s%s%s", section->key == NULL ? "" : section->key,
					   section->key == NULL ? "" : ".", field->key);
	}
	return 0;
}

static size_t list_keys(const struct section *section, const char *keys[KEYS_MAX])
{
	size_t n = 0;

	for (; n < section->count; n++)
		keys[n] = section->fields[n].key;
	return n;
}

static int read_section(const struct node *map, const struct section *section, void *object,
			struct mf_err *err)
{
	const char *keys[KEYS_MAX];
	size_t n = list_keys(section, keys);
	int code = node_check_keys(map, keys, n, err);

	if (code != 0)
		return mf_err_wrap(err, "%s", section->key);
	return read_fields(map, section, object, err);
}

static int read_mode(const struct node *node, unsigned *ret_mode, struct mf_err *err)
{
	const char *text;
	unsigned mode = 0;

	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "targets.mode");
	if (strlen(text) == strspn(text, "01234567") && strlen(text) >= 3 && strlen(text) <= 5)
		mode = (unsigned)strtoul(text, NULL, 8);
	if (mode == 0 || mode > MODE_MAX)
		return node_error(node, err, "targets.mode: must be octal, such as 0644");
	*ret_mode = mode;
	return 0;
}

static int read_target(const struct node *map, struct settings_target *target, struct mf_err *err)
{
	static const struct section section = {"targets", target_fields, COUNT(target_fields)};
	const char *keys[KEYS_MAX];
	size_t n = list_keys(&section, keys);
	const struct node *mode = node_find(map, "mode");
	int code;

	keys[n++] = "mode";
	code = node_check_keys(map, keys, n, err);
	if (code != 0)
		return mf_err_wrap(err, "targets");
	code = read_fields(map, &section, target, err);
	if (code == 0 && mode != NULL)
		code = read_mode(mode, &target->mode, err);
	if (code == 0 && (target->template == NULL || target->output == NULL))
		code = node_error(map, err, "targets: template and output must be given");
	return code;
}

static void preset_target(struct settings_target *target)
{
	target->mode = 0644;
	preset_fields(target, target_fields, COUNT(target_fields));
}

static int read_targets(const struct node *list, struct settings *draft, struct mf_err *err)
{
	int code = node_check_list(list, err);

	if (code != 0)
		return mf_err_wrap(err, "targets");
	if (list->child_count > TARGETS_MAX)
		return node_error(list, err, "targets: %zu of them, at most %d are allowed",
				  list->child_count, TARGETS_MAX);
	draft->targets = mem_alloc(list->child_count * sizeof(*draft->targets));
	for (size_t i = 0; i < list->child_count && code == 0; i++) {
		struct settings_target read = {.mode = 0644};
		struct settings_target *target = &draft->targets[draft->target_count++];

		code = read_target(&list->children[i], &read, err);
		preset_target(target);
		target->mode = read.mode;
		move_fields(&read, target, target_fields, COUNT(target_fields));
	}
	return code;
}

static int read_all(const struct node *root, struct settings *draft, struct mf_err *err)
{
	const char *keys[KEYS_MAX];
	size_t n = list_keys(&sections[0], keys);
	const struct node *targets = node_find(root, "targets");
	int code;

	for (size_t i = 1; i < COUNT(sections); i++)
		keys[n++] = sections[i].key;
	keys[n++] = "targets";
	code = node_check_keys(root, keys, n, err);
	if (code == 0)
		code = read_fields(root, &sections[0], draft, err);
	for (size_t i = 1; i < COUNT(sections) && code == 0; i++) {
		const struct node *node = node_find(root, sections[i].key);

		if (node != NULL)
			code = read_section(node, &sections[i], draft, err);
	}
	return code == 0 && targets != NULL ? read_targets(targets, draft, err) : code;
}

/* "pidfile:PATH" becomes its kind and PATH. */
static void split_reload(struct settings *draft)
{
	const char *text = draft->dnsmasq.reload_arg;
	const char *colon;

	if (text == NULL)
		return;
	if (str_has_prefix(text, "pidfile:"))
		draft->dnsmasq.reload = DNSMASQ_PIDFILE;
	else if (str_has_prefix(text, "docker:"))
		draft->dnsmasq.reload = DNSMASQ_DOCKER;
	else
		draft->dnsmasq.reload = DNSMASQ_NONE;
	colon = strchr(text, ':');
	settings_set_str(&draft->dnsmasq.reload_arg, colon == NULL ? "" : colon + 1);
}

static void lay_over(struct settings *draft, struct settings *settings)
{
	split_reload(draft);
	if (draft->dnsmasq.reload_arg != NULL)
		settings->dnsmasq.reload = draft->dnsmasq.reload;
	for (size_t i = 0; i < COUNT(sections); i++)
		move_fields(draft, settings, sections[i].fields, sections[i].count);
	if (draft->targets == NULL)
		return;
	free_targets(settings);
	settings->targets = draft->targets;
	settings->target_count = draft->target_count;
	draft->targets = NULL;
	draft->target_count = 0;
}

int settings_parse(struct settings *settings, const char *text, size_t len, struct mf_err *err)
{
	struct settings *draft;
	struct node *root;
	int code = node_parse_yaml(text, len, &root, err);

	if (code == 0) {
		bool is_empty = root->kind == NODE_SCALAR && root->style == NODE_NULL;

		draft = MEM_NEW(draft);
		if (!is_empty)
			code = read_all(root, draft, err);
		if (code == 0)
			lay_over(draft, settings);
		settings_free(draft);
		node_free(root);
	}
	if (code == 0)
		return 0;
	if (err != NULL)
		err->code = MF_ECONFIG;
	return MF_ECONFIG;
}

/* --- flags and variables --------------------------------------------------------------------- */

void settings_set_str(char **field, const char *value)
{
	char *copy = mem_dup_str(value); /* value may point into the field */

	free(*field);
	*field = copy;
}

int settings_set_endpoints(struct settings *settings, const char *comma_separated,
			   struct mf_err *err)
{
	char **list = strlist_split(comma_separated, ',');
	struct mf_err why;
	int code = 0;

	if (list[0] == NULL)
		code = mf_err_set(err, MF_EUSAGE, "endpoints: must not be empty");
	for (char **p = list; *p != NULL && code == 0; p++)
		if (settings_check_endpoint(*p, &why) != 0)
			code = mf_err_set(err, MF_EUSAGE, "endpoints: %s", why.msg);
	if (code != 0) {
		strlist_free(list);
		return code;
	}
	strlist_free(settings->etcd.endpoints);
	settings->etcd.endpoints = list;
	return 0;
}

static int set_checked(char **field, const char *name, const char *value, settings_check_fn *check,
		       struct mf_err *err)
{
	struct mf_err why;

	if (check(value, &why) != 0)
		return mf_err_set(err, MF_EUSAGE, "%s: %s", name, why.msg);
	settings_set_str(field, value);
	return 0;
}

int settings_set_prefix(struct settings *settings, const char *prefix, struct mf_err *err)
{
	return set_checked(&settings->etcd.prefix, "prefix", prefix, settings_check_prefix, err);
}

int settings_set_max_removal(struct settings *settings, const char *percent, struct mf_err *err)
{
	return set_checked(&settings->max_removal, "max-removal", percent, settings_check_percent,
			   err);
}

int settings_set_removal_grace(struct settings *settings, const char *time, struct mf_err *err)
{
	return set_checked(&settings->removal_grace, "removal-grace", time, settings_check_duration,
			   err);
}

int settings_set_metrics_bind(struct settings *settings, const char *bind, struct mf_err *err)
{
	return set_checked(&settings->metrics_bind, "metrics", bind, settings_check_bind, err);
}

/* "*:80", "[::]:8000-8010"; a socket's path has no port. */
static bool is_on_port(const char *bind, unsigned port)
{
	const char *colon = strpbrk(bind, "/@") == NULL ? strrchr(bind, ':') : NULL;
	unsigned long first, last;
	char *end;

	if (colon == NULL)
		return false;
	first = last = strtoul(colon + 1, &end, 10);
	if (*end == '-')
		last = strtoul(end + 1, NULL, 10);
	return first <= port && port <= last;
}

bool settings_has_port(const struct settings *settings, unsigned port)
{
	char *const *lists[] = {settings->haproxy.bind, settings->haproxy.internal_bind,
				settings->haproxy.local_bind};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; lists[i][j] != NULL; j++)
			if (is_on_port(lists[i][j], port))
				return true;
	return is_on_port(settings->haproxy.stats_bind, port);
}

unsigned settings_max_removal(const struct settings *settings)
{
	return (unsigned)strtoul(settings->max_removal, NULL, 10);
}

int64_t settings_removal_grace_ms(const struct settings *settings)
{
	int64_t ms = 0;

	(void)str_parse_duration(settings->removal_grace, &ms);
	return ms;
}
