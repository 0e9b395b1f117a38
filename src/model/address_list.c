/* Lists of addresses.  Knows nothing of what they are for. */
#include "model/address_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "model/network.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct rule {
	struct network network;
	char *host; /* a name instead of the network, "*" for all; or NULL */
	unsigned first, last;
	char *text;
};

struct address_list {
	struct rule *rules;
	size_t count, cap;
};

struct address_list *address_list_new(void)
{
	return mem_alloc(sizeof(struct address_list));
}

void address_list_free(struct address_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		free(list->rules[i].host);
		free(list->rules[i].text);
	}
	free(list->rules);
	free(list);
}

/* --- what is in it --------------------------------------------------------------------------- */

static struct rule *add_rule(struct address_list *list, unsigned first, unsigned last,
			     const char *text)
{
	struct rule *rule;

	MEM_GROW(list->rules, list->count, list->cap);
	rule = &list->rules[list->count++];
	*rule = (struct rule){.first = first, .last = last, .text = mem_dup_str(text)};
	return rule;
}

void address_list_add_network(struct address_list *list, const char *network, unsigned first,
			      unsigned last, const char *text)
{
	const char *why;

	(void)network_parse(network, strlen(network), &add_rule(list, first, last, text)->network,
			    &why);
}

void address_list_add_loopback(struct address_list *list, unsigned first, unsigned last,
			       const char *text)
{
	static const char *const networks[] = {"127.0.0.0/8", "0.0.0.0/8", "::1/128"};

	for (size_t i = 0; i < COUNT(networks); i++)
		address_list_add_network(list, networks[i], first, last, text);
}

void address_list_add_name(struct address_list *list, const char *name, unsigned first,
			   unsigned last, const char *text)
{
	add_rule(list, first, last, text)->host = mem_dup_str(name);
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

bool address_list_add_host(struct address_list *list, const char *host, unsigned first,
			   unsigned last, const char *text)
{
	mem_auto_free char *canonical = NULL;
	struct network network;

	if (is_loopback_name(host)) {
		address_list_add_loopback(list, first, last, text);
		return true;
	}
	if (name_parse_address(host, strlen(host), &canonical, NULL) != 0 ||
	    !network_parse_address(canonical, strlen(canonical), &network))
		return false;
	add_rule(list, first, last, text)->network = network;
	return true;
}

/* --- as people write it ---------------------------------------------------------------------- */

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

	*item = (struct item){.first = 0, .last = ADDRESS_LIST_PORT_MAX};
	*ret_why = NULL;
	if (colon != NULL && (has_brackets || colon == strchr(text, ':'))) {
		if (!str_parse_int(colon + 1, 1, ADDRESS_LIST_PORT_MAX, &port))
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

int address_list_check_item(const char *text, struct mf_err *err)
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

void address_list_add_item(struct address_list *list, const char *item, const char *text)
{
	const char *why;
	struct item read;
	struct rule *rule;

	if (!read_item(item, &read, &why))
		return;
	rule = add_rule(list, read.first, read.last, text);
	rule->network = read.network;
	rule->host = read.host;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* What is asked for: an address, a name, or a name that is known to have addresses. */
struct wish {
	struct network addresses[2];
	size_t address_count;
	const char *host; /* NULL: it is no name */
	unsigned port;
};

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

static const struct rule *find_rule(const struct address_list *list, const struct wish *wish)
{
	for (size_t i = 0; i < list->count; i++)
		if (fits(&list->rules[i], wish))
			return &list->rules[i];
	return NULL;
}

static void wish_add_address(struct wish *wish, const char *address)
{
	struct network *network = &wish->addresses[wish->address_count];

	if (network_parse_address(address, strlen(address), network))
		wish->address_count++;
}

const char *address_list_find(const struct address_list *list, const char *address, unsigned port)
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
	rule = find_rule(list, &wish);
	return rule == NULL ? NULL : rule->text;
}
