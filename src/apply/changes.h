/*
 * What HAProxy's files change for the traffic, old against new, as typed steps: environments, host
 * names, versions and instances for people, and the map entries below them.  Only the texts are
 * compared, so that neither HAProxy nor any privilege is needed.
 *
 * Maps are lines of a key and a value; of haproxy.cfg, sections are seen, and of those that are a
 * service version (backend <service>:<version>) the servers.  Files that a template of somebody's
 * own has made otherwise give fewer steps, never an error.
 */
#ifndef MF_APPLY_CHANGES_H
#define MF_APPLY_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Each kind, its word, and the names of its fields: what it is in, its name, what it was, what it
 * is.  "": it has no such field.
 */
#define CHANGES_KINDS(X)                                                                           \
	X(CHANGE_ENV_ADD, "environment-add", "", "environment", "", "")                            \
	X(CHANGE_ENV, "environment-change", "", "environment", "", "")                             \
	X(CHANGE_ENV_REMOVE, "environment-remove", "", "environment", "", "")                      \
	X(CHANGE_SERVICE_ADD, "service-add", "environment", "service", "", "version")              \
	X(CHANGE_SERVICE, "service-change", "environment", "service", "from", "to")                \
	X(CHANGE_SERVICE_REMOVE, "service-remove", "environment", "service", "version", "")        \
	X(CHANGE_ROUTE_ADD, "route-add", "environment", "route", "", "service")                    \
	X(CHANGE_ROUTE, "route-change", "environment", "route", "from", "to")                      \
	X(CHANGE_ROUTE_REMOVE, "route-remove", "environment", "route", "service", "")              \
	X(CHANGE_HOST_ADD, "host-add", "", "host", "", "environment")                              \
	X(CHANGE_HOST, "host-change", "", "host", "from", "to")                                    \
	X(CHANGE_HOST_REMOVE, "host-remove", "", "host", "environment", "")                        \
	X(CHANGE_PREFIX_ADD, "prefix-add", "", "prefix", "", "environment")                        \
	X(CHANGE_PREFIX, "prefix-change", "", "prefix", "from", "to")                              \
	X(CHANGE_PREFIX_REMOVE, "prefix-remove", "", "prefix", "environment", "")                  \
	X(CHANGE_HEADER_ADD, "header-add", "", "header", "", "environment")                        \
	X(CHANGE_HEADER, "header-change", "", "header", "from", "to")                              \
	X(CHANGE_HEADER_REMOVE, "header-remove", "", "header", "environment", "")                  \
	X(CHANGE_BACKEND_ADD, "backend-add", "", "backend", "", "")                                \
	X(CHANGE_BACKEND_REMOVE, "backend-remove", "", "backend", "", "")                          \
	X(CHANGE_SERVER_ADD, "server-add", "backend", "server", "", "address")                     \
	X(CHANGE_SERVER_WEIGHT, "server-weight", "backend", "server", "from", "to")                \
	X(CHANGE_SERVER_DRAIN, "server-drain", "backend", "server", "from", "")                    \
	X(CHANGE_SERVER_MAINT, "server-maint", "backend", "server", "", "")                        \
	X(CHANGE_SERVER_READY, "server-ready", "backend", "server", "", "")                        \
	X(CHANGE_SERVER, "server-change", "backend", "server", "", "")                             \
	X(CHANGE_SERVER_REMOVE, "server-remove", "backend", "server", "", "")                      \
	X(CHANGE_MAP_ADD, "map-add", "map", "key", "", "value")                                    \
	X(CHANGE_MAP, "map-change", "map", "key", "from", "to")                                    \
	X(CHANGE_MAP_REMOVE, "map-remove", "map", "key", "value", "")

enum change_kind {
#define X(id, word, in, name, from, to) id,
	CHANGES_KINDS(X)
#undef X
	    CHANGE_KIND_COUNT
};

/* A piece of one of the texts. */
struct change_span {
	const char *at;
	size_t len;
};

struct change {
	enum change_kind kind;
	struct change_span in, name, from, to;
	size_t count;	   /* services of a new environment; servers of a backend */
	const char *state; /* of a server that is added: "up", "drain" or "maint" */
	unsigned weight;   /* of it */
	bool is_part;	   /* of something that is new or gone as a whole, and said with it */
};

struct changes {
	struct change *changes;
	size_t count, cap;
	char *reload;	  /* why one is needed; NULL: the runtime API is enough */
	bool needs_check; /* haproxy.cfg differs in more than its servers, or a page does */
	struct changes_file *files;
	size_t file_count;
};

struct changes_file {
	const char *name;     /* as of an output: "haproxy.cfg", "maps/hosts.map"; borrowed */
	bool is_there;	      /* false: old is empty, as there is no such file */
	struct buf old;	      /* handed over */
	const char *new_text; /* borrowed */
	size_t new_len;
};

/* Takes files and what is in them over. */
struct changes *changes_make(struct changes_file *files, size_t count);
void changes_free(struct changes *changes);

/* A line each for people, without map entries; and {"kind": …} each, with ", " before all. */
void changes_print(const struct changes *changes, struct buf *ret_text);
void changes_print_json(const struct changes *changes, struct buf *ret_text);

#endif
