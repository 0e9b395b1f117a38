/* Where a container answers: which of its ports, at which address of which network. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "register/container_internal.h"

/* --- ports ----------------------------------------------------------------------------------- */

static const struct node *published_ports(const struct container_source *s)
{
	return node_find(node_find(s->inspect, "NetworkSettings"), "Ports");
}

static const char *network_mode(const struct container_source *s)
{
	return node_text_at(node_find(s->inspect, "HostConfig"), "NetworkMode", "");
}

static bool is_on_host(const struct container_source *s)
{
	return strcmp(network_mode(s), "host") == 0;
}

/* "8080/tcp", "8080"; 0: another protocol, or no port. */
static unsigned parse_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	char number[6];
	int64_t port;

	if (digits >= sizeof(number) ||
	    (text[digits] != '\0' && strcmp(text + digits, "/tcp") != 0))
		return 0;
	memcpy(number, text, digits);
	number[digits] = '\0';
	return str_parse_int(number, 1, 65535, &port) ? (unsigned)port : 0;
}

/* Ascending, each once; false when there is no room. */
static bool insert_port(unsigned *ports, size_t *count, size_t max, unsigned port)
{
	size_t i = *count;

	while (i > 0 && ports[i - 1] > port)
		i--;
	if (i > 0 && ports[i - 1] == port)
		return true;
	if (*count == max)
		return false;
	memmove(ports + i + 1, ports + i, (*count - i) * sizeof(*ports));
	ports[i] = port;
	++*count;
	return true;
}

struct port_list {
	unsigned *ports;
	size_t count, max;
	bool is_full;
};

/* The keys of an object of ports; is_bound: only those that are published. */
static void add_ports(const struct container_source *s, const struct node *object, bool is_bound,
		      struct port_list *list)
{
	for (size_t i = 0; i < node_count(object, NODE_MAP); i++) {
		const struct node *bindings = &object->children[i];
		unsigned port = parse_port(bindings->key);

		if (port == 0 || (is_bound && node_count(bindings, NODE_LIST) == 0) ||
		    container_is_true(container_find_word(s, port, "IGNORE")))
			continue;
		list->is_full |= !insert_port(list->ports, &list->count, list->max, port);
	}
}

static void remark_no_port(const struct container_source *s, bool is_published)
{
	if (is_published)
		container_remark(s->container, false,
				 "no TCP port is published: publish one, or use --internal");
	else
		container_remark(s->container, false,
				 "no TCP port is exposed: name one in the label mayfly.port");
}

