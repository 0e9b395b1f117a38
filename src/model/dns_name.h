/*
 * Names that people set for dnsmasq, beside those of services.  Immutable, shared by counting
 * references.
 */
#ifndef MF_MODEL_DNS_NAME_H
#define MF_MODEL_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct mf_err;

#define DNS_NAME_MAX_ADDRESSES ((size_t)32)

struct dns_name {
	unsigned refs;
	char *name;
	char **addresses; /* canonical; NULL at the end */
	size_t address_count;
};

/*
 * /mayfly/names/<name>: numeric addresses joined by commas; white space around them does not
 * matter.  The name is a host's, in lower case.  Errors: `name db.example.com: ...`.
 */
int dns_name_parse(const char *name, const char *value, size_t len, struct dns_name **ret_name,
		   struct mf_err *err);
struct dns_name *dns_name_ref(struct dns_name *name);
void dns_name_unref(struct dns_name *name); /* NULL is fine */

/* The value to put. */
void dns_name_format(const struct dns_name *name, struct buf *ret_value);

#endif
