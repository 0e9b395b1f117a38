/*
 * Services from their keys' values.  Knows nothing of who uses them.
 */
#include "model/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/backend.h"
#include "model/name.h"
#include "model/node.h"

#define INTERVAL_DEFAULT_MS 2000
#define DURATION_MIN_MS	    10
#define DURATION_MAX_MS	    86400000
#define VERSION_DEFAULT	    "latest"
#define COUNT(a)	    (sizeof(a) / sizeof((a)[0]))

static const char *const balance_words[] = {[BALANCE_ROUNDROBIN] = "roundrobin",
					    [BALANCE_LEASTCONN] = "leastconn",
					    [BALANCE_SOURCE] = "source",
					    [BALANCE_RANDOM] = "random"};

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

static int read_check(const struct node *map, struct service *service, struct mf_err *err)
{
	const struct node *node = node_find(map, "check");
	const char *text;

	if (node == NULL)
		return 0;
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "check");
	if (text[0] != '\0' && strcmp(text, "tcp") != 0) {
		if (text[0] != '/')
			return node_error(node, err,
					  "check: must be tcp or a path for HTTP checks");
		if (node_get_name(node, NAME_ROUTE, "check", &text, err) != 0)
			return MF_EDATA;
	}
	free(service->check);
	service->check = mem_dup_str(text);
	return 0;
}

static int read_balance(const struct node *map, struct service *service, struct mf_err *err)
{
	const struct node *node = node_find(map, "balance");
	unsigned which;

	if (node == NULL)
		return 0;
	if (node_get_word(node, balance_words, COUNT(balance_words), &which, err) != 0)
		return mf_err_wrap(err, "balance");
	service->balance = (enum service_balance)which;
	return 0;
}

static int read_protocol(const struct node *map, struct service *service, struct mf_err *err)
{
	static const char *const words[] = {"http", "tcp"};
	const struct node *protocol = node_find(map, "protocol"),
			  *listen = node_find(map, "listen");
	unsigned which = 0;
	long port;

	if (protocol != NULL && node_get_word(protocol, words, COUNT(words), &which, err) != 0)
		return mf_err_wrap(err, "protocol");
	service->is_tcp = which == 1;
	if (listen == NULL)
		return 0;
	if (!service->is_tcp)
		return node_error_key(listen, err, "listen: only for protocol tcp");
	if (node_get_int(listen, 1, 65535, &port, err) != 0)
		return mf_err_wrap(err, "listen");
	service->listen = (unsigned)port;
	return 0;
}

/* The last of its addresses. */
static bool is_there_twice(const struct service *service)
{
	struct instance *const *fixed = service->fixed;
	size_t last = service->fixed_count - 1;

	for (size_t i = 0; i < last; i++)
		if (strcmp(fixed[i]->server, fixed[last]->server) == 0)
			return true;
	return false;
}

static int read_fixed(const struct node *list, const char *version, struct service *service,
		      struct mf_err *err)
{
	struct mf_err why;
	const char *text;

	if (node_check_list(list, err) != 0)
		return mf_err_wrap(err, "addresses");
	if (list->child_count > SERVICE_MAX_FIXED)
		return node_error_key(list, err, "addresses: more than %zu", SERVICE_MAX_FIXED);
	service->fixed = mem_alloc(list->child_count * sizeof(struct instance *));
	for (size_t i = 0; i < list->child_count; i++) {
		const struct node *node = &list->children[i];

		if (node_get_text(node, &text, err) != 0)
			return mf_err_wrap(err, "addresses");
		if (instance_parse_fixed(service->name, version, text,
					 &service->fixed[service->fixed_count], &why) != 0)
			return node_error(node, err, "addresses: %s", why.msg);
		service->fixed_count++;
		if (is_there_twice(service))
			return node_error(node, err, "addresses: %s: twice", text);
	}
	return 0;
}

static int read_addresses(const struct node *map, struct service *service, struct mf_err *err)
{
	const struct node *addresses = node_find(map, "addresses"),
			  *node = node_find(map, "version");
	const char *version = VERSION_DEFAULT;

	if (node != NULL && node_get_name(node, NAME_VERSION, "version", &version, err) != 0)
		return MF_EDATA;
	if (addresses == NULL && node != NULL)
		return node_error_key(node, err, "version: only with addresses");
	return addresses == NULL ? 0 : read_fixed(addresses, version, service, err);
}

static int read_service(const struct node *map, struct service *service, struct mf_err *err)
{
	static const char *const keys[] = {"protocol",	     "listen",	       "balance",
					   "check",	     "check_interval", "connect_timeout",
					   "server_timeout", "addresses",      "version"};
	int code = node_check_keys(map, keys, COUNT(keys), err);

	if (code == 0)
		code = read_protocol(map, service, err);
	if (code == 0)
		code = read_balance(map, service, err);
	if (code == 0)
		code = read_check(map, service, err);
	if (code == 0)
		code = read_duration(map, "check_interval", &service->check_interval, err);
	if (code == 0)
		code = read_duration(map, "connect_timeout", &service->connect_timeout, err);
	if (code == 0)
		code = read_duration(map, "server_timeout", &service->server_timeout, err);
	return code == 0 ? read_addresses(map, service, err) : code;
}

static struct service *new_service(const char *name)
{
	struct service *service = MEM_NEW(service);

	service->refs = 1;
	service->name = mem_dup_str(name);
	service->check = mem_dup_str("");
	service->check_interval = INTERVAL_DEFAULT_MS;
	return service;
}

struct service *service_new_plain(const struct service *service)
{
	struct service *plain = new_service(service->name);

	plain->is_tcp = service->is_tcp;
	return plain;
}

int service_parse(const char *name, const char *value, size_t len, struct service **ret_service,
		  struct mf_err *err)
{
	struct service *service;
	struct node *root;
	int code = name_check(NAME_SERVICE, name, strlen(name), err);

	if (code != 0)
		return mf_err_wrap(err, "service");
	code = node_parse_json(value, len, &root, err);
	if (code != 0)
		return mf_err_wrap(err, "service %s", name);
	service = new_service(name);
	code = read_service(root, service, err);
	if (code == 0) {
		*ret_service = service;
	} else {
		code = mf_err_wrap(err, "service %s", name);
		service_unref(service);
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
	for (size_t i = 0; i < service->fixed_count; i++)
		instance_unref(service->fixed[i]);
	free(service->fixed);
	free(service->name);
	free(service->check);
	free(service);
}

const char *service_balance_word(enum service_balance balance)
{
	return balance_words[balance];
}
