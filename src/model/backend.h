/*
 * Live instances and per-service settings, parsed from their keys' values.  Immutable once parsed,
 * shared by counting references.
 */
#ifndef MF_MODEL_BACKEND_H
#define MF_MODEL_BACKEND_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct mf_err;

enum instance_state { INSTANCE_UP, INSTANCE_DRAIN, INSTANCE_MAINT };

struct instance {
	unsigned refs;
	char *service;
	char *version;
	char *id;
	char *address; /* numeric, canonical, no brackets */
	unsigned port;
	unsigned weight; /* 0 to 256, default 100 */
	enum instance_state state;
	char *server; /* its name in HAProxy: ADDRESS:PORT, unique within a version */
};

/*
 * /mayfly/backends/<service>/<version>/<id>: `address:port`, or a JSON object with address, port,
 * weight, state (up, drain, maint), tags (a list of strings) and further members, which are kept
 * for others and ignored here.  Errors: `instance frontend/0.0.1/a: …`.
 */
int instance_parse(const char *service, const char *version, const char *id, const char *value,
		   size_t len, struct instance **ret_instance, struct mf_err *err);
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

enum service_balance { BALANCE_ROUNDROBIN, BALANCE_LEASTCONN, BALANCE_SOURCE, BALANCE_RANDOM };

struct service {
	unsigned refs;
	char *name;
	enum service_balance balance;
	char *check;				 /* "" none, "tcp", or a path for HTTP checks */
	int64_t check_interval;			 /* ms */
	int64_t connect_timeout, server_timeout; /* ms; 0: the defaults */
};

/*
 * /mayfly/services/<name>: JSON {protocol: "http", balance, check, check_interval, connect_timeout,
 * server_timeout}; durations as "10s".  protocol tcp, listen and addresses are refused as not
 * supported yet.
 */
int service_parse(const char *name, const char *value, size_t len, struct service **ret_service,
		  struct mf_err *err);
struct service *service_ref(struct service *service);
void service_unref(struct service *service);
const char *service_balance_word(enum service_balance balance);

#endif
