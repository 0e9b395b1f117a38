/* What is wanted of this host's addresses, and which one that is.  Knows nothing of changes. */
#include "register/netif.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "register/netif_list.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

static int refuse(const char *s, size_t len, const char *why, struct mf_err *err)
{
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, s, len);
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data, why);
}

static int refuse_all(const char *s, size_t len, struct mf_err *err)
{
	return refuse(s, len,
		      "must be an address, such as 10.0.0.5 or fd00::5, a network, such as "
		      "10.0.0.0/8, or an interface, such as eth0 or eth0:inet6",
		      err);
}

/* --- what is written ------------------------------------------------------------------------- */

static int parse_address(const char *s, size_t len, struct netif_want *want)
{
	char *address;

	if (name_parse_address(s, len, &address, NULL) != 0)
		return MF_EDATA;
	want->kind = NETIF_ADDRESS;
	want->family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
	(void)snprintf(want->text, sizeof(want->text), "%s", address);
	free(address);
	return 0;
}

static unsigned family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

static bool is_within(const unsigned char *address, const unsigned char *network, unsigned bits)
{
	unsigned rest = bits % 8;
	size_t whole = bits / 8;

	if (memcmp(address, network, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ network[whole]) >> (8 - rest) == 0;
}

/* As routing tools do it, bits behind the network's are refused: they would mean an address. */
static bool has_host_bits(const unsigned char *network, int family, unsigned bits)
{
	for (unsigned i = bits; i < family_bits(family); i++)
		if ((network[i / 8] >> (7 - i % 8) & 1) != 0)
			return true;
	return false;
}

static int parse_network(const char *s, size_t len, const char *slash, struct netif_want *want,
			 struct mf_err *err)
{
	mem_auto_free char *address = mem_dup_bytes(s, (size_t)(slash - s));
	mem_auto_free char *bits = mem_dup_bytes(slash + 1, len - (size_t)(slash + 1 - s));
	char text[INET6_ADDRSTRLEN];
	int64_t n;

	want->kind = NETIF_NETWORK;
	want->family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
	if (inet_pton(want->family, address, want->network) != 1)
		return refuse_all(s, len, err);
	if (!str_parse_int(bits, 0, family_bits(want->family), &n))
		return refuse(s, len,
			      want->family == AF_INET
				  ? "a network's length is a number from 0 to 32"
				  : "a network's length is a number from 0 to 128",
			      err);
	want->bits = (unsigned)n;
	if (has_host_bits(want->network, want->family, want->bits))
		return refuse(s, len, "a network has no bits behind its length", err);
	(void)inet_ntop(want->family, want->network, text, sizeof(text));
	(void)snprintf(want->text, sizeof(want->text), "%s/%u", text, want->bits);
	return 0;
}

/*
 * Narrower than the kernel has it, so that a host name or a mistyped address is not taken for an
 * interface that may come some day: a letter first, and a dot only before a VLAN's number.
 */
static bool is_interface(const char *s, size_t len)
{
	bool is_vlan = false;

	if (len == 0 || len >= IFNAMSIZ || s[0] == '\0' || strchr(LETTERS, s[0]) == NULL)
		return false;
	if (len == strlen("localhost") && memcmp(s, "localhost", len) == 0)
		return false;
	for (size_t i = 1; i < len; i++) {
		is_vlan = is_vlan || s[i] == '.';
		if (s[i] == '\0' ||
		    strchr(is_vlan ? DIGITS "." : LETTERS DIGITS "_-@", s[i]) == NULL)
			return false;
	}
	return s[len - 1] != '.';
}

static int parse_interface(const char *s, size_t len, struct netif_want *want, struct mf_err *err)
{
	const char *colon = memchr(s, ':', len);
	size_t n = colon == NULL ? len : (size_t)(colon - s), rest = len - n;

	if (!is_interface(s, n))
		return refuse_all(s, len, err);
	want->kind = NETIF_INTERFACE;
	if (rest == 0)
		want->family = AF_UNSPEC;
	else if (rest == strlen(":inet") && memcmp(colon, ":inet", rest) == 0)
		want->family = AF_INET;
	else if (rest == strlen(":inet6") && memcmp(colon, ":inet6", rest) == 0)
		want->family = AF_INET6;
	else
		return refuse(s, len, "behind an interface may stand :inet or :inet6", err);
	(void)snprintf(want->name, sizeof(want->name), "%.*s", (int)n, s);
	(void)snprintf(want->text, sizeof(want->text), "%.*s", (int)len, s);
	return 0;
}

int netif_parse(const char *s, size_t len, struct netif_want *ret_want, struct mf_err *err)
{
	const char *slash = memchr(s, '/', len);
	struct netif_want want = {0};
	int code = 0;

	if (memchr(s, '\0', len) != NULL)
		return refuse_all(s, len, err);
	if (slash != NULL)
		code = parse_network(s, len, slash, &want, err);
	else if (parse_address(s, len, &want) != 0)
		code = parse_interface(s, len, &want, err);
	if (code == 0)
		*ret_want = want;
	return code;
}

/* A colon before the port's is that of eth0:inet, or it is of IPv6. */
static bool is_bare_v6(const char *s, size_t len)
{
	const char *first = memchr(s, ':', len);

	return first != NULL &&
	       (first != memrchr(s, ':', len) || !is_interface(s, (size_t)(first - s)));
}

int netif_parse_endpoint(const char *s, size_t len, struct netif_want *ret_want, unsigned *ret_port,
			 struct mf_err *err)
{
	const char *colon = memrchr(s, ':', len);
	size_t n = colon == NULL ? len : (size_t)(colon - s);
	bool has_brackets = n > 2 && s[0] == '[' && s[n - 1] == ']';
	struct netif_want want = {0};
	int64_t port = 0;

	if (!has_brackets && is_bare_v6(s, n))
		return refuse(s, len, "an address of IPv6 stands in brackets before its port", err);
	if (colon != NULL) {
		mem_auto_free char *text = mem_dup_bytes(colon + 1, len - n - 1);

		if (strlen(text) != len - n - 1 || !str_parse_int(text, 1, 65535, &port))
			port = 0;
	}
	if (port == 0)
		return refuse(s, len, "must end in a port: a number from 1 to 65535", err);
	if (netif_parse(has_brackets ? s + 1 : s, has_brackets ? n - 2 : n, &want, err) != 0)
		return MF_EDATA;
	if (has_brackets && want.family != AF_INET6)
		return refuse(s, len, "only an address of IPv6 stands in brackets", err);
	*ret_want = want;
	*ret_port = (unsigned)port;
	return 0;
}

/* --- which one it is ------------------------------------------------------------------------- */

static bool is_meant(const struct netif_want *want, const struct netif_address *a)
{
	if (want->family != AF_UNSPEC && want->family != a->family)
		return false;
	if (want->kind == NETIF_INTERFACE)
		return strcmp(want->name, a->name) == 0;
	return is_within(a->bytes, want->network, want->bits);
}

const char *netif_find(const struct netif_list *list, const struct netif_want *want,
		       const char *current)
{
	const struct netif_address *best = NULL;

	if (want->kind == NETIF_ADDRESS)
		return want->text;
	if (list == NULL)
		return current;
	for (size_t i = 0; i < list->count; i++) {
		const struct netif_address *a = &list->addresses[i];

		if (!is_meant(want, a))
			continue;
		if (best == NULL || a->rank < best->rank ||
		    (a->rank == best->rank && current != NULL && strcmp(a->text, current) == 0))
			best = a;
	}
	return best == NULL ? NULL : best->text;
}
