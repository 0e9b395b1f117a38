/*
 * Services from their keys' values.  Knows nothing of who uses them.
 */
#include "model/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/backend.h"
#include "model/env.h"
#include "model/fields.h"

#define DURATION_MIN_MS 10
#define DURATION_MAX_MS 86400000

static const char *const balance_words[] = {[BALANCE_ROUNDROBIN] = "roundrobin",
					    [BALANCE_LEASTCONN] = "leastconn",
					    [BALANCE_SOURCE] = "source",
					    [BALANCE_RANDOM] = "random",
					    NULL};
static const char *const protocol_words[] = {
    [PROTOCOL_HTTP] = "http", [PROTOCOL_TCP] = "tcp", [PROTOCOL_H2C] = "h2c", NULL};

/* --- the format ------------------------------------------------------------------------------ */

struct draft {
	struct service service;
	const char *version;	/* of the fixed addresses */
	const char **addresses; /* as they are written */
};

static const struct field origin_rows[] = {
    {"owner", FIELD_TEXT, FIELD_AT(struct draft, service.owner), .type = &value_line,
     .max = ENV_MAX_OWNER, .preset = ""},
    {"source", FIELD_TEXT, FIELD_AT(struct draft, service.source), .type = &value_line,
     .max = ENV_MAX_SOURCE, .preset = ""},
};
static const struct fields origin_fields = {FIELDS_ROWS(origin_rows)};

static int check_check(const char *s, struct mf_err *err)
{
	if (s[0] == '\0' || strcmp(s, "tcp") == 0)
		return 0;
	if (s[0] != '/')
		return mf_err_set(err, MF_EDATA, "must be tcp or a path for HTTP checks");
	return name_check(NAME_ROUTE, s, strlen(s), err);
}

static const struct value_type check = {
    .check = check_check,
    .schema = "\"type\":\"string\",\"pattern\":\"^(tcp|/.*)?$\"",
};
static const struct field address = {.kind = FIELD_TEXT, .size = sizeof(char *)};

static int add_fixed(const struct node *node, const char *version, struct service *service,
		     struct mf_err *err)
{
	struct mf_err why;
	struct instance *fixed;

	if (instance_parse_fixed(service->name, version, node->text, &fixed, &why) != 0)
		return node_error(node, err, "addresses: %s", why.msg);
	service->fixed[service->fixed_count++] = fixed;
	for (size_t i = 0; i + 1 < service->fixed_count; i++)
		if (strcmp(service->fixed[i]->server, fixed->server) == 0)
			return node_error(node, err, "addresses: %s: twice", node->text);
	return 0;
}

static int finish(const struct node *map, void *object, struct mf_err *err)
{
	struct draft *draft = object;
	struct service *service = &draft->service;
	const struct node *listen = node_find(map, "listen"), *list = node_find(map, "addresses");
	int code = 0;

	service->is_tcp = service->protocol == PROTOCOL_TCP;
	if (listen != NULL && !service->is_tcp)
		return node_error_key(listen, err, "listen: only for protocol tcp");
	if (list == NULL)
		return 0;
	service->fixed = mem_alloc(list->child_count * sizeof(struct instance *));
	for (size_t i = 0; i < list->child_count && code == 0; i++)
		code = add_fixed(&list->children[i], draft->version, service, err);
	free(draft->addresses);
	draft->addresses = NULL;
	return code;
}

#define TLS(member) FIELD_AT(struct service_tls, member)
static const struct field tls_rows[] = {
    {"verify", FIELD_BOOL, 0, TLS(is_verified), .preset = "true",
     .doc = "Whether the certificates of its instances are verified."},
    {"ca", FIELD_TEXT, 0, TLS(ca), .type = &value_path,
     .doc = "A file of the certificates (PEM) of those who may sign them; by default the "
	    "authorities that the system trusts."},
    {"name", FIELD_TEXT, 0, TLS(name), .type = &value_host,
     .doc = "The host name that they must be for, which is also sent (SNI); by default the "
	    "service's name."},
};
static const struct fields tls_fields = {FIELDS_ROWS(tls_rows), .section = "tls"};

