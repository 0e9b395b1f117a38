/*
 * One service of a file: each key that it may have.
 */
#ifndef MF_REGISTER_SERVICE_FIELDS_H
#define MF_REGISTER_SERVICE_FIELDS_H

#include <stdint.h>

#include "register/announcer.h"
#include "register/netif.h"

struct mf_err;
struct node;

struct service_draft { /* borrows from the node, but for the arrays and the checks */
	struct announcement want;
	struct netif_want where;
	int64_t ttl_ms;
	const char **tags;
	struct attribute *attributes;
	struct check_spec **checks;
};

/* Errors: `service search: weight: ...`.  The draft is to be freed in either case. */
int service_fields_read(const struct node *node, struct service_draft *ret_draft,
			struct mf_err *err);
void service_fields_fini(struct service_draft *draft);

#endif
