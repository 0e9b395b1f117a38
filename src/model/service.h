/*
 * What is set for a service as a whole, parsed from its key's value.  Immutable once parsed, shared
 * by counting references.
 */
#ifndef MF_MODEL_SERVICE_H
#define MF_MODEL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct fields;
struct instance;
struct mf_err;

enum service_balance { BALANCE_ROUNDROBIN, BALANCE_LEASTCONN, BALANCE_SOURCE, BALANCE_RANDOM };

enum service_protocol { PROTOCOL_HTTP, PROTOCOL_TCP, PROTOCOL_H2C };

/* TLS to the instances. */
struct service_tls {
	bool is_set;	  /* else there is none */
	bool is_verified; /* their certificates are */
	const char *ca;	  /* a file of PEM; NULL: the authorities of the system */
	const char *name; /* that certificates must have, and that is asked for; NULL: the service's
			   */
};

#define SERVICE_MAX_FIXED ((size_t)256)

struct service {
	unsigned refs;
	char *name;
	const char *owner, *source; /* of its key; "" where nobody says */
	uint8_t protocol;	    /* enum service_protocol */
	bool is_tcp;		    /* that is its protocol */
	unsigned listen;	    /* is_tcp: the port; 0: none */
	enum service_balance balance;
	char *check;				 /* "" none, "tcp", or a path for HTTP checks */
	int64_t check_interval;			 /* ms */
	int64_t connect_timeout, server_timeout; /* ms; 0: the defaults */
	int64_t slow_start;			 /* ms; 0: none */
	struct service_tls tls;
	struct instance **fixed; /* its fixed addresses, as instances of one version */
	size_t fixed_count;
};

extern const struct fields fields_of_service; /* the format of its JSON value */

/*
 * /mayfly/services/<name>: JSON {protocol: "http", "tcp" or "h2c", listen, balance, check,
 * check_interval, connect_timeout, server_timeout, slow_start, tls, addresses, version}; durations
 * as "10s".  addresses: a list of `address:port` and `name:port`, which are instances of that
 * version ("latest") for as long as they stand there.
 */
int service_parse(const char *name, const char *value, size_t len, struct service **ret_service,
		  struct mf_err *err);
/*
 * A file of settings: a map of services' names, each with such a map, in YAML or JSON.  The
 * good ones in the order of the file, for the caller to drop and free; on_bad is called for each
 * bad one, with its place: `service web: ... (line 3, column 5)`.  MF_EDATA: there is no such map.
 */
typedef void service_bad_fn(void *ctx, const struct mf_err *why);
int service_parse_file(const char *text, size_t len, struct service ***ret_services,
		       size_t *ret_count, service_bad_fn *on_bad, void *ctx, struct mf_err *err);
/* The value to put: all that it says. */
void service_format(const struct service *service, struct buf *ret_value);
/* The same with another origin; owner "": with none. */
void service_format_json(const struct service *service, const char *owner, const char *source,
			 struct buf *ret_value);
/* All defaults, but the same protocol. */
struct service *service_new_plain(const struct service *service);
struct service *service_ref(struct service *service);
void service_unref(struct service *service); /* NULL is fine */
const char *service_protocol_word(const struct service *service);
bool service_is_tls_equal(const struct service_tls *a, const struct service_tls *b);
const char *service_balance_word(enum service_balance balance);

/* Whether one of its fixed addresses is a host name.  NULL: a service of which nothing is set. */
bool service_has_host_name(const struct service *service);

#endif