#define SERVICE(member) FIELD_AT(struct draft, service.member)
static const struct field rows[] = {
    {"name", FIELD_NAME, FIELD_IN_KEY, SERVICE(name), .type = &value_service},
    {"protocol", FIELD_WORD, SERVICE(protocol), .words = protocol_words, .preset = "http",
     .doc = "What its instances speak. `h2c` is HTTP/2 without an upgrade, as of gRPC."},
    {"listen", FIELD_INT, SERVICE(listen), .min = 1, .max = 65535,
     .doc = "Of protocol `tcp`: the port that HAProxy listens on for it."},
    {"balance", FIELD_WORD, SERVICE(balance), .words = balance_words, .preset = "roundrobin",
     .doc = "How HAProxy chooses an instance."},
    {"check", FIELD_TEXT, 0, SERVICE(check), .type = &check, .preset = "",
     .doc = "HAProxy's health check of its instances: `tcp`, or a path for HTTP; empty: none."},
    {"check_interval", FIELD_DURATION, SERVICE(check_interval), .min = DURATION_MIN_MS,
     .max = DURATION_MAX_MS, .preset = "2s", .doc = "The time between two checks."},
    {"connect_timeout", FIELD_DURATION, SERVICE(connect_timeout), .min = DURATION_MIN_MS,
     .max = DURATION_MAX_MS, .doc = "How long a connection to an instance may take."},
    {"server_timeout", FIELD_DURATION, SERVICE(server_timeout), .min = DURATION_MIN_MS,
     .max = DURATION_MAX_MS, .doc = "How long an instance may be silent."},
    {"slow_start", FIELD_DURATION, 0, SERVICE(slow_start), .min = 1000, .max = DURATION_MAX_MS,
     .doc = "How long an instance that comes back, or is new while HAProxy runs, takes to get its "
	    "full share."},
    {"tls", FIELD_OBJECT, 0, SERVICE(tls), FIELD_SAID(struct draft, service.tls.is_set),
     .fields = &tls_fields, .doc = "TLS to its instances; `{}` for the defaults."},
    {"addresses", FIELD_LIST, FIELD_AT(struct draft, addresses), .item = &address,
     .max = SERVICE_MAX_FIXED,
     .doc = "Fixed addresses, <address>:<port> or <name>:<port>, which are instances for as long "
	    "as they stand here."},
    {"version", FIELD_NAME, FIELD_AT(struct draft, version), .type = &value_version,
     .preset = "latest", .needs = "addresses", .doc = "The version of those."},
    {"origin", FIELD_OBJECT, FIELD_STORED, .fields = &origin_fields},
};
const struct fields fields_of_service = {FIELDS_ROWS(rows), .finish = finish};

static void free_fixed(struct service *service)
{
	for (size_t i = 0; i < service->fixed_count; i++)
		instance_unref(service->fixed[i]);
	free(service->fixed);
}

/* --- services -------------------------------------------------------------------------------- */

static void init_draft(struct draft *draft, const char *name)
{
	*draft = (struct draft){.service.refs = 1, .service.name = (char *)(uintptr_t)name};
	fields_preset(&fields_of_service, draft);
}

struct service *service_new_plain(const struct service *service)
{
	struct draft draft;
	struct service *plain;

	init_draft(&draft, service->name);
	draft.service.protocol = service->protocol;
	draft.service.is_tcp = service->is_tcp;
	plain = fields_pack(&fields_of_service, &draft, sizeof(draft));
	fields_fini(&fields_of_service, &draft);
	return plain;
}

static int read_service(const char *name, const struct node *node, bool is_stored,
			struct service **ret_service, struct mf_err *err)
{
	struct draft draft;
	int code;

	init_draft(&draft, name);
	code = fields_read(&fields_of_service, node, &draft, is_stored, err);
	if (code == 0) {
		*ret_service = fields_pack(&fields_of_service, &draft, sizeof(draft));
	} else {
		code = mf_err_wrap(err, "service %s", name);
		free_fixed(&draft.service);
	}
	fields_fini(&fields_of_service, &draft);
	return code;
}

int service_parse(const char *name, const char *value, size_t len, struct service **ret_service,
		  struct mf_err *err)
{
	struct node *root;
	int code = name_check(NAME_SERVICE, name, strlen(name), err);

	if (code != 0)
		return mf_err_wrap(err, "service");
	code = node_parse_json(value, len, &root, err);
	if (code != 0)
		return mf_err_wrap(err, "service %s", name);
	code = read_service(name, root, true, ret_service, err);
	node_free(root);
	return code;
}

