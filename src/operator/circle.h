/*
 * Redirects of an environment that lead on to further ones of its own, and in the end nowhere.
 */
#ifndef MF_OPERATOR_CIRCLE_H
#define MF_OPERATOR_CIRCLE_H

#include <stdbool.h>

struct env;

/*
 * Whether a request for the path, which this redirect answers, is sent from one to the next until a
 * browser gives up.  method NULL: one that the route takes; host: that the request was for; NULL:
 * any of the environment's own.
 */
bool circle_is_entered(const struct env *env, const char *route, const char *path,
		       const char *method, const char *host);
/* The same for what the route itself says as its path. */
bool circle_begins(const struct env *env, const char *route);

#endif
