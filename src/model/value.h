/*
 * What single values may look like: names, addresses, paths.  A type is shared by all formats that
 * have such a value, and says it to people, too.  Every type of settings keeps a value one word
 * wherever it is written.
 */
#ifndef MF_MODEL_VALUE_H
#define MF_MODEL_VALUE_H

#include "model/name.h"

struct mf_err;

struct value_type {
	/* 0, or MF_EDATA with `"the value": why`; NULL: name_check of that kind. */
	int (*check)(const char *s, struct mf_err *err);
	enum name_kind kind;
	char *(*normalize)(const char *s); /* NULL: it stays as it is written */
	const char *schema;		   /* members of a JSON Schema, but for the description */
	const char *doc;		   /* a sentence for the manual; may be NULL */
};

int value_check(const struct value_type *type, const char *s, struct mf_err *err);

extern const struct value_type value_environment, value_prefix, value_header, value_host,
    value_hosts, value_service, value_version, value_instance,
    value_route; /* names: see model/name.h */

extern const struct value_type value_line;	  /* any text without control characters */
extern const struct value_type value_address;	  /* numeric; canonical when normalized */
extern const struct value_type value_path;	  /* absolute; no white space, quotes, \, #, $ */
extern const struct value_type value_socket;	  /* a path that HAProxy can bind to: 97 bytes */
extern const struct value_type value_bind;	  /* an address of HAProxy's `bind`, section 4.2 */
extern const struct value_type value_account;	  /* the name of a user or group of the host */
extern const struct value_type value_addresses;	  /* an item of model/address_list.h */
extern const struct value_type value_network;	  /* ADDRESS[/LENGTH], numeric */
extern const struct value_type value_endpoint;	  /* [http[s]://]host[:port] */
extern const struct value_type value_key_prefix;  /* starts with '/', does not end with it */
extern const struct value_type value_text;	  /* not empty; no control characters */
extern const struct value_type value_argument;	  /* of a command: anything that is not too long */
extern const struct value_type value_nameserver;  /* numeric ADDRESS:PORT */
extern const struct value_type value_log_target;  /* stdout, stderr, ring, a socket, ADDRESS:PORT */
extern const struct value_type value_log_format;  /* json, text */
extern const struct value_type value_log_header;  /* the name of a header; lower case normalized */
extern const struct value_type value_tcp_range;	  /* a network of IPv4, of 2 to 16,777,214 hosts */
extern const struct value_type value_reload;	  /* none, pidfile:PATH, docker:NAME */
extern const struct value_type value_template;	  /* a file's name, or an absolute path */
extern const struct value_type value_escape;	  /* none, html, haproxy, word */
extern const struct value_type value_tls_version; /* 1.2, 1.3 */
extern const struct value_type value_acme;	  /* http://ADDRESS:PORT, numeric */
extern const struct value_type value_percent;	  /* 0% to 100%; the sign may be left out */
extern const struct value_type value_duration;	  /* "5m", at most a year */

#endif
