/*
 * What single values in the settings may look like.  Each check returns 0, or MF_EDATA with
 * `"the value": why`.  All of them keep a value one word wherever it is written.
 */
#ifndef MF_MODEL_SETTINGS_VALUE_H
#define MF_MODEL_SETTINGS_VALUE_H

struct mf_err;

typedef int settings_check_fn(const char *s, struct mf_err *err);

settings_check_fn settings_check_path;	     /* absolute; no white space, quotes, '\\', '#', '$' */
settings_check_fn settings_check_socket;     /* a path that HAProxy can bind to: 97 bytes */
settings_check_fn settings_check_bind;	     /* an address of HAProxy's `bind`, section 4.2 */
settings_check_fn settings_check_endpoint;   /* [http[s]://]host[:port] */
settings_check_fn settings_check_prefix;     /* starts with '/', does not end with it */
settings_check_fn settings_check_text;	     /* no control characters */
settings_check_fn settings_check_argument;   /* of a command: anything that is not too long */
settings_check_fn settings_check_address;    /* numeric */
settings_check_fn settings_check_nameserver; /* numeric ADDRESS:PORT */
settings_check_fn settings_check_reload;     /* none, pidfile:PATH, docker:NAME */
settings_check_fn settings_check_template;   /* a file's name, or an absolute path */
settings_check_fn settings_check_escape;     /* none, html, haproxy, word */
settings_check_fn settings_check_percent;    /* 0% to 100%; the sign may be left out */
settings_check_fn settings_check_duration;   /* "5m", at most a year */
settings_check_fn settings_check_node;
settings_check_fn settings_check_suffix;
settings_check_fn settings_check_environment;

#endif
