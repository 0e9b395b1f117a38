/*
 * What a compiled template is: between template.c, template_compile.c and template_render.c only.
 *
 * A template is a flat array of operations.  One with a body (sections, blocks, parents) is
 * followed by it, and `end` is the operation behind the body.  All bytes are in one pool; positions
 * in it are of 32 bits, as TEMPLATE_MAX_BYTES allows.
 */
#ifndef MF_RENDER_TEMPLATE_OPS_H
#define MF_RENDER_TEMPLATE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "render/template.h"

enum op_kind {
	OP_TEXT,
	OP_VARIABLE,
	OP_RAW, /* a variable that is not escaped */
	OP_SECTION,
	OP_INVERTED,
	OP_PARTIAL,
	OP_PARENT, /* its body is OP_ARGUMENTs only */
	OP_ARGUMENT,
	OP_BLOCK
};

/* Bytes in the pool. */
struct span {
	uint32_t at;
	uint32_t len;
};

struct op {
	enum op_kind kind;
	bool alone;    /* a partial, or a whole parent or block, which has its lines to itself */
	bool own_line; /* a block's start tag, whose line is not rendered */
	bool dynamic;  /* the name of a partial or parent comes from the view */
	uint32_t line, column;
	uint32_t end;
	struct span text;   /* the text, or the name as written */
	struct span indent; /* of what is put in the place of a partial, parent or block */
	struct span ending; /* the line end behind a block that is alone */
	uint32_t first_part, part_count; /* of a dotted name; none: '.' */
	uint32_t link;			 /* of a partial or parent that is not dynamic */
};

/* A name, and the template found for it; good while generation is the set's. */
struct link {
	char *name;
	const struct template *target; /* NULL: the set has none, and that is no error */
	uint64_t generation;
};

struct template
{
	char *name;
	int level; /* where it was loaded; -1: given as a text */
	struct buf pool;
	struct op *ops;
	uint32_t count, cap;
	struct span *parts;
	uint32_t part_count, part_cap;
	struct link *links; /* a cache, so not const in a const template */
	uint32_t link_count, link_cap;
};

static inline const char *template_bytes(const struct template *t, struct span s)
{
	return t->pool.data + s.at;
}

/* `template NAME:LINE:COLUMN: ...`; returns code. */
int template_error(struct mf_err *err, int code, const struct template *t, uint32_t line,
		   uint32_t column, const char *format, ...) __attribute__((format(printf, 6, 7)));

int template_compile(const char *name, int level, const char *text, size_t len,
		     struct template **ret, struct mf_err *err);
void template_free(struct template *t);

/* The template that a name in `from` means.  MF_ENOINPUT when the loader has none. */
int template_set_resolve(struct template_set *set, const struct template *from, const char *name,
			 const struct template **ret, struct mf_err *err);
int template_set_follow(struct template_set *set, const struct template *from, uint32_t link,
			const struct template **ret, struct mf_err *err);

#endif
