/*
 * Changes of the headers of requests and answers: of an environment, and of a service in it.
 * Immutable once read, shared by counting references.
 */
#ifndef MF_MODEL_HEADERS_H
#define MF_MODEL_HEADERS_H

#include <stddef.h>

struct mf_err;
struct node;

#define HEADERS_MAX	  16  /* names in a map or list */
#define HEADERS_VALUE_MAX 512 /* bytes */

/* Of requests and then of answers; of each no two have the same name. */
enum headers_kind {
	HEADERS_REQUEST_SET,
	HEADERS_REQUEST_ADD,
	HEADERS_REQUEST_REMOVE,
	HEADERS_RESPONSE_SET,
	HEADERS_RESPONSE_ADD,
	HEADERS_RESPONSE_REMOVE,
	HEADERS_KINDS
};
extern const char *const headers_kind_words[HEADERS_KINDS]; /* "request.set" */

struct headers_change {
	enum headers_kind kind;
	char *name;  /* in lower case */
	char *value; /* NULL: it is removed */
};

struct headers {
	unsigned refs;
	struct headers_change *changes; /* by kind, then name */
	size_t count;
	char *text; /* canonical: a JSON object */
};

/* Whether an environment may change a header of that name, in lower case.  MF_EDATA. */
int headers_check_name(const char *name, struct mf_err *err);

/* MF_EDATA. */
int headers_read(const struct node *node, struct headers **ret_headers, struct mf_err *err);
struct headers *headers_ref(struct headers *headers); /* NULL is fine, also below */
void headers_unref(struct headers *headers);

/* The members of the JSON Schema. */
extern const char headers_schema[];

#endif
