/*
 * The head of an HTTP/1 request, read strictly (RFC 9112): what two readers could understand in two
 * ways is refused.  Knows no descriptor.
 */
#ifndef MF_SYS_HTTPD_REQUEST_H
#define MF_SYS_HTTPD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define HTTPD_MAX_FIELDS ((size_t)64)

struct httpd_field {
	const char *name, *value; /* without blanks around them */
};

struct httpd_request {
	const char *method; /* "GET" */
	const char *path;   /* begins with '/'; not decoded */
	const char *query;  /* what stands behind '?'; "" */
	struct httpd_field fields[HTTPD_MAX_FIELDS];
	size_t field_count;
	bool is_last;	  /* the client sends no other behind it */
	size_t length;	  /* of the body, as the head says */
	const char *body; /* not terminated; set by who reads it */
	size_t body_len;
};

/* The length of the head at the beginning of bytes, with the empty line behind it; 0: there is
 * none yet. */
size_t httpd_request_find_end(const char *bytes, size_t len);

/*
 * head, of that length and terminated, is cut up in place, and ret points into it.  Returns 0, or
 * the status to refuse it with: 400, 413 (a body of more than max_body), 431 (too many fields), 501
 * (a coding of the body).
 */
int httpd_request_parse(char *head, size_t len, size_t max_body, struct httpd_request *ret);

/* The value of the first field of that name, in any case; NULL: there is none. */
const char *httpd_request_find(const struct httpd_request *request, const char *name);
size_t httpd_request_count(const struct httpd_request *request, const char *name);

#endif
