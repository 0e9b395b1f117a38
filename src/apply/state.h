/*
 * What a HAProxy holds, in one form, whoever says it: a snapshot (what is desired), the running
 * worker (`show servers state`), or files (haproxy.cfg).  Two of these are compared here, and the
 * difference is a sequence of operations.  Map entries have routing.h and op_of_entry.
 *
 * All text is borrowed from whoever said it.
 */
#ifndef MF_APPLY_STATE_H
#define MF_APPLY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/op.h"
#include "base/span.h"

struct backend;
struct buf;
struct instance;

struct state_server {
	struct span name;
	struct span host;   /* a numeric address, or a name that HAProxy resolves */
	unsigned port;	    /* 0: host is all that is said */
	struct span weight; /* the effective one, as it is written */
	bool is_named;	    /* HAProxy resolves its host */
	bool is_maint;	    /* in maintenance by somebody's order */
	bool is_drained;    /* likewise: no new request, whatever its weight */
	bool is_out;	    /* out of the traffic by an order, or for want of an address */
	bool is_down;	    /* found so by checks ... */
	bool is_checked;    /* ... which it still has */
	bool is_fixed;	    /* an address of the service's settings, no process's */
	uint64_t options;   /* a hash of all else that is said; 0: not known */
};

/* What counts of the backend that servers are in. */
struct state_backend {
	struct span name;
	bool is_by_source; /* `balance source`: its table of servers is made at the start only */
};

void state_backend_fill(const struct backend *backend, struct state_backend *ret);

/* --- servers: who says it -------------------------------------------------------------------- */

void state_server_fill(const struct instance *instance, struct state_server *ret);
/* A line of `show servers state` (management guide, section 9.3); false: it is none. */
bool state_server_parse(struct span line, struct state_server *ret, struct span *ret_backend);
/* A line of haproxy.cfg, behind the word `server`. */
void state_server_parse_config(struct span words, struct state_server *ret);

/* --- servers: what they say ------------------------------------------------------------------ */

unsigned state_weight(const struct state_server *server);
/* What counts among the servers of its backend: nothing in maintenance, else its weight. */
unsigned state_share(const struct state_server *server);
const char *state_word(const struct state_server *server); /* "up", "drain" or "maint" */
void state_add_address(const struct state_server *server, struct buf *text); /* "[fd00::5]:80" */

/*
 * What makes one server another of the same name; NULL: it is not there.  In the order in which it
 * can be done, so that it is at no time in the traffic with a weight that it is not to have there.
 */
void state_diff_server(const struct state_backend *backend, const struct state_server *from,
		       const struct state_server *to, op_fn *on_op, void *ctx);

#endif
