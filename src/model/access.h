/*
 * Who may come to an environment from outside: networks, and those who know a password of a list of
 * users (model/users.h).  In maps a network is what the hexadecimal
 * digits of its addresses begin with, so that one look-up finds it, however many there are.
 */
#ifndef MF_MODEL_ACCESS_H
#define MF_MODEL_ACCESS_H

#include <stddef.h>

struct buf;
struct door;
struct fields;
struct value_type;

#define ACCESS_FROM_MAX 32

struct access {
	const char **from; /* networks and addresses; sorted, distinct */
	size_t from_count;
	const char *users; /* the list's name; NULL: no password is asked for */
};

extern const struct fields fields_of_access;
extern const struct value_type access_network, access_users; /* of its members */

/*
 *	.access                  |users, from| or from|users
 *	.from.<8|32>.<digits>    1, of IPv4 and IPv6: what the digits of an address begin with
 */
/* "from 10.0.0.0/8, with a password of team"; users NULL: none. */
void access_add_words(const char *const *from, size_t count, const char *users, struct buf *words);
void access_fill(const void *access, struct door *door, struct buf *words);

#endif
