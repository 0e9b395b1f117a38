/*
 * Lists of addresses: networks and hosts' names, each with a range of ports and with a text, such
 * as the reason why it is in the list.
 *
 * Numeric addresses are compared as numbers, and those of IPv4 that IPv6 holds as IPv4's.  Names
 * are not resolved, but those of loopback have its addresses.
 */
#ifndef MF_MODEL_ADDRESS_LIST_H
#define MF_MODEL_ADDRESS_LIST_H

#include <stdbool.h>

#define ADDRESS_LIST_PORT_MAX 65535U

struct address_list;
struct mf_err;

struct address_list *address_list_new(void);
void address_list_free(struct address_list *list); /* NULL is fine */

/* As people write them: "10.0.0.0/8", "10.0.0.5:80", "[fd00::/8]:80", "db.example.com".  MF_EDATA.
 */
int address_list_check_item(const char *item, struct mf_err *err);
void address_list_add_item(struct address_list *list, const char *item, const char *text);

void address_list_add_network(struct address_list *list, const char *network, unsigned first,
			      unsigned last, const char *text);
void address_list_add_loopback(struct address_list *list, unsigned first, unsigned last,
			       const char *text);
/* name: "*" for every name. */
void address_list_add_name(struct address_list *list, const char *name, unsigned first,
			   unsigned last, const char *text);
/* An address, or a name of loopback.  False: it is another name, and nothing is added. */
bool address_list_add_host(struct address_list *list, const char *host, unsigned first,
			   unsigned last, const char *text);

/* The first one's text; NULL: there is none.  address: canonical, without brackets, or a name. */
const char *address_list_find(const struct address_list *list, const char *address, unsigned port);

#endif
