/*
 * Addresses that no service may have, as a list of rules made of the settings.  Knows nothing of
 * who wants one.
 */
#include "model/denied.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/bind.h"
#include "model/name.h"
#include "model/network.h"
#include "model/settings.h"

#define PORT_MAX 65535U

static const char *const loopback[] = {"127.0.0.0/8", "0.0.0.0/8", "::1/128"};
static const char *const link_local[] = {"169.254.0.0/16", "fe80::/10"};
static const char *const everywhere[] = {"0.0.0.0/0", "::/0"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct rule {
	struct network network;
	char *host; /* a name instead of the network, "*" for all; or NULL */
	unsigned first, last;
	char *why;
};

struct rules {
	struct rule *list;
	size_t count, cap;
};

struct denied {
	struct rules denied, allowed;
};

/* What is asked for: an address, a name, or a name that is known to have addresses. */
struct wish {
	struct network addresses[2];
	size_t address_count;
	const char *host; /* NULL: it is no name */
	unsigned port;
};

/* --- rules ----------------------------------------------------------------------------------- */

static struct rule *add_rule(struct rules *rules, unsigned first, unsigned last, const char *why)
{
	struct rule *rule;

	MEM_GROW(rules->list, rules->count, rules->cap);
	rule = &rules->list[rules->count++];
	*rule = (struct rule){.first = first, .last = last, .why = mem_dup_str(why)};
	return rule;
}

static void add_networks(struct rules *rules, const char *const *networks, size_t count,
			 unsigned first, unsigned last, const char *why)
{
	for (size_t i = 0; i < count; i++) {
		struct rule *rule = add_rule(rules, first, last, why);
		const char *wrong;

		(void)network_parse(networks[i], strlen(networks[i]), &rule->network, &wrong);
	}
}

static void add_host(struct rules *rules, const char *host, unsigned first, unsigned last,
		     const char *why)
{
	add_rule(rules, first, last, why)->host = mem_dup_str(host);
}

/* "localhost", whatever the host's own files make of it, and what they mostly hold besides. */
static bool is_loopback_name(const char *host)
{
	static const char *const names[] = {"localhost",  "localhost.localdomain", "localhost4",
					    "localhost6", "ip6-localhost",	   "ip6-loopback"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(host, names[i]) == 0)
			return true;
	return str_has_suffix(host, ".localhost");
}

/* False: it is a name of another host. */
static bool add_address(struct rules *rules, const char *host, unsigned first, unsigned last,
			const char *why)
{
	mem_auto_free char *canonical = NULL;
	struct network network;

	if (is_loopback_name(host)) {
		add_networks(rules, loopback, COUNT(loopback), first, last, why);
		return true;
	}
	if (name_parse_address(host, strlen(host), &canonical, NULL) == 0 &&
	    network_parse_address(canonical, strlen(canonical), &network)) {
		add_rule(rules, first, last, why)->network = network;
		return true;
	}
	return false;
}

/* --- an item of the lists -------------------------------------------------------------------- */

struct item {
	struct network network;
	char *host;	      /* or a name; owned */
	unsigned first, last; /* ports: all, if none is given */
};

static bool read_place(const char *s, size_t len, struct item *item, const char **ret_why)
{
	mem_auto_free char *canonical = NULL;

	*ret_why = NULL;
	if (memchr(s, '/', len) != NULL)
		return network_parse(s, len, &item->network, ret_why);
	if (name_parse_address(s, len, &canonical, NULL) == 0)
		return network_parse_address(canonical, strlen(canonical), &item->network);
	if (name_check(NAME_HOST, s, len, NULL) != 0)
		return false;
	item->host = mem_dup_bytes(s, len);
	return true;
}

/* "10.0.0.0/8", "10.0.0.0/8:80", "fd00::/8", "[fd00::/8]:80", "db.example.com:5432". */
static bool read_item(const char *text, struct item *item, const char **ret_why)
{
	const char *end = text + strlen(text), *colon = strrchr(text, ':');
	bool has_brackets = text[0] == '[';
	int64_t port;

	*item = (struct item){.first = 0, .last = PORT_MAX};
	*ret_why = NULL;
	if (colon != NULL && (has_brackets || colon == strchr(text, ':'))) {
		if (!str_parse_int(colon + 1, 1, PORT_MAX, &port))
			return false;
		item->first = item->last = (unsigned)port;
		end = colon;
	}
	if (!has_brackets)
		return read_place(text, (size_t)(end - text), item, ret_why);
	text++;
	end--;
	return end > text && *end == ']' && memchr(text, ':', (size_t)(end - text)) != NULL &&
	       read_place(text, (size_t)(end - text), item, ret_why);
}

int denied_check_item(const char *text, struct mf_err *err)
{
	buf_auto struct buf quoted = BUF_INIT;
	const char *why;
	struct item item;
	bool good = read_item(text, &item, &why);

	free(item.host);
	if (good)
		return 0;
	name_add_quoted(&quoted, text, strlen(text));
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data,
			  why != NULL ? why
				      : "must be a network, an address or a host's name, and may "
					"have a port: 10.0.0.0/8, 10.0.0.5:80, [fd00::/8]:80");
}

