/*
 * Routing as map entries: what the maps of HAProxy say for a snapshot.
 *
 * An environment's routes and versions are kept under its generation, `<env>@<digest>`: an equal
 * choice of versions gives an equal generation, and a changed one never touches the entries that
 * requests under way still read.  The one entry `<env> <env>@<digest>` of the map `environments`
 * decides which of them is in force, whether a host, a prefix or a header led to the environment.
 *
 *	spares        <backend>               backend kept in reserve that stands for it
 *	choices       <choice>1<digits>       backend    of requests with such a number (model/
 *							 choice.h); longest match
 *	choices       <choice><backend>/1<digits>  backend  of those for which that one is without
 *							 a live instance; longest match
 *	choices       <choice>.sticky         cookie, source, header.<name>: what the number
 *					      is by; else chance
 *	choices       <choice>.when           set of conditions (model/when.h), as a number
 *	choices       <choice>.names          how many names the conditions ask for
 *	choices       <choice>.header.<name>=        those of them that do not ask for the name;
 *	              <choice>.header.<name>=<base64>.   and those that such a value satisfies:
 *					      longest match; the same of query, cookie, .method=
 *	choices       <choice>.then.<condition>.     backend of one condition, which is a bit
 *	choices       <owner>.headers         owner, who has changes of headers: a <choice>, or
 *					      <generation>/ for those of the environment
 *	choices       <owner>.request.set.<name>.  value, as url_dec reads it; also of add, remove,
 *					      and of .response.
 *	choices       <generation>/.access     from|users: who may come in (model/access.h)
 *	choices       <generation>/.from.<8|32>.<digits>  1: an address that begins so is let in
 *	choices       <generation>/.auth       whom requests are shown to (model/auth.h)
 *	choices       <generation>/.except<path>/  1, of paths about which it is not asked: longest
 *					      match, with the path and "/?"
 *	choices       <choice>.word           <service>:<choice as a word>, for people
 *	routes        <generation><route>     backend    longest match, with the path and "/?"; of
 *							 a route with options "|", "|", they,
 *							 "|", backend (model/route.h)
 *	versions      <generation>/<service>  backend    no service has a '/' in its name
 *	versions      <generation>/<backend>  backend    that answers where the other has no live
 *							 instance, if the environment wants that or
 *							 the other is an override's
 *	versions      <generation>/.<METHOD><route>  value of a route, for this method; its own
 *							 entry has "|", <route>, "|", what other
 *							 methods get: options, "|", backend
 *	versions      <generation>/.aside     reason     of an environment that is set aside, in
 *							 one word: `_` for a space
 *	names         <environment>           value of x-mayfly for the next hop
 *	environments  <environment>           generation
 *
 * An environment that differs from its base in versions alone has `<env>@<digest>@<base>`, and no
 * more entries than it differs in: all else is looked for in the generation of the base, which can
 * change without it.
 *
 *	headers       value of x-mayfly       environment
 *	hosts         <full host name>./      environment    longest match, of a host and "./"
 *	hosts         *.<domain>./            environment    model/host.h
 *	hosts         <first label>.          environment
 *
 * The generation of an environment that is set aside ends with a '~'.
 *
 * Visitors of an environment with a split are sent to others: its generation ends with a ':', its
 * choice is `<generation>/:` with environments in the place of backends, and its routes have "/."
 * before them, which no path has as it is looked up, so that they are found only where the choice
 * of another, or its own, led to it.
 *
 * A backend is `<service>:<version>`; neither name has a ':'.  In files each backend has its own
 * section, and `spares` is empty: only a HAProxy that has not read the newest files has entries
 * there, by the runtime API.  Of a service with several versions, routes and versions have
 * `<service>:@<choice>` instead, where the choice is `<generation>/<service>:`, of the environment
 * that chooses.
 */
#ifndef MF_RENDER_ROUTING_H
#define MF_RENDER_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env;
struct routing;
struct snapshot;

/* In this order new entries can be put into place: what is named is there before its name is. */
#define ROUTING_MAPS(X)                                                                            \
	X(ROUTING_SPARES, "spares")                                                                \
	X(ROUTING_CHOICES, "choices")                                                              \
	X(ROUTING_ROUTES, "routes")                                                                \
	X(ROUTING_VERSIONS, "versions")                                                            \
	X(ROUTING_NAMES, "names")                                                                  \
	X(ROUTING_ENVIRONMENTS, "environments")                                                    \
	X(ROUTING_HEADERS, "headers")                                                              \
	X(ROUTING_HOSTS, "hosts")

enum routing_map {
#define X(id, name) id,
	ROUTING_MAPS(X)
#undef X
	    ROUTING_MAP_COUNT,
	/* The keys of these begin with a generation, up to a '/'. */
	ROUTING_GENERATION_FIRST = ROUTING_CHOICES,
	ROUTING_GENERATION_LAST = ROUTING_VERSIONS
};

/* What follows a host name and a first label in their keys. */
#define ROUTING_HOST_END   "./"
#define ROUTING_PREFIX_END "."
/* What follows the generation of an environment that is set aside. */
#define ROUTING_ASIDE "/.aside"

/* The answer of a route that others than the methods behind it do not get: 405. */
#define ROUTING_NOT_ALLOWED "405!"

#define ROUTING_MAX_KEY	  1024
#define ROUTING_MAX_VALUE 2560

/* One line of a map; both are terminated. */
struct routing_entry {
	char key[ROUTING_MAX_KEY];
	char value[ROUTING_MAX_VALUE];
	size_t key_len, value_len;
};

/* Borrows the snapshot.  Entries are made when they are asked for; their order is stable. */
struct routing *routing_new(const struct snapshot *snapshot);

/*
 * With environments as they were a moment ago.  A HAProxy that starts reads the maps one after the
 * other, from the last of ROUTING_MAPS to the first, and may have read in one of them what leads
 * to environments that are no more, or to generations of before: these are there beside the new
 * ones.  routing_find does not see what is added.
 */
struct routing_past {
	struct routing_past_env {
		const struct env *env;
		bool holds_header; /* else it has a value that nobody can claim */
	} * envs; /* by name, and the oldest first; of one name no two of a digest */
	size_t count;
};
struct routing *routing_new_with(const struct snapshot *snapshot, const struct routing_past *past);
bool routing_holds_header(const struct snapshot *snapshot, const struct env *env);

void routing_free(struct routing *routing);
size_t routing_count(const struct routing *routing, enum routing_map map);
void routing_get(const struct routing *routing, enum routing_map map, size_t i,
		 struct routing_entry *ret_entry);
/* Which entry has that key; SIZE_MAX: none.  Searches the snapshot, so that no index is needed. */
size_t routing_find(const struct routing *routing, enum routing_map map, const char *key);

/* How many entries an environment has in the maps whose keys begin with a generation. */
size_t routing_count_entries(const struct env *env);

const char *routing_map_name(enum routing_map map);

#endif
