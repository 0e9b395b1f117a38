/*
 * Operations as lines, as JSON and as patterns of commands.  What comes from a file on disk is
 * escaped: it may be anybody's.
 */
#include "apply/op.h"

#include <string.h>

#include "apply/state.h"
#include "base/buf.h"
#include "base/str.h"

static const struct {
	const char *word, *in, *name, *from, *to, *line, *command;
} kinds[] = {
#define X(id, word, in, name, from, to, line, command)                                             \
	[id] = {word, in, name, from, to, line, command},
    OP_KINDS(X)
#undef X
};

bool op_of_entry(struct span map, struct span key, struct span from, struct span to, struct op *ret)
{
	if (from.at != NULL && to.at != NULL && span_compare(from, to) == 0)
		return false;
	*ret = (struct op){
	    .kind = from.at == NULL ? OP_MAP_ADD
		    : to.at == NULL ? OP_MAP_REMOVE
				    : OP_MAP,
	    .in = map,
	    .name = key,
	    .from = from,
	    .to = to,
	};
	return from.at != NULL || to.at != NULL;
}

static void walk_pattern(const char *pattern, const struct op *op, op_field_fn *on_text,
			 op_field_fn *on_field, void *ctx)
{
	while (*pattern != '\0') {
		size_t len = strcspn(pattern, "%");

		if (len != 0)
			on_text(ctx, (struct span){pattern, len});
		pattern += len;
		if (*pattern == '\0')
			return;
		on_field(ctx, pattern[1] == 'i'	  ? op->in
			      : pattern[1] == 'n' ? op->name
			      : pattern[1] == 'f' ? op->from
						  : op->to);
		pattern += 2;
	}
}

void op_walk_command(const struct op *op, op_field_fn *on_text, op_field_fn *on_field, void *ctx)
{
	walk_pattern(kinds[op->kind].command, op, on_text, on_field, ctx);
}

/* --- for people ------------------------------------------------------------------------------ */

static void add_escaped(void *ctx, struct span s)
{
	str_add_escaped(ctx, s.at, s.len);
}

static void add_count(struct buf *text, size_t count, const char *what)
{
	if (count == 0)
		buf_printf(text, "no %s", what);
	else
		buf_printf(text, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

static void add_details(struct buf *text, const struct op *op)
{
	switch (op->kind) {
	case OP_ENV_ADD:
		buf_add_str(text, " (");
		add_count(text, op->count, "service");
		buf_add_char(text, ')');
		break;
	case OP_BACKEND_ADD:
		buf_add_str(text, op->obstacle == OP_FREE ? ", " : " (reload), ");
		add_count(text, op->count, "instance");
		break;
	case OP_SERVER_ADD:
		if (strcmp(state_word(op->server), "up") != 0)
			buf_printf(text, " (%s)", state_word(op->server));
		else if (state_weight(op->server) != 100)
			buf_printf(text, " (weight %u)", state_weight(op->server));
		break;
	default:
		break;
	}
}

void op_print(const struct op *op, struct buf *ret_text)
{
	if (kinds[op->kind].line == NULL || op->is_part)
		return;
	walk_pattern(kinds[op->kind].line, op, add_escaped, add_escaped, ret_text);
	add_details(ret_text, op);
	if (op->base.at != NULL) {
		buf_add_str(ret_text, " (from ");
		str_add_escaped(ret_text, op->base.at, op->base.len);
		buf_add_char(ret_text, ')');
	}
	buf_add_char(ret_text, '\n');
}

/* --- for programs ---------------------------------------------------------------------------- */

static void add_field(struct buf *text, const char *name, struct span value, bool may_be_number)
{
	unsigned number;

	if (name[0] == '\0')
		return;
	buf_printf(text, ",\"%s\":", name);
	if (may_be_number && span_parse_number(value, &number))
		buf_add(text, value.at, value.len);
	else
		str_add_json_string(text, value.at, value.len);
}

void op_print_json(const struct op *op, struct buf *ret_text)
{
	bool is_number = op->kind == OP_SERVER_WEIGHT || op->kind == OP_SERVER_DRAIN;
	buf_auto struct buf address = BUF_INIT;

	buf_printf(ret_text, "{\"kind\":\"%s\"", kinds[op->kind].word);
	add_field(ret_text, kinds[op->kind].in, op->in, false);
	add_field(ret_text, kinds[op->kind].name, op->name, false);
	add_field(ret_text, kinds[op->kind].from, op->from, is_number);
	add_field(ret_text, kinds[op->kind].to, op->to, is_number);
	if (op->base.at != NULL)
		add_field(ret_text, "base", op->base, false);
	if (op->kind == OP_ENV_ADD)
		buf_printf(ret_text, ",\"services\":%zu", op->count);
	if (op->kind == OP_BACKEND_ADD || op->kind == OP_BACKEND_REMOVE)
		buf_printf(ret_text, ",\"servers\":%zu", op->count);
	if (op->kind == OP_SERVER_ADD) {
		state_add_address(op->server, &address);
		add_field(ret_text, "address", (struct span){address.data, address.len}, false);
		buf_printf(ret_text, ",\"weight\":%u,\"state\":\"%s\"", state_weight(op->server),
			   state_word(op->server));
	}
	buf_add_char(ret_text, '}');
}
