/*
 * Host names from outside: what an environment may claim, and whose a request's is.  A claim with a
 * `*` in the place of its first labels, "*.example.com", means every name that has one or more
 * labels before the rest.
 *
 * A whole name counts before a wildcard, the longest wildcard before shorter ones, and all of them
 * before a first label; but an environment's first label by default, www-<name>, is its own below
 * any wildcard.  templates/haproxy-outside.mustache does the same.
 */
#ifndef MF_MODEL_HOST_H
#define MF_MODEL_HOST_H

#include <stdbool.h>
#include <stddef.h>

#define HOST_WILDCARD	     "*."
#define HOST_WILDCARD_LABELS 8 /* behind it, at most */

bool host_is_wildcard(const char *claim);
size_t host_count_labels(const char *name);
/* The rest of a host name that has so many labels, or all but its first; NULL: it has just one. */
const char *host_domain(const char *host, size_t labels);
/* Whether a host name is one of those that a wildcard means. */
bool host_fits(const char *host, const char *wildcard);

#endif
