/*
 * Networks of Internet addresses, as they are written: "10.0.0.0/8", "fd00::/8".
 */
#ifndef MF_MODEL_NETWORK_H
#define MF_MODEL_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

struct network {
	int family;		 /* AF_INET, AF_INET6 */
	unsigned char bytes[16]; /* in network order */
	unsigned bits;		 /* of those that count */
};

/* ADDRESS/LENGTH, bits behind the length as they are.  ret_why: as network_parse has it. */
bool network_parse_range(const char *s, size_t len, struct network *ret_network,
			 const char **ret_why);

/*
 * The same, but bits behind its length are refused, as routing tools do it: they would mean an
 * address.  False: ret_why is what is wrong with its length, or NULL if it is no network at all.
 */
bool network_parse(const char *s, size_t len, struct network *ret_network, const char **ret_why);

/* A numeric address, as the network that holds nothing else. */
bool network_parse_address(const char *s, size_t len, struct network *ret_network);

/* bytes: an address of the network's own family. */
bool network_has(const struct network *network, const unsigned char *bytes);

/* Whether all of the other is in it. */
bool network_holds(const struct network *network, const struct network *other);

#endif
