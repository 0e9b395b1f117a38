/* Redirects, followed as a browser follows them.  Asks nobody. */
#include "operator/circle.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/env.h"
#include "model/route.h"

#define MAX_HOPS 20 /* of browsers and curl */

static bool takes(const char *route, const char *method)
{
	unsigned methods = route_methods(route);

	for (unsigned i = 0; i < ROUTE_METHODS; i++)
		if ((methods >> i & 1) != 0 && strcmp(route_method_words[i], method) == 0)
			return true;
	return methods == 0;
}

/* Of two that match, the longer one; of the same, the one for some methods only. */
static bool is_before(const char *route, const char *other)
{
	size_t len = route_match_len(route), other_len = other == NULL ? 0 : route_match_len(other);

	return len != other_len ? len > other_len
				: route_methods(route) != 0 && route_methods(other) == 0;
}

/* The route of such a request; NULL: none. */
static const char *find_route(const struct env *env, const char *path, const char *method)
{
	buf_auto struct buf text = BUF_INIT;
	const char *found = NULL;

	buf_printf(&text, "%s/?", path);
	for (size_t i = 0; i < env->service_count; i++)
		for (unsigned j = 0; j < env->services[i].route_count; j++) {
			const char *route = env->services[i].routes[j];

			if (strncmp(buf_str(&text), route, route_match_len(route)) == 0 &&
			    takes(route, method) && is_before(route, found))
				found = route;
		}
	return found;
}

static bool leads_away(const struct env *env, const struct route_redirect *redirect,
		       const char *host)
{
	if (redirect->has_scheme)
		return true;
	if (redirect->host[0] == '\0' || str_is_same(redirect->host, host))
		return false;
	for (size_t i = 0; i < env->host_count; i++)
		if (strcmp(env->hosts[i], redirect->host) == 0)
			return false;
	return true;
}

static bool keeps_method(unsigned status)
{
	return status == 307 || status == 308;
}

static const char *first_method(const char *route)
{
	unsigned i = 0;

	while (i < ROUTE_METHODS && !takes(route, route_method_words[i]))
		i++;
	return route_method_words[i == ROUTE_METHODS ? 0 : i];
}

bool circle_is_entered(const struct env *env, const char *route, const char *path,
		       const char *method, const char *host)
{
	buf_auto struct buf at = BUF_INIT;

	if (method == NULL)
		method = first_method(route);
	buf_add_str(&at, path);
	for (int i = 0; i < MAX_HOPS; i++) {
		buf_auto struct buf to = BUF_INIT;
		struct route_redirect redirect = {.path = &to};

		if (route == NULL || !route_find_redirect(route, buf_str(&at), &redirect) ||
		    leads_away(env, &redirect, host))
			return false;
		if (!keeps_method(redirect.status) && strcmp(method, "HEAD") != 0)
			method = "GET";
		buf_clear(&at);
		buf_add_str(&at, buf_str(&to));
		route = find_route(env, buf_str(&at), method);
	}
	return true;
}

bool circle_begins(const struct env *env, const char *route)
{
	buf_auto struct buf path = BUF_INIT;

	if (!route_is_redirect(route))
		return false;
	route_add_path(route, &path);
	if (path.len > 1 && buf_str(&path)[path.len - 1] == '/')
		path.data[--path.len] = '\0';
	return circle_is_entered(env, route, buf_str(&path), NULL, NULL);
}