static void add_items(struct rules *rules, char *const *texts, const char *key)
{
	for (; *texts != NULL; texts++) {
		mem_auto_free char *reason = mem_printf("is denied (%s: %s)", key, *texts);
		const char *why;
		struct item item;
		struct rule *rule;

		if (!read_item(*texts, &item, &why))
			continue; /* it was refused when the settings were read */
		rule = add_rule(rules, item.first, item.last, reason);
		rule->network = item.network;
		rule->host = item.host;
	}
}

/* --- what is in use -------------------------------------------------------------------------- */

static void add_etcd(struct rules *rules, const char *endpoint)
{
	mem_auto_free char *why = mem_printf("is etcd's own (etcd.endpoints: %s)", endpoint);
	bool is_tls = str_has_prefix(endpoint, "https://");
	const char *scheme = strstr(endpoint, "://"),
		   *host = scheme == NULL ? endpoint : scheme + 3;
	mem_auto_free char *text =
	    mem_printf("%s%s", host, is_tls ? ":443" : ":80"); /* unless it has one */
	struct bind at;

	if (strchr(host, ']') != NULL ? strstr(host, "]:") != NULL : strchr(host, ':') != NULL)
		text[strlen(host)] = '\0';
	if (!bind_parse(text, &at))
		return;
	add_networks(rules, loopback, COUNT(loopback), at.first, at.first, why);
	if (!add_address(rules, at.host, at.first, at.first, why)) {
		add_host(rules, at.host, at.first, at.first, why);
		if (at.first == 80 || at.first == 443)
			return;
		add_networks(rules, everywhere, COUNT(everywhere), at.first, at.first, why);
	}
	if (at.first != 80 && at.first != 443)
		add_host(rules, "*", at.first, at.first, why);
}

static void add_bind(struct rules *rules, const char *key, const char *owner, const char *text)
{
	mem_auto_free char *why = mem_printf("is %s own (%s: %s)", owner, key, text);
	struct bind bind;

	if (!bind_parse(text, &bind))
		return;
	if (bind.host[0] == '\0')
		add_networks(rules, loopback, COUNT(loopback), bind.first, bind.last, why);
	else if (!add_address(rules, bind.host, bind.first, bind.last, why))
		add_host(rules, bind.host, bind.first, bind.last, why);
}

static void add_binds(struct rules *rules, const char *key, char *const *texts)
{
	for (; *texts != NULL; texts++)
		add_bind(rules, key, "HAProxy's", *texts);
}

struct denied *denied_new(const struct settings *settings)
{
	struct denied *denied = MEM_NEW(denied);
	struct rules *rules = &denied->denied;

	for (char *const *p = settings->etcd.endpoints; *p != NULL; p++)
		add_etcd(rules, *p);
	add_binds(rules, "haproxy.bind", settings->haproxy.bind);
	add_binds(rules, "haproxy.internal_bind", settings->haproxy.internal_bind);
	add_binds(rules, "haproxy.local_bind", settings->haproxy.local_bind);
	add_bind(rules, "haproxy.stats_bind", "HAProxy's", settings->haproxy.stats_bind);
	add_bind(rules, "metrics_bind", "kvwatch's", settings->metrics_bind);
	add_networks(rules, link_local, COUNT(link_local), 0, PORT_MAX, "is a link-local address");
	add_items(rules, settings->deny_addresses, "deny_addresses");
	add_items(&denied->allowed, settings->allow_addresses, "allow_addresses");
	return denied;
}

static void free_rules(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		free(rules->list[i].host);
		free(rules->list[i].why);
	}
	free(rules->list);
}

void denied_free(struct denied *denied)
{
	if (denied == NULL)
		return;
	free_rules(&denied->denied);
	free_rules(&denied->allowed);
	free(denied);
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool fits(const struct rule *rule, const struct wish *wish)
{
	if (wish->port < rule->first || wish->port > rule->last)
		return false;
	if (rule->host != NULL)
		return wish->host != NULL &&
		       (strcmp(rule->host, "*") == 0 || strcasecmp(rule->host, wish->host) == 0);
	for (size_t i = 0; i < wish->address_count; i++)
		if (network_holds(&rule->network, &wish->addresses[i]))
			return true;
	return false;
}

static const struct rule *find_rule(const struct rules *rules, const struct wish *wish)
{
	for (size_t i = 0; i < rules->count; i++)
		if (fits(&rules->list[i], wish))
			return &rules->list[i];
	return NULL;
}

static void wish_add_address(struct wish *wish, const char *address)
{
	struct network *network = &wish->addresses[wish->address_count];

	if (network_parse_address(address, strlen(address), network))
		wish->address_count++;
}

int denied_check(const struct denied *denied, const char *address, unsigned port,
		 struct mf_err *err)
{
	struct wish wish = {.port = port};
	const struct rule *rule;

	wish_add_address(&wish, address);
	if (wish.address_count == 0)
		wish.host = address;
	if (is_loopback_name(address)) {
		wish_add_address(&wish, "127.0.0.1");
		wish_add_address(&wish, "::1");
	}
	rule = find_rule(&denied->denied, &wish);
	if (rule == NULL || find_rule(&denied->allowed, &wish) != NULL)
		return 0;
	return mf_err_set(err, MF_EPERM, strchr(address, ':') == NULL ? "%s:%u: %s" : "[%s]:%u: %s",
			  address, port, rule->why);
}
