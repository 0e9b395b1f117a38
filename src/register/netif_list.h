/*
 * This host's addresses, as the kernel lists them.
 */
#ifndef MF_REGISTER_NETIF_LIST_H
#define MF_REGISTER_NETIF_LIST_H

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>

struct netif_address {
	char name[IFNAMSIZ]; /* of its interface */
	int family;
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];
	unsigned rank; /* a lower one is better */
};

struct netif_list { /* only what may be announced */
	struct netif_address *addresses;
	size_t count, cap;
};

#endif
