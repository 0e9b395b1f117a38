/*
 * This host's addresses: which of them is meant by an interface's name or a network, and that they
 * have changed (getifaddrs(3), rtnetlink(7)).
 *
 * What is desired is written
 *
 *     10.0.0.5, fd00::5      that address, whether this host has it or not
 *     eth0                   the interface's address, of IPv4 if it has one
 *     eth0:inet, eth0:inet6  its address of that family
 *     10.0.0.0/8, fd00::/8   this host's address in that network
 *
 * Of several the first counts, but one that is in use stays for as long as it is as good as the
 * others.  Loopback addresses come behind the others, and those of IPv4's 169.254.0.0/16 last.  Not
 * taken are IPv6's link-local addresses, which nobody can use without naming an interface, its
 * temporary, deprecated and not yet verified ones, and those of interfaces that are down.
 */
#ifndef MF_REGISTER_NETIF_H
#define MF_REGISTER_NETIF_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/network.h"

struct loop;
struct mf_err;
struct netif_watch;

enum netif_kind { NETIF_ADDRESS, NETIF_INTERFACE, NETIF_NETWORK };

#define NETIF_TEXT_SIZE 64

struct netif_want {
	enum netif_kind kind;
	int family;		    /* AF_UNSPEC: any */
	char text[NETIF_TEXT_SIZE]; /* as above, canonical, without brackets */
	char name[IFNAMSIZ];	    /* of the interface */
	struct network network;
};

/* MF_EDATA: `"eth 0": why`. */
int netif_parse(const char *s, size_t len, struct netif_want *ret_want, struct mf_err *err);
/* The same with a port: "10.0.0.5:80", "eth0:80", "eth0:inet6:80", "10.0.0.0/8:80", "[fd00::5]:80",
 * "[fd00::/8]:80". */
int netif_parse_endpoint(const char *s, size_t len, struct netif_want *ret_want, unsigned *ret_port,
			 struct mf_err *err);

/* A network alone; bits behind its length are ignored. */
bool netif_parse_range(const char *s, struct netif_want *ret_want);
bool netif_has(const struct netif_want *network, const char *address);

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

/* The addresses as they are now; NULL: the kernel does not say. */
struct netif_list *netif_list_new(void);
void netif_list_free(struct netif_list *list); /* NULL is fine */

/*
 * The address that is meant, borrowed from either; NULL: there is none now.  current: the one in
 * use, or NULL.  It stays where list is NULL.
 */
const char *netif_find(const struct netif_list *list, const struct netif_want *want,
		       const char *current);

/* on_change: the addresses may be others, called a moment after they changed.  MF_EFAIL. */
int netif_watch_start(struct loop *loop, void (*on_change)(void *ctx), void *ctx,
		      struct netif_watch **ret_watch, struct mf_err *err);
/* Once more, a second from now: the list could not be had. */
void netif_watch_retry(struct netif_watch *watch); /* NULL is fine */
void netif_watch_stop(struct netif_watch *watch);  /* NULL is fine */

#endif
