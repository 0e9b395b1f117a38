/*
 * Addresses that no service may have, as lists made of the settings.  Knows nothing of who wants
 * one.
 */
#include "model/denied.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/address_list.h"
#include "model/bind.h"
#include "model/settings.h"

#define PORT_MAX ADDRESS_LIST_PORT_MAX

struct denied {
	struct address_list *list, *allowed;
};

static void add_etcd(struct address_list *list, const char *endpoint)
{
	mem_auto_free char *why = mem_printf("is etcd's own (etcd.endpoints: %s)", endpoint);
	bool is_tls = str_has_prefix(endpoint, "https://"), is_web;
	const char *scheme = strstr(endpoint, "://"),
		   *host = scheme == NULL ? endpoint : scheme + 3;
	bool has_port =
	    strchr(host, ']') != NULL ? strstr(host, "]:") != NULL : strchr(host, ':') != NULL;
	mem_auto_free char *text = mem_printf("%s%s", host,
					      has_port ? ""
					      : is_tls ? ":443"
						       : ":80");
	struct bind at;

	if (!bind_parse(text, &at))
		return;
	is_web = at.first == 80 || at.first == 443;
	address_list_add_loopback(list, at.first, at.first, why);
	if (!address_list_add_host(list, at.host, at.first, at.first, why)) {
		address_list_add_name(list, at.host, at.first, at.first, why);
		if (is_web)
			return;
		address_list_add_network(list, "0.0.0.0/0", at.first, at.first, why);
		address_list_add_network(list, "::/0", at.first, at.first, why);
	}
	if (!is_web)
		address_list_add_name(list, "*", at.first, at.first, why);
}

static void add_bind(struct address_list *list, const char *key, const char *owner,
		     const char *text, char *const *own)
{
	mem_auto_free char *why = mem_printf("is %s own (%s: %s)", owner, key, text);
	struct bind bind;

	if (!bind_parse(text, &bind))
		return;
	if (bind.host[0] == '\0') {
		address_list_add_loopback(list, bind.first, bind.last, why);
		for (; own != NULL && *own != NULL; own++)
			(void)address_list_add_host(list, *own, bind.first, bind.last, why);
		return;
	}
	if (!address_list_add_host(list, bind.host, bind.first, bind.last, why))
		address_list_add_name(list, bind.host, bind.first, bind.last, why);
}

static void add_binds(struct address_list *list, const char *key, char *const *texts,
		      char *const *own)
{
	for (; *texts != NULL; texts++)
		add_bind(list, key, "HAProxy's", *texts, own);
}

static void add_items(struct address_list *list, const char *key, char *const *items)
{
	for (; *items != NULL; items++) {
		mem_auto_free char *why = mem_printf("is denied (%s: %s)", key, *items);

		address_list_add_item(list, *items, why);
	}
}

struct denied *denied_new(const struct settings *settings, char *const *own)
{
	struct denied *denied = MEM_NEW(denied);
	struct address_list *list = address_list_new();

	denied->list = list;
	denied->allowed = address_list_new();
	for (char *const *p = settings->etcd.endpoints; *p != NULL; p++)
		add_etcd(list, *p);
	add_binds(list, "haproxy.bind", settings->haproxy.bind, own);
	if (settings_has_tls(settings))
		add_binds(list, "haproxy.tls.bind", settings->haproxy.tls.bind, own);
	add_binds(list, "haproxy.internal_bind", settings->haproxy.internal_bind, own);
	add_binds(list, "haproxy.local_bind", settings->haproxy.local_bind, own);
	add_bind(list, "haproxy.stats_bind", "HAProxy's", settings->haproxy.stats_bind, own);
	add_bind(list, "metrics_bind", "kvwatch's", settings->metrics_bind, own);
	address_list_add_network(list, "169.254.0.0/16", 0, PORT_MAX, "is a link-local address");
	address_list_add_network(list, "fe80::/10", 0, PORT_MAX, "is a link-local address");
	add_items(list, "deny_addresses", settings->deny_addresses);
	add_items(denied->allowed, "allow_addresses", settings->allow_addresses);
	return denied;
}

void denied_free(struct denied *denied)
{
	if (denied == NULL)
		return;
	address_list_free(denied->list);
	address_list_free(denied->allowed);
	free(denied);
}

int denied_check(const struct denied *denied, const char *address, unsigned port,
		 struct mf_err *err)
{
	const char *why = address_list_find(denied->list, address, port);

	if (why == NULL || address_list_find(denied->allowed, address, port) != NULL)
		return 0;
	return mf_err_set(err, MF_EPERM, strchr(address, ':') == NULL ? "%s:%u: %s" : "[%s]:%u: %s",
			  address, port, why);
}