size_t container_list_ports(const struct container_source *s, unsigned *ports, size_t max)
{
	const struct node *exposed = node_find(node_find(s->inspect, "Config"), "ExposedPorts");
	const char *wanted = container_find_label(s, "port");
	bool is_published = !s->options->is_internal && !is_on_host(s);
	struct port_list list = {.ports = ports, .max = max};

	if (wanted != NULL) {
		ports[0] = parse_port(wanted);
		if (ports[0] == 0)
			container_remark(s->container, true, "mayfly.port=%.32s: no TCP port",
					 wanted);
		return ports[0] == 0 ? 0 : 1;
	}
	add_ports(s, published_ports(s), is_published, &list);
	if (!is_published)
		add_ports(s, exposed, false, &list);
	if (list.is_full)
		container_remark(s->container, true, "has more than %zu ports: the rest is ignored",
				 max);
	if (list.count == 0)
		remark_no_port(s, is_published);
	return list.count;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int take_node_address(const struct container_source *s, char **ret_address,
			     struct mf_err *err)
{
	if (s->options->address == NULL)
		return mf_err_set(err, MF_EDATA, "this node's address is not known: say --ip");
	*ret_address = mem_dup_str(s->options->address);
	return 0;
}

/* Whether a binding to all addresses holds for the node's, which may be of one family only. */
static bool is_wildcard(const struct container_source *s, const char *host)
{
	bool is_v6 = s->options->address != NULL && strchr(s->options->address, ':') != NULL;

	return host[0] == '\0' || strcmp(host, is_v6 ? "::" : "0.0.0.0") == 0;
}

static bool is_loopback(const char *address)
{
	return str_has_prefix(address, "127.") || strcmp(address, "::1") == 0;
}

/* Fine where all run on one host, as their --ip says. */
static void remark_loopback(const struct container_source *s, unsigned port, const char *address)
{
	if (is_loopback(address) &&
	    (s->options->address == NULL || !is_loopback(s->options->address)))
		container_remark(s->container, false,
				 "port %u: published on %s, where only this host reaches it", port,
				 address);
}

static int find_published(const struct container_source *s, unsigned port, char **ret_address,
			  unsigned *ret_port, struct mf_err *err)
{
	mem_auto_free char *key = mem_printf("%u/tcp", port);
	const struct node *bindings = node_find(published_ports(s), key);

	for (size_t i = 0; i < node_count(bindings, NODE_LIST); i++) {
		const struct node *binding = &bindings->children[i];
		const char *host = node_text_at(binding, "HostIp", "");
		unsigned host_port = parse_port(node_text_at(binding, "HostPort", ""));

		if (host_port == 0)
			continue;
		if (is_wildcard(s, host)) {
			*ret_port = host_port;
			return take_node_address(s, ret_address, err);
		}
		if (name_parse_address(host, strlen(host), ret_address, NULL) == 0) {
			remark_loopback(s, port, *ret_address);
			*ret_port = host_port;
			return 0;
		}
	}
	return mf_err_set(err, MF_EDATA, "is not published");
}

/* "10.0.0.0/8" and an address in it. */
static bool parse_cidr(const char *cidr, int *ret_family, unsigned char net[16], size_t *ret_bits)
{
	const char *slash = strchr(cidr, '/');
	mem_auto_free char *address =
	    slash == NULL ? NULL : mem_dup_bytes(cidr, (size_t)(slash - cidr));
	int64_t bits;

	if (slash == NULL)
		return false;
	*ret_family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
	if (inet_pton(*ret_family, address, net) != 1 ||
	    !str_parse_int(slash + 1, 0, *ret_family == AF_INET ? 32 : 128, &bits))
		return false;
	*ret_bits = (size_t)bits;
	return true;
}

static bool is_in_cidr(const char *address, const char *cidr)
{
	unsigned char net[16], host[16];
	size_t bits, whole;
	int family;

	if (!parse_cidr(cidr, &family, net, &bits) || inet_pton(family, address, host) != 1)
		return false;
	whole = bits / 8;
	return memcmp(net, host, whole) == 0 &&
	       (bits % 8 == 0 || (net[whole] ^ host[whole]) >> (8 - bits % 8) == 0);
}

int container_check_network(const char *network, struct mf_err *err)
{
	unsigned char net[16];
	size_t bits;
	int family;

	if (network[0] != '\0' &&
	    (strchr(network, '/') == NULL || parse_cidr(network, &family, net, &bits)))
		return 0;
	return mf_err_set(err, MF_EDATA,
			  "\"%.64s\": neither a network's name nor a range such as 10.1.0.0/16",
			  network);
}

/* A network's address that fits; "" is none.  IPv4 first. */
static const char *address_in(const struct node *network, const char *choice)
{
	static const char *const families[] = {"IPAddress", "GlobalIPv6Address"};
	bool is_cidr = choice != NULL && strchr(choice, '/') != NULL;

	if (choice != NULL && !is_cidr && strcmp(network->key, choice) != 0)
		return "";
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const char *address = node_text_at(network, families[i], "");

		if (address[0] != '\0' && (!is_cidr || is_in_cidr(address, choice)))
			return address;
	}
	return "";
}

static int find_internal(const struct container_source *s, char **ret_address, struct mf_err *err)
{
	const struct node *networks =
	    node_find(node_find(s->inspect, "NetworkSettings"), "Networks");
	const char *choice = container_find_label(s, "network");
	const char *found = "", *found_name = "";

	if (choice == NULL)
		choice = s->options->network;
	for (size_t i = 0; i < node_count(networks, NODE_MAP); i++) {
		const char *name = networks->children[i].key;
		const char *address = address_in(&networks->children[i], choice);

		if (address[0] == '\0')
			continue;
		if (found[0] != '\0' && choice == NULL)
			return mf_err_set(err, MF_EDATA,
					  "is in the networks %.64s and %.64s: choose by the label "
					  "mayfly.network or --network",
					  found_name, name);
		if (found[0] == '\0' || strcmp(name, found_name) < 0) {
			found = address;
			found_name = name;
		}
	}
	if (found[0] == '\0' && choice != NULL)
		return mf_err_set(err, MF_EDATA, "has no address in the network %.64s", choice);
	if (found[0] == '\0')
		return mf_err_set(err, MF_EDATA, "has no address of its own");
	return name_parse_address(found, strlen(found), ret_address, err);
}

int container_find_endpoint(const struct container_source *s, unsigned port, char **ret_address,
			    unsigned *ret_port, struct mf_err *err)
{
	if (str_has_prefix(network_mode(s), "container:"))
		return mf_err_set(err, MF_EDATA,
				  "shares another container's network: register that one");
	if (!is_on_host(s) && !s->options->is_internal)
		return find_published(s, port, ret_address, ret_port, err);
	if ((is_on_host(s) ? take_node_address(s, ret_address, err)
			   : find_internal(s, ret_address, err)) != 0)
		return err->code;
	*ret_port = port;
	return 0;
}
