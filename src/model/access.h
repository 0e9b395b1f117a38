/*
 * Who may come to an environment from outside: networks.  In maps a network is what the hexadecimal
 * digits of its addresses begin with, so that one look-up finds it, however many there are.
 */
#ifndef MF_MODEL_ACCESS_H
#define MF_MODEL_ACCESS_H

#include <stddef.h>

struct buf;
struct door;
struct fields;

#define ACCESS_FROM_MAX 32

struct access {
	const char **from; /* networks and addresses; sorted, distinct */
	size_t from_count;
};

extern const struct fields fields_of_access;

/*
 *	.access                  from
 *	.from.<8|32>.<digits>    1, of IPv4 and IPv6: what the digits of an address begin with
 */
void access_fill(const void *access, struct door *door, struct buf *words);

#endif
