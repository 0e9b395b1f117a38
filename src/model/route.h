/*
 * Routes of a service: which requests from outside reach it, and what becomes of them.  A route is
 * one text, so that equal ones are kept once and compare like names: what it matches, as the keys
 * of HAProxy's map have it, and behind that the options, if there are any:
 *
 *	/tasks/		      the path /tasks and all below it
 *	/tasks/?	      exactly the path /tasks, as no path has a `?` in it
 *	MATCH|METHODS|TIMEOUT|PREFIX|REWRITE|ANSWER
 *
 * METHODS are names with ',' between them; TIMEOUT is in milliseconds; PREFIX is what is taken off
 * the path, and REWRITE what comes in its place, where "/" is nothing; ANSWER is
 * "STATUS!SCHEME!HOST" of a redirect.  Each may be empty.
 */
#ifndef MF_MODEL_ROUTE_H
#define MF_MODEL_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct field;
struct mf_err;
struct node;

/* A route's row in a table of fields: a path, or a map of path and options; a text of its own. */
extern const struct field field_of_route;

/* How much of the text says what it matches. */
size_t route_match_len(const char *route);
/* Its options, behind the second '|', without methods; NULL: it has none. */
const char *route_options(const char *route);
bool route_is_redirect(const char *route);

/* Where a redirect sends a request. */
struct route_redirect {
	unsigned status;
	bool has_scheme;  /* it says one */
	char host[256];	  /* "": that of the request */
	struct buf *path; /* the caller's; added to */
};
/* Of a request for this path, which the route matches; false: it is no redirect. */
bool route_find_redirect(const char *route, const char *path, struct route_redirect *ret_redirect);

/* Methods as bits, by their index in the words, which end with NULL; no bit: it takes any. */
#define ROUTE_METHODS 8
extern const char *const route_method_words[ROUTE_METHODS + 1];
unsigned route_methods(const char *route);
void route_add_methods(unsigned methods, struct buf *b); /* "GET,POST" */
/* Of two that match the same, whether there is a method that both take. */
bool route_collides(const char *a, const char *b);

/* By what they match: as strcmp. */
int route_compare(const char *a, const char *b);
/* The path, as it may be written in a file, without options. */
void route_add_path(const char *route, struct buf *b);
/* The options in words for people: "exact, strip, timeout 30s"; nothing where it has none. */
void route_add_words(const char *route, struct buf *b);
/* The path, and the words in (). */
void route_add_summary(const char *route, struct buf *b);

#endif
