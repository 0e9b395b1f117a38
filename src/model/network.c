/* Networks: read and compared.  Knows nothing of what they are for. */
#include "model/network.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"

static unsigned family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

bool network_parse_address(const char *s, size_t len, struct network *ret_network)
{
	mem_auto_free char *text = mem_dup_bytes(s, len);
	struct network network = {.family = strchr(text, ':') == NULL ? AF_INET : AF_INET6};

	if (strlen(text) != len || inet_pton(network.family, text, network.bytes) != 1)
		return false;
	network.bits = family_bits(network.family);
	*ret_network = network;
	return true;
}

bool network_parse_range(const char *s, size_t len, struct network *ret_network,
			 const char **ret_why)
{
	const char *slash = memchr(s, '/', len);
	mem_auto_free char *bits = NULL;
	struct network network;
	int64_t n;

	*ret_why = NULL;
	if (slash == NULL || !network_parse_address(s, (size_t)(slash - s), &network))
		return false;
	bits = mem_dup_bytes(slash + 1, len - (size_t)(slash + 1 - s));
	if (!str_parse_int(bits, 0, network.bits, &n)) {
		*ret_why = network.family == AF_INET
			       ? "a network's length is a number from 0 to 32"
			       : "a network's length is a number from 0 to 128";
		return false;
	}
	network.bits = (unsigned)n;
	*ret_network = network;
	return true;
}

static bool has_host_bits(const struct network *network)
{
	for (unsigned i = network->bits; i < family_bits(network->family); i++)
		if ((network->bytes[i / 8] >> (7 - i % 8) & 1) != 0)
			return true;
	return false;
}

bool network_parse(const char *s, size_t len, struct network *ret_network, const char **ret_why)
{
	struct network network;

	if (!network_parse_range(s, len, &network, ret_why))
		return false;
	if (has_host_bits(&network)) {
		*ret_why = "a network has no bits behind its length";
		return false;
	}
	*ret_network = network;
	return true;
}

bool network_has(const struct network *network, const unsigned char *bytes)
{
	unsigned rest = network->bits % 8;
	size_t whole = network->bits / 8;

	if (memcmp(bytes, network->bytes, whole) != 0)
		return false;
	return rest == 0 || (bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0;
}

bool network_holds(const struct network *network, const struct network *other)
{
	return network->family == other->family && network->bits <= other->bits &&
	       network_has(network, other->bytes);
}
