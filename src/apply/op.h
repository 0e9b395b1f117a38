/*
 * Operations: what makes a HAProxy of one state one of another.  A difference of two states is a
 * sequence of these, whoever asks for it: they are printed (dry run), sent (runtime API), or say
 * why a reload is needed.
 */
#ifndef MF_APPLY_OP_H
#define MF_APPLY_OP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct buf;
struct state_server;

/*
 * Each kind: its word; the names of its fields, which are what it is in, its name, what it was and
 * what it is ("": it has no such field); its line for people and its command of the runtime API, as
 * patterns: %i what it is in, %n its name, %f and %t what it was and is (NULL: it has none).
 * Those of environments come first, as plan_markdown.c relies on.
 */
/* clang-format off */
#define OP_KINDS(X) \
	X(OP_ENV_ADD, "environment-add", "", "environment", "", "", \
	  "environment %n: new", NULL) \
	X(OP_ENV, "environment-change", "", "environment", "", "", \
	  "environment %n: changed", NULL) \
	X(OP_ENV_REMOVE, "environment-remove", "", "environment", "", "", \
	  "environment %n: gone", NULL) \
	X(OP_SERVICE_ADD, "service-add", "environment", "service", "", "version", \
	  "environment %i: %n %t added", NULL) \
	X(OP_SERVICE, "service-change", "environment", "service", "from", "to", \
	  "environment %i: %n %f -> %t", NULL) \
	X(OP_SERVICE_REMOVE, "service-remove", "environment", "service", "version", "", \
	  "environment %i: %n %f removed", NULL) \
	X(OP_ROUTE_ADD, "route-add", "environment", "route", "", "service", \
	  "environment %i: route %n to %t added", NULL) \
	X(OP_ROUTE, "route-change", "environment", "route", "from", "to", \
	  "environment %i: route %n: %f -> %t", NULL) \
	X(OP_ROUTE_REMOVE, "route-remove", "environment", "route", "service", "", \
	  "environment %i: route %n to %f removed", NULL) \
	X(OP_HOST_ADD, "host-add", "", "host", "", "environment", \
	  "host %n: new -> %t", NULL) \
	X(OP_HOST, "host-change", "", "host", "from", "to", \
	  "host %n: %f -> %t", NULL) \
	X(OP_HOST_REMOVE, "host-remove", "", "host", "environment", "", \
	  "host %n: %f -> gone", NULL) \
	X(OP_PREFIX_ADD, "prefix-add", "", "prefix", "", "environment", \
	  "prefix %n: new -> %t", NULL) \
	X(OP_PREFIX, "prefix-change", "", "prefix", "from", "to", \
	  "prefix %n: %f -> %t", NULL) \
	X(OP_PREFIX_REMOVE, "prefix-remove", "", "prefix", "environment", "", \
	  "prefix %n: %f -> gone", NULL) \
	X(OP_HEADER_ADD, "header-add", "", "header", "", "environment", \
	  "header %n: new -> %t", NULL) \
	X(OP_HEADER, "header-change", "", "header", "from", "to", \
	  "header %n: %f -> %t", NULL) \
	X(OP_HEADER_REMOVE, "header-remove", "", "header", "environment", "", \
	  "header %n: %f -> gone", NULL) \
	X(OP_BACKEND_ADD, "backend-add", "", "backend", "", "", \
	  "version %n: new", "add backend %n from mayfly-services") \
	X(OP_BACKEND_REMOVE, "backend-remove", "", "backend", "", "", \
	  "version %n: gone", NULL) \
	X(OP_SERVER_ADD, "server-add", "backend", "server", "", "", \
	  "instance %i %n: added", "add server %i/%n") \
	X(OP_SERVER_WEIGHT, "server-weight", "backend", "server", "from", "to", \
	  "instance %i %n: weight %f -> %t", "set server %i/%n weight %t") \
	X(OP_SERVER_DRAIN, "server-drain", "backend", "server", "from", "", \
	  "instance %i %n: drain", "set server %i/%n weight %t") \
	X(OP_SERVER_MAINT, "server-maint", "backend", "server", "", "", \
	  "instance %i %n: maint", "set server %i/%n state maint") \
	X(OP_SERVER_READY, "server-ready", "backend", "server", "", "", \
	  "instance %i %n: ready", "set server %i/%n state ready") \
	X(OP_SERVER_REVIVE, "server-revive", "backend", "server", "", "", \
	  "instance %i %n: up", "set server %i/%n health up") \
	X(OP_SERVER, "server-change", "backend", "server", "", "", \
	  "instance %i %n: changed", "set server %i/%n addr") \
	X(OP_SERVER_REMOVE, "server-remove", "backend", "server", "", "", \
	  "instance %i %n: removed", "del server %i/%n") \
	X(OP_MAP_ADD, "map-add", "map", "key", "", "value", \
	  NULL, "add map maps/%i.map %n %t") \
	X(OP_MAP, "map-change", "map", "key", "from", "to", \
	  NULL, "set map maps/%i.map %n %t") \
	X(OP_MAP_REMOVE, "map-remove", "map", "key", "value", "", \
	  NULL, "del map maps/%i.map %n")
/* clang-format on */

enum op_kind {
#define X(id, word, in, name, from, to, line, command) id,
	OP_KINDS(X)
#undef X
	    OP_KIND_COUNT
};

/* What keeps the runtime API from doing it: then it takes a reload. */
enum op_obstacle {
	OP_FREE,       /* nothing does */
	OP_BY_VERSION, /* there is no backend for it yet */
	OP_BY_SOURCE,  /* its backend spreads requests by a table that only a reload makes anew */
	OP_BY_NAME,    /* HAProxy resolves the host names that it was started with */
	OP_BY_USE,     /* requests are asked for a name that it has no rule for (model/uses.h) */
	OP_OBSTACLE_COUNT
};

struct op {
	enum op_kind kind;
	enum op_obstacle obstacle;
	bool is_part; /* of something that is new or gone as a whole, and printed with it */
	size_t count; /* services of a new environment; servers of a backend */
	struct span in, name, from, to;
	struct span base; /* the environment that it comes from; .at NULL: it is its own */
	const struct state_server *server; /* as it is to be, or was; borrowed */
};

typedef void op_fn(void *ctx, const struct op *op);

/*
 * What makes a map entry of one value one of another, .at NULL: it is not there.  False: both are
 * the same.
 */
bool op_of_entry(struct span map, struct span key, struct span from, struct span to,
		 struct op *ret);

typedef void op_field_fn(void *ctx, struct span value);
/* The command of its kind: on_text for what stands in it, on_field for its fields. */
void op_walk_command(const struct op *op, op_field_fn *on_text, op_field_fn *on_field, void *ctx);

/* A line for people, if it has one; and {"kind": …}. */
void op_print(const struct op *op, struct buf *ret_text);
void op_print_json(const struct op *op, struct buf *ret_text);

#endif
