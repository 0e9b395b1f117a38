/*
 * A HAProxy's servers from each of their sources, and the difference of two of them.  Knows neither
 * sockets nor files.
 */
#include "apply/state.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/backend.h"
#include "model/service.h"
#include "model/table.h"

void state_backend_fill(const struct backend *backend, struct state_backend *ret)
{
	const struct service *settings = backend->settings;

	*ret = (struct state_backend){
	    .name = span_of(backend->name),
	    .is_by_source = settings != NULL && settings->balance == BALANCE_SOURCE,
	};
}

/* --- a snapshot ------------------------------------------------------------------------------ */

/* Weights go up to 256. */
static struct span write_weight(unsigned weight)
{
	static char digits[257][4];
	char *text = digits[weight < 257 ? weight : 256];

	if (text[0] == '\0')
		(void)snprintf(text, sizeof(digits[0]), "%u", weight < 257 ? weight : 256);
	return span_of(text);
}

void state_server_fill(const struct instance *instance, struct state_server *ret)
{
	*ret = (struct state_server){
	    .name = span_of(instance->server),
	    .host = span_of(instance->address),
	    .port = instance->port,
	    .weight = write_weight(instance->state == INSTANCE_DRAIN ? 0 : instance->weight),
	    .is_named = instance->is_name,
	    .is_maint = instance->state == INSTANCE_MAINT,
	    .is_fixed = strcmp(instance->id, INSTANCE_FIXED) == 0,
	};
}

/* --- the worker ------------------------------------------------------------------------------ */

/* Columns of a line, from 0. */
enum {
	COLUMN_BACKEND = 1,
	COLUMN_NAME = 3,
	COLUMN_ADDRESS = 4,
	COLUMN_STATE = 5, /* 0: stopped */
	COLUMN_ADMIN = 6,
	COLUMN_WEIGHT = 7,
	COLUMN_CHECK = 13, /* of bits, as is ... */
	COLUMN_AGENT = 14,
	COLUMN_HOST_NAME = 17,
	COLUMN_PORT = 18,
	COLUMN_COUNT
};

/* Bits of srv_admin_state. */
enum { ADMIN_FORCED_MAINT = 0x01, ADMIN_FORCED_DRAIN = 0x08 };

/* CHK_ST_CONFIGURED */
static bool is_check(struct span bits)
{
	unsigned number;

	return !span_parse_number(bits, &number) || (number & 0x02) != 0;
}

bool state_server_parse(struct span line, struct state_server *ret, struct span *ret_backend)
{
	struct span columns[COLUMN_COUNT];
	unsigned admin, port, weight;

	for (size_t i = 0; i < COLUMN_COUNT; i++)
		columns[i] = span_take_word(&line);
	if (!span_parse_number(columns[COLUMN_ADMIN], &admin) ||
	    !span_parse_number(columns[COLUMN_WEIGHT], &weight) ||
	    !span_parse_number(columns[COLUMN_PORT], &port))
		return false;
	*ret_backend = columns[COLUMN_BACKEND];
	*ret = (struct state_server){
	    .name = columns[COLUMN_NAME],
	    .host = columns[COLUMN_ADDRESS],
	    .port = port,
	    .weight = columns[COLUMN_WEIGHT],
	    .is_named = !span_is(columns[COLUMN_HOST_NAME], "-"),
	    .is_maint = (admin & ADMIN_FORCED_MAINT) != 0,
	    .is_drained = (admin & ADMIN_FORCED_DRAIN) != 0,
	    .is_out = admin != 0,
	    .is_down = span_is(columns[COLUMN_STATE], "0"),
	    .is_checked = is_check(columns[COLUMN_CHECK]) || is_check(columns[COLUMN_AGENT]),
	};
	/* What HAProxy resolves has the address that it found. */
	if (ret->is_named)
		ret->host = columns[COLUMN_HOST_NAME];
	return true;
}

/* --- haproxy.cfg ----------------------------------------------------------------------------- */

/* "10.0.0.5:80", "[fd00::5]:80"; else all of it is the host. */
static void parse_address(struct span address, struct state_server *ret)
{
	size_t colon = address.len;
	unsigned port;

	while (colon > 0 && address.at[colon - 1] != ':')
		colon--;
	ret->host = address;
	if (colon < 2 ||
	    !span_parse_number((struct span){address.at + colon, address.len - colon}, &port))
		return;
	ret->port = port;
	ret->host.len = colon - 1;
	if (ret->host.len > 1 && ret->host.at[0] == '[' && ret->host.at[ret->host.len - 1] == ']')
		ret->host = (struct span){ret->host.at + 1, ret->host.len - 2};
}

