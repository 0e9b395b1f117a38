/*
 * Live instances, parsed from their keys' values.  Immutable once parsed, shared by counting
 * references.
 */
#ifndef MF_MODEL_BACKEND_H
#define MF_MODEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct fields;
struct mf_err;

/* The weaker one first. */
enum instance_state { INSTANCE_UP, INSTANCE_DRAIN, INSTANCE_MAINT };

struct instance {
	unsigned refs;
	char *service;
	char *version;
	char *id;
	char *address; /* numeric, canonical, no brackets; or a host name */
	bool is_name;  /* address is a host name, which HAProxy resolves */
	unsigned port;
	unsigned weight;	     /* 0 to 256, default 100 */
	enum instance_state state;   /* what holds: its own, or the stronger one that is imposed */
	enum instance_state imposed; /* by an operator; INSTANCE_UP: nothing is */
	struct instance *own;	     /* as its key has it; NULL: this is it */
	bool is_held; /* its key is gone, and that is not believed yet: model/guard.h */
	char *server; /* its name in HAProxy: ADDRESS:PORT, unique within a version */
};

extern const struct fields fields_of_instance; /* the format of its JSON value */

/*
 * /mayfly/backends/<service>/<version>/<id>: `address:port`, or a JSON object with address, port,
 * weight, state (up, drain, maint), tags (a list of strings) and further members, which are kept
 * for others and ignored here.  Errors: `instance frontend/0.0.1/a: …`.
 */
int instance_parse(const char *service, const char *version, const char *id, const char *value,
		   size_t len, struct instance **ret_instance, struct mf_err *err);

#define INSTANCE_FIXED "/fixed"

/*
 * One that is no process's: an address of /mayfly/services/<service>, `address:port` or `name:port`
 * with the host's name in lower case.  Its id is INSTANCE_FIXED, which no other has.
 */
int instance_parse_fixed(const char *service, const char *version, const char *endpoint,
			 struct instance **ret_instance, struct mf_err *err);
/* What people call it: its id or, of a fixed one, its address. */
const char *instance_name(const struct instance *instance);
bool instance_takes_requests(const struct instance *instance);
const char *instance_state_word(enum instance_state state);

/* A copy in which the state is imposed; own lives as long. */
struct instance *instance_impose(struct instance *own, enum instance_state state);
/* A copy whose key is gone; draining: it gets no new requests. */
struct instance *instance_hold(const struct instance *instance, bool is_draining);
struct instance *instance_ref(struct instance *instance);
void instance_unref(struct instance *instance);

struct attribute { /* a further member of an instance's JSON value: a string */
	char *name, *value;
};

struct instance_extra {		 /* borrowed; what others than the router read */
	const char *const *tags; /* NULL at the end; NULL: none */
	const struct attribute *attributes;
	size_t attribute_count;
};

/* Whether an attribute may have that name: it is not empty, not too long and none of ours. */
int instance_check_attribute(const char *name, struct mf_err *err);

/*
 * The value to register: `address:port` when all else is default, else JSON.  extra: NULL is none.
 */
void instance_format(const struct instance *instance, const struct instance_extra *extra,
		     struct buf *ret_value);

#endif
