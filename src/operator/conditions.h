/*
 * Which condition for a version of a service (model/when.h) a request satisfies, as HAProxy finds
 * it by templates/haproxy-when.mustache.
 */
#ifndef MF_OPERATOR_CONDITIONS_H
#define MF_OPERATOR_CONDITIONS_H

#include <stdbool.h>

struct when_condition;
struct when_value;

/* A request as a person types it, with the method in upper case; headers: "name: value", NULL at
 * the end. */
struct conditions_request {
	const char *url, *method;
	char *const *headers; /* NULL: none */
};

/* What the request has of the name that is asked for; to be freed; NULL: nothing. */
char *conditions_find_value(const struct when_value *asked,
			    const struct conditions_request *request);
bool conditions_fit(const struct when_condition *condition,
		    const struct conditions_request *request);

#endif
