/*
 * A request as a person types it for `mayfly explain`, and what of it decides where it goes, as
 * HAProxy reads it by templates/haproxy-outside.mustache and haproxy-inside.mustache.
 */
#ifndef MF_OPERATOR_REQUEST_H
#define MF_OPERATOR_REQUEST_H

#include <stdbool.h>

struct mf_err;
struct settings;

enum request_door { REQUEST_EXTERNAL, REQUEST_INTERNAL, REQUEST_LOCAL };

struct request {
	enum request_door door;
	char *host;	 /* in lower case, without port and last dot */
	char *path;	 /* external: as it is matched, and ends in '/' */
	char *read_path; /* external: as some services read it; NULL: in the same way */
	char *service;	 /* internal, local: that is called */
	char *visitor;	 /* that of the first cookie mayfly-visitor; NULL: none */
	char *asked;	 /* internal, local: the value of x-mayfly or of baggage; NULL: none */
	bool is_open;	 /* external: the path itself ends in '/' */
	bool is_vague;	 /* external: the path can be read in several ways: 400 */
	bool is_ignored; /* external: the client's x-mayfly or baggage names an environment */
};

/*
 * url: "http://www.example.com/tasks", "user:password@www.example.com:80/tasks"; headers: "name:
 * value", NULL at the end, of which Host, x-mayfly, baggage and cookie matter.  A host with the
 * suffix of services is a call between services, where the settings take such.  MF_EUSAGE.
 */
int request_parse(const char *url, char *const *headers, bool is_local,
		  const struct settings *settings, struct request *ret_request, struct mf_err *err);

/* A token (RFC 9110, 5.6.2): of anything else, HAProxy takes nothing for a request.  MF_EUSAGE. */
int request_check_method(const char *method, struct mf_err *err);

/* The value of a header, "name: value", without the blanks around it; NULL: it has another name. */
char *request_header_value(const char *header, const char *name);

void request_fini(struct request *request);

#endif