static int read_member(const struct node *member, struct service **ret_service, struct mf_err *err)
{
	struct mf_err why;

	if (name_check(NAME_SERVICE, member->key, strlen(member->key), &why) != 0)
		return node_error_key(member, err, "service %s", why.msg);
	return read_service(member->key, member, false, ret_service, err);
}

int service_parse_file(const char *text, size_t len, struct service ***ret_services,
		       size_t *ret_count, service_bad_fn *on_bad, void *ctx, struct mf_err *err)
{
	struct service **services;
	struct node *root;
	size_t count = 0;
	int code = node_parse_yaml(text, len, &root, err);

	if (code != 0)
		return code;
	if (root->kind != NODE_MAP) {
		code = node_error(root, err, "must be a map of services, each with its settings");
		node_free(root);
		return code;
	}
	services = mem_alloc((root->child_count + 1) * sizeof(*services));
	for (size_t i = 0; i < root->child_count; i++) {
		struct mf_err why;

		if (read_member(&root->children[i], &services[count], &why) == 0)
			count++;
		else
			on_bad(ctx, &why);
	}
	node_free(root);
	*ret_services = services;
	*ret_count = count;
	return 0;
}

static void put_time(struct buf *json, const char *name, int64_t ms)
{
	mem_auto_free char *text = mem_printf("%lldms", (long long)ms);

	if (ms != 0)
		json_put(json, name, text);
}

static void put_origin(struct buf *json, const char *owner, const char *source)
{
	if (owner[0] == '\0')
		return;
	json_open(json, "origin", '{');
	json_put(json, "owner", owner);
	json_put(json, "source", source);
	json_close(json, '}');
}

static void put_tls(struct buf *json, const struct service_tls *tls)
{
	json_open(json, "tls", '{');
	json_put_bool(json, "verify", tls->is_verified);
	if (tls->ca != NULL)
		json_put(json, "ca", tls->ca);
	if (tls->name != NULL)
		json_put(json, "name", tls->name);
	json_close(json, '}');
}

static void put_service(const struct service *service, const char *owner, const char *source,
			struct buf *ret_value)
{
	json_open(ret_value, NULL, '{');
	json_put(ret_value, "protocol", service_protocol_word(service));
	if (service->listen != 0)
		json_put_int(ret_value, "listen", service->listen);
	json_put(ret_value, "balance", balance_words[service->balance]);
	json_put(ret_value, "check", service->check);
	put_time(ret_value, "check_interval", service->check_interval);
	put_time(ret_value, "connect_timeout", service->connect_timeout);
	put_time(ret_value, "server_timeout", service->server_timeout);
	put_time(ret_value, "slow_start", service->slow_start);
	if (service->tls.is_set)
		put_tls(ret_value, &service->tls);
	if (service->fixed_count > 0) {
		json_open(ret_value, "addresses", '[');
		for (size_t i = 0; i < service->fixed_count; i++) {
			buf_auto struct buf endpoint = BUF_INIT;

			instance_format(service->fixed[i], NULL, &endpoint);
			json_put(ret_value, NULL, endpoint.data);
		}
		json_close(ret_value, ']');
		json_put(ret_value, "version", service->fixed[0]->version);
	}
	put_origin(ret_value, owner, source);
	json_close(ret_value, '}');
}

void service_format(const struct service *service, struct buf *ret_value)
{
	put_service(service, service->owner, service->source, ret_value);
}

void service_format_json(const struct service *service, const char *owner, const char *source,
			 struct buf *ret_value)
{
	put_service(service, owner, source, ret_value);
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
	free_fixed(service);
	free(service);
}

const char *service_protocol_word(const struct service *service)
{
	return protocol_words[service->protocol];
}

bool service_is_tls_equal(const struct service_tls *a, const struct service_tls *b)
{
	return a->is_set == b->is_set &&
	       (!a->is_set || (a->is_verified == b->is_verified && str_is_same(a->ca, b->ca) &&
			       str_is_same(a->name, b->name)));
}

const char *service_balance_word(enum service_balance balance)
{
	return balance_words[balance];
}

bool service_has_host_name(const struct service *service)
{
	for (size_t i = 0; service != NULL && i < service->fixed_count; i++)
		if (service->fixed[i]->is_name)
			return true;
	return false;
}
