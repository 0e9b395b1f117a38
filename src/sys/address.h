/*
 * Internet addresses as the kernel takes them, from the text that people write.
 */
#ifndef MF_SYS_ADDRESS_H
#define MF_SYS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct mf_err;

struct address {
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/* "10.0.0.1" or "fd00::1".  False: it is none. */
bool address_set(struct address *ret_address, const char *host, unsigned port);

/* "10.0.0.1:80", "[fd00::1]:80", "*:80" for all of IPv4.  False: it is none. */
bool address_parse(struct address *ret_address, const char *text, unsigned min_port);

/* This host's addresses, but for those of loopback, NULL at the end; handed over as a strlist. */
char **address_list_own(void);

/*
 * A TCP port that nobody listens on now, from the kernel's range; it is not reserved.  host:
 * numeric, without brackets.  MF_EDATA: it is not one of this host's.
 */
int address_find_free_port(const char *host, unsigned *ret_port, struct mf_err *err);

#endif