void state_server_parse_config(struct span words, struct state_server *ret)
{
	struct span word;

	*ret = (struct state_server){.options = STR_HASH_INIT, .weight = {"1", 1}};
	ret->name = span_take_word(&words);
	parse_address(span_take_word(&words), ret);
	while (word = span_take_word(&words), word.len != 0) {
		if (span_is(word, "weight")) {
			ret->weight = span_take_word(&words);
		} else if (span_is(word, "disabled")) {
			ret->is_maint = true;
		} else {
			ret->is_named = ret->is_named || span_is(word, "resolvers");
			ret->options = str_hash(ret->options, word.at, word.len);
			ret->options = str_hash(ret->options, " ", 1);
		}
	}
}

/* --- what they say --------------------------------------------------------------------------- */

/* One that is written as HAProxy would not is as good as none. */
unsigned state_weight(const struct state_server *server)
{
	unsigned weight = 0;

	for (size_t i = 0; i < server->weight.len && weight < 1000; i++)
		if (server->weight.at[i] >= '0' && server->weight.at[i] <= '9')
			weight = weight * 10 + (unsigned)(server->weight.at[i] - '0');
	return weight;
}

unsigned state_share(const struct state_server *server)
{
	return server->is_maint ? 0 : state_weight(server);
}

static bool has_no_weight(const struct state_server *server)
{
	return span_is(server->weight, "0");
}

const char *state_word(const struct state_server *server)
{
	return server->is_maint ? "maint" : has_no_weight(server) ? "drain" : "up";
}

void state_add_address(const struct state_server *server, struct buf *text)
{
	bool is_ipv6 = server->port != 0 && memchr(server->host.at, ':', server->host.len) != NULL;

	buf_add_str(text, is_ipv6 ? "[" : "");
	buf_add(text, server->host.at, server->host.len);
	buf_add_str(text, is_ipv6 ? "]" : "");
	if (server->port != 0)
		buf_printf(text, ":%u", server->port);
}

/* --- the difference -------------------------------------------------------------------------- */

static bool is_elsewhere(const struct state_server *from, const struct state_server *to)
{
	return span_compare(from->host, to->host) != 0 || from->port != to->port;
}

/* Who knows nothing of options does not differ in them. */
static bool has_other_options(const struct state_server *from, const struct state_server *to)
{
	return from->options != 0 && to->options != 0 && from->options != to->options;
}

static void change_server(const struct state_backend *backend, const struct state_server *from,
			  const struct state_server *to, op_fn *on_op, void *ctx)
{
	struct op op = {.in = backend->name, .name = to->name, .server = to};

	if (to->is_maint && !from->is_maint) {
		op.kind = OP_SERVER_MAINT;
		on_op(ctx, &op);
	}
	if (span_compare(from->weight, to->weight) != 0) {
		struct op weigh = op;

		weigh.kind = has_no_weight(to) ? OP_SERVER_DRAIN : OP_SERVER_WEIGHT;
		weigh.obstacle = backend->is_by_source ? OP_BY_SOURCE : OP_FREE;
		weigh.from = from->weight;
		weigh.to = to->weight;
		on_op(ctx, &weigh);
	}
	if (is_elsewhere(from, to) || has_other_options(from, to)) {
		op.kind = OP_SERVER;
		op.obstacle = to->is_named && is_elsewhere(from, to) ? OP_BY_NAME : OP_FREE;
		on_op(ctx, &op);
		op.obstacle = OP_FREE;
	}
	if (from->is_down && !from->is_out && !from->is_checked) { /* and would be for ever */
		op.kind = OP_SERVER_REVIVE;
		on_op(ctx, &op);
	}
	if (!to->is_maint && (from->is_maint || from->is_drained)) {
		op.kind = OP_SERVER_READY;
		on_op(ctx, &op);
	}
}

void state_diff_server(const struct state_backend *backend, const struct state_server *from,
		       const struct state_server *to, op_fn *on_op, void *ctx)
{
	struct op op = {.in = backend->name};

	if (from != NULL && to != NULL) {
		change_server(backend, from, to, on_op, ctx);
	} else if (to != NULL) {
		op.kind = OP_SERVER_ADD;
		op.name = to->name;
		op.server = to;
		op.obstacle = backend->is_by_source ? OP_BY_SOURCE
			      : to->is_named	    ? OP_BY_NAME
						    : OP_FREE;
		on_op(ctx, &op);
	} else if (from != NULL) {
		op.kind = OP_SERVER_REMOVE;
		op.name = from->name;
		op.server = from;
		op.obstacle = from->is_named ? OP_BY_NAME : OP_FREE;
		on_op(ctx, &op);
	}
}
