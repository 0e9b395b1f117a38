/*
 * A state that an operator says of an instance which somebody else registers: it drains, or is in
 * maintenance.  Immutable once parsed, shared by counting references.
 */
#ifndef MF_MODEL_IMPOSED_H
#define MF_MODEL_IMPOSED_H

#include <stddef.h>

#include "model/backend.h"

struct buf;
struct mf_err;

struct imposed {
	unsigned refs;
	const char *service, *version;
	const char *instance; /* as instance_name has it */
	int64_t created;      /* etcd's create revision of its key */
	enum instance_state state;
};

/*
 * /mayfly/states/<service>/<version>/<instance>: "drain" or "maint", and white space behind it.
 * There need not be such an instance.  Errors: `state web/1/a: ...`.
 */
int imposed_parse(const char *service, const char *version, const char *instance, const char *value,
		  size_t len, int64_t created, struct imposed **ret_imposed, struct mf_err *err);
struct imposed *imposed_ref(struct imposed *imposed);
void imposed_unref(struct imposed *imposed); /* NULL is fine */

/* The value to put. */
void imposed_format(const struct imposed *imposed, struct buf *ret_value);

#endif
