/*
 * From a template's text to its operations: first its tags, one after the other, with what stands
 * around them on their lines, then what they mean.  All white space rules of the specification are
 * decided here: which tags and elements have their lines to themselves, what is indentation, and
 * what of it an argument loses.  Knows nothing of views, and loads nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "render/template_ops.h"

/* --- tags in the text ------------------------------------------------------------------------- */

#define SCAN_DELIMITER_MAX 16

struct tag {
	char sigil;	  /* '#' and so on; 0 for {{name}}, '{' for {{{name}}} */
	const char *name; /* trimmed content */
	size_t len;
	size_t start, end;	  /* of the whole tag in the text */
	size_t line_start, after; /* its line, from its start to behind its end's newline */
	size_t blank_end;	  /* where the white space behind the tag ends */
	bool blank_before, blank_after;
	uint32_t line, column;
};

struct scan {
	const struct template *t; /* for messages */
	const char *src;
	size_t len;
	size_t counted; /* line and column are those of this byte */
	uint32_t line, column;
	char open[SCAN_DELIMITER_MAX], close[SCAN_DELIMITER_MAX];
	size_t open_len, close_len;
	struct mf_err *err;
};

/* clang-format off */
#define SCAN_INIT(t, src, len, err) {(t), (src), (len), 0, 1, 1, "{{", "}}", 2, 2, (err)}
/* clang-format on */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || (c >= '\n' && c <= '\r');
}

static int fail_tag(const struct scan *s, const struct tag *tag, const char *what)
{
	return template_error(s->err, MF_EDATA, s->t, tag->line, tag->column, "%s", what);
}

static void count_to(struct scan *s, size_t pos)
{
	for (; s->counted < pos; s->counted++) {
		char byte = s->src[s->counted];

		if (byte == '\n') {
			s->line++;
			s->column = 1;
		} else if (((unsigned char)byte & 0xc0) != 0x80) {
			s->column++;
		}
	}
}

/* Where a byte is; never before a place asked for, or a tag found, earlier. */
static void scan_place(struct scan *s, size_t pos, uint32_t *ret_line, uint32_t *ret_column)
{
	count_to(s, pos);
	*ret_line = s->line;
	*ret_column = s->column;
}

static void look_around(const struct scan *s, struct tag *tag)
{
	size_t i = tag->start;

	while (i > 0 && is_blank(s->src[i - 1]))
		i--;
	tag->line_start = i;
	tag->blank_before = i == 0 || s->src[i - 1] == '\n';
	for (i = tag->end; i < s->len && is_blank(s->src[i]);)
		i++;
	tag->blank_end = i;
	if (i < s->len && s->src[i] == '\r' && i + 1 < s->len && s->src[i + 1] == '\n')
		i++;
	tag->blank_after = i == s->len || s->src[i] == '\n';
	tag->after = i < s->len ? i + 1 : i;
}

/* The '*' of a dynamic name with the white space behind it, which is padding; 0: there is none. */
static size_t tag_star(const struct tag *tag)
{
	size_t i = 0;

	if (tag->len != 0 && tag->name[0] == '*') {
		for (i = 1; i < tag->len && is_space(tag->name[i]);)
			i++;
	}
	return i;
}

static bool tag_is_closed_by(const struct tag *open, const struct tag *end)
{
	size_t i = tag_star(open), k = tag_star(end);

	return open->name[0] == end->name[0] && open->len - i == end->len - k &&
	       memcmp(open->name + i, end->name + k, open->len - i) == 0;
}

/* From a tag {{=...=}} on. */
static int scan_set_delimiters(struct scan *s, const struct tag *tag)
{
	size_t open_len = 0, close_at;

	while (open_len < tag->len && !is_space(tag->name[open_len]))
		open_len++;
	for (close_at = open_len; close_at < tag->len && is_space(tag->name[close_at]);)
		close_at++;
	if (open_len == 0 || close_at == tag->len)
		return fail_tag(s, tag, "two delimiters are expected");
	if (memchr(tag->name, '=', tag->len) != NULL)
		return fail_tag(s, tag, "a delimiter cannot hold '='");
	for (size_t i = close_at; i < tag->len; i++) {
		if (is_space(tag->name[i]))
			return fail_tag(s, tag, "more than two delimiters");
	}
	if (open_len > sizeof(s->open) || tag->len - close_at > sizeof(s->close))
		return fail_tag(s, tag, "a delimiter is too long");
	memcpy(s->open, tag->name, open_len);
	s->open_len = open_len;
	s->close_len = tag->len - close_at;
	memcpy(s->close, tag->name + close_at, s->close_len);
	return 0;
}

static int check_name(struct scan *s, const struct tag *tag)
{
	if (tag->sigil == '!' || tag->sigil == '=')
		return 0;
	if (tag->len == 0)
		return fail_tag(s, tag, "a tag without a name");
	for (size_t i = tag_star(tag); i < tag->len; i++) {
		if (is_space(tag->name[i]) || tag->name[i] == '\0')
			return fail_tag(s, tag, "white space within a name");
	}
	return 0;
}

static void trim(struct tag *tag, const char *from, const char *to)
{
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	tag->name = from;
	tag->len = (size_t)(to - from);
}

/* The tag that starts at tag->start, where the opening delimiter is. */
static int read_tag(struct scan *s, struct tag *tag)
{
	char close[SCAN_DELIMITER_MAX + 1];
	size_t close_len = 0, body = tag->start + s->open_len;
	const char *end;

	count_to(s, tag->start);
	tag->line = s->line;
	tag->column = s->column;
	tag->sigil = body < s->len ? s->src[body] : '\0';
	if (tag->sigil != '\0' && strchr("!=#^/><$&{", tag->sigil) != NULL)
		body++;
	else
		tag->sigil = 0;
	if (tag->sigil == '{')
		close[close_len++] = '}';
	else if (tag->sigil == '=')
		close[close_len++] = '=';
	memcpy(close + close_len, s->close, s->close_len);
	close_len += s->close_len;
	end = memmem(s->src + body, s->len - body, close, close_len);
	if (end == NULL)
		return fail_tag(s, tag, "a tag is never closed");
	trim(tag, s->src + body, end);
	tag->end = (size_t)(end - s->src) + close_len;
	look_around(s, tag);
	return check_name(s, tag);
}

/* The first tag at from or behind it: 1; 0: there is none; MF_EDATA: it is no good one. */
static int scan_next(struct scan *s, size_t from, struct tag *ret_tag)
{
	const char *open = memmem(s->src + from, s->len - from, s->open, s->open_len);
	int rc;

	if (open == NULL)
		return 0;
	*ret_tag = (struct tag){.start = (size_t)(open - s->src)};
	rc = read_tag(s, ret_tag);
	return rc < 0 ? rc : 1;
}

/* --- operations ------------------------------------------------------------------------------- */

/* An element that is not closed yet. */
struct level {
	struct tag tag;
	enum op_kind kind;
	uint32_t op;
	bool dead;	    /* stands in a place that is never rendered */
	bool muted;	    /* so does its content */
	const char *dedent; /* what held around it */
	size_t dedent_len;
};

struct compiler {
	struct template *t;
	struct scan scan;
	const char *src;
	size_t len;
	size_t pos; /* what lies before it is done */
	uint32_t pos_line, pos_column;
	const char *dedent; /* the white space that lines of the current argument lose */
	size_t dedent_len;
	struct level levels[TEMPLATE_MAX_DEPTH];
	size_t depth;
	struct mf_err *err;
};

/* A name in a message: as much of it as helps. */
static int shown(size_t len)
{
	return len > 64 ? 64 : (int)len;
}

static int fail(struct compiler *c, const struct tag *tag, const char *what)
{
	return fail_tag(&c->scan, tag, what);
}

/* --- places and white space --- */

static void move_to(struct compiler *c, size_t pos)
{
	c->pos = pos;
	scan_place(&c->scan, pos, &c->pos_line, &c->pos_column);
}

/* The white space at pos, as far as it is this line's. */
static size_t blank_length(const struct compiler *c, size_t pos)
{
	size_t i = pos;

	while (i < c->len && is_blank(c->src[i]))
		i++;
	return i - pos;
}

/* How much of the line that starts at pos belongs to the argument's own indentation. */
static size_t dedent_at(const struct compiler *c, size_t pos, size_t end)
{
	if (c->dedent_len == 0 || end - pos < c->dedent_len ||
	    (pos != 0 && c->src[pos - 1] != '\n'))
		return 0;
	return memcmp(c->src + pos, c->dedent, c->dedent_len) == 0 ? c->dedent_len : 0;
}

/* --- output --- */

static bool is_muted(const struct compiler *c)
{
	return c->depth != 0 && c->levels[c->depth - 1].muted;
}

static struct span add_bytes(struct compiler *c, const char *bytes, size_t len)
{
	struct span span = {(uint32_t)c->t->pool.len, (uint32_t)len};

	buf_add(&c->t->pool, bytes, len);
	return span;
}

static struct span add_indent(struct compiler *c, size_t start, size_t end)
{
	start += dedent_at(c, start, end);
	return add_bytes(c, c->src + start, end - start);
}

static struct op *add_op(struct compiler *c, enum op_kind kind, uint32_t line, uint32_t column)
{
	struct template *t = c->t;
	struct op *op;

	MEM_GROW(t->ops, t->count, t->cap);
	op = &t->ops[t->count++];
	*op = (struct op){.kind = kind, .line = line, .column = column, .end = t->count};
	return op;
}

/* The text from where we are to end; then we are at next. */
static void take_text(struct compiler *c, size_t end, size_t next)
{
	uint32_t line = c->pos_line, column = c->pos_column;
	size_t pos = c->pos, text = c->t->pool.len;

	move_to(c, next);
	if (pos >= end || is_muted(c))
		return;
	while (pos < end) {
		const char *newline = memchr(c->src + pos, '\n', end - pos);
		size_t line_end = newline == NULL ? end : (size_t)(newline - c->src) + 1;

		pos += dedent_at(c, pos, line_end);
		(void)add_bytes(c, c->src + pos, line_end - pos);
		pos = line_end;
	}
	if (c->t->pool.len != text)
		add_op(c, OP_TEXT, line, column)->text =
		    (struct span){(uint32_t)text, (uint32_t)(c->t->pool.len - text)};
}

/* Text before a tag whose line goes with it when there is nothing else on it. */
static void take_line(struct compiler *c, const struct tag *tag)
{
	if (tag->blank_before && tag->blank_after)
		take_text(c, tag->line_start, tag->after);
	else
		take_text(c, tag->start, tag->end);
}

/* --- names --- */

static int add_path(struct compiler *c, const struct tag *tag, struct op *op, const char *name,
		    size_t len)
{
	struct template *t = c->t;
	const char *end = name + len;

	op->first_part = t->part_count;
	if (len == 1 && name[0] == '.')
		return 0;
	for (;;) {
		const char *dot = memchr(name, '.', (size_t)(end - name));
		size_t part = (size_t)((dot == NULL ? end : dot) - name);

		if (part == 0)
			return fail(c, tag, "an empty part in a dotted name");
		MEM_GROW(t->parts, t->part_count, t->part_cap);
		t->parts[t->part_count++] = add_bytes(c, name, part);
		op->part_count++;
		if (dot == NULL)
			return 0;
		name = dot + 1;
	}
}

/* The name of a partial or parent, which {{>*name}} takes from the view. */
static int add_target(struct compiler *c, const struct tag *tag, struct op *op)
{
	struct template *t = c->t;
	size_t star = tag_star(tag);

	op->dynamic = star != 0;
	if (!op->dynamic) {
		MEM_GROW(t->links, t->link_count, t->link_cap);
		t->links[t->link_count] =
		    (struct link){mem_dup_bytes(tag->name, tag->len), NULL, 0};
		op->link = t->link_count++;
		return 0;
	}
	return add_path(c, tag, op, tag->name + star, tag->len - star);
}

/* --- tags --- */

static int push(struct compiler *c, const struct tag *tag, enum op_kind kind, bool dead)
{
	struct level *level;

	if (c->depth == TEMPLATE_MAX_DEPTH)
		return fail(c, tag, "too many sections, parents and blocks within each other");
	level = &c->levels[c->depth++];
	*level = (struct level){
	    .tag = *tag,
	    .kind = kind,
	    .op = c->t->count - 1,
	    .dead = dead,
	    .muted = dead || kind == OP_PARENT,
	    .dedent = c->dedent,
	    .dedent_len = c->dedent_len,
	};
	return 0;
}

static int take_variable(struct compiler *c, const struct tag *tag)
{
	struct op *op;

	take_text(c, tag->start, tag->end);
	if (is_muted(c))
		return 0;
	op = add_op(c, tag->sigil == 0 ? OP_VARIABLE : OP_RAW, tag->line, tag->column);
	op->text = add_bytes(c, tag->name, tag->len);
	return add_path(c, tag, op, tag->name, tag->len);
}

static int take_section(struct compiler *c, const struct tag *tag)
{
	enum op_kind kind = tag->sigil == '#' ? OP_SECTION : OP_INVERTED;
	bool dead = is_muted(c);

	take_line(c, tag);
	if (!dead) {
		struct op *op = add_op(c, kind, tag->line, tag->column);
		int rc;

		op->text = add_bytes(c, tag->name, tag->len);
		rc = add_path(c, tag, op, tag->name, tag->len);
		if (rc < 0)
			return rc;
	}
	return push(c, tag, kind, dead);
}

static int take_partial(struct compiler *c, const struct tag *tag)
{
	struct op *op;

	take_line(c, tag);
	if (is_muted(c))
		return 0;
	op = add_op(c, OP_PARTIAL, tag->line, tag->column);
	op->text = add_bytes(c, tag->name, tag->len);
	op->alone = tag->blank_before && tag->blank_after;
	if (op->alone)
		op->indent = add_indent(c, tag->line_start, tag->start);
	return add_target(c, tag, op);
}

static int take_parent(struct compiler *c, const struct tag *tag)
{
	bool dead = is_muted(c);

	take_text(c, tag->blank_before ? tag->line_start : tag->start, tag->end);
	if (!dead) {
		struct op *op = add_op(c, OP_PARENT, tag->line, tag->column);
		int rc;

		op->text = add_bytes(c, tag->name, tag->len);
		if (tag->blank_before)
			op->indent = add_indent(c, tag->line_start, tag->start);
		rc = add_target(c, tag, op);
		if (rc < 0)
			return rc;
	}
	return push(c, tag, OP_PARENT, dead);
}

/* A block that stands directly in a parent: what the parent's block of that name becomes. */
static int take_argument(struct compiler *c, const struct tag *tag, bool dead)
{
	int rc;

	take_text(c, c->pos, tag->blank_after ? tag->after : tag->end);
	if (!dead)
		add_op(c, OP_ARGUMENT, tag->line, tag->column)->text =
		    add_bytes(c, tag->name, tag->len);
	rc = push(c, tag, OP_ARGUMENT, dead);
	if (rc == 0 && tag->blank_after) {
		c->dedent = c->src + tag->after;
		c->dedent_len = blank_length(c, tag->after);
	}
	return rc;
}

static int take_block(struct compiler *c, const struct tag *tag)
{
	const struct level *around = c->depth == 0 ? NULL : &c->levels[c->depth - 1];
	bool own_line = tag->blank_before && tag->blank_after;
	bool dead = is_muted(c);

	if (around != NULL && around->kind == OP_PARENT)
		return take_argument(c, tag, around->dead);
	take_text(c, tag->blank_before ? tag->line_start : tag->start,
		  own_line ? tag->after : tag->end);
	if (!dead) {
		struct op *op = add_op(c, OP_BLOCK, tag->line, tag->column);

		op->text = add_bytes(c, tag->name, tag->len);
		op->own_line = own_line;
		if (own_line)
			op->indent =
			    add_indent(c, tag->after, tag->after + blank_length(c, tag->after));
		else if (tag->blank_before)
			op->indent = add_indent(c, tag->line_start, tag->start);
	}
	return push(c, tag, OP_BLOCK, dead);
}

/* The end of a block: with its start it may have its lines to itself, on one line or on several. */
static void end_block(struct compiler *c, const struct level *level, const struct tag *tag)
{
	bool alone = level->tag.blank_before && tag->blank_after;
	bool drop = alone || (tag->blank_before && tag->blank_after);

	take_text(c, drop && tag->blank_before ? tag->line_start : tag->start,
		  drop ? tag->after : tag->end);
	if (level->dead || !alone)
		return;
	c->t->ops[level->op].alone = true;
	c->t->ops[level->op].ending =
	    add_bytes(c, c->src + tag->blank_end, tag->after - tag->blank_end);
}

static void end_parent(struct compiler *c, const struct level *level, const struct tag *tag)
{
	bool alone = level->tag.blank_before && tag->blank_after;

	move_to(c, alone ? tag->after : tag->end);
	if (!level->dead)
		c->t->ops[level->op].alone = alone;
}

static int take_end(struct compiler *c, const struct tag *tag)
{
	struct level *level;

	if (c->depth == 0)
		return template_error(c->err, MF_EDATA, c->t, tag->line, tag->column,
				      "\"/%.*s\" closes nothing", shown(tag->len), tag->name);
	level = &c->levels[c->depth - 1];
	if (!tag_is_closed_by(&level->tag, tag))
		return template_error(c->err, MF_EDATA, c->t, tag->line, tag->column,
				      "\"/%.*s\" where \"%.*s\" of line %u is to be closed",
				      shown(tag->len), tag->name, shown(level->tag.len),
				      level->tag.name, level->tag.line);
	switch (level->kind) {
	case OP_BLOCK:
		end_block(c, level, tag);
		break;
	case OP_PARENT:
		end_parent(c, level, tag);
		break;
	case OP_ARGUMENT:
		take_text(c, tag->blank_before ? tag->line_start : tag->start, tag->end);
		break;
	default:
		take_line(c, tag);
		break;
	}
	if (!level->dead)
		c->t->ops[level->op].end = c->t->count;
	c->dedent = level->dedent;
	c->dedent_len = level->dedent_len;
	c->depth--;
	return 0;
}

static int take_tag(struct compiler *c, const struct tag *tag)
{
	switch (tag->sigil) {
	case '!':
		take_line(c, tag);
		return 0;
	case '=':
		take_line(c, tag);
		return scan_set_delimiters(&c->scan, tag);
	case '#':
	case '^':
		return take_section(c, tag);
	case '/':
		return take_end(c, tag);
	case '>':
		return take_partial(c, tag);
	case '<':
		return take_parent(c, tag);
	case '$':
		return take_block(c, tag);
	default:
		return take_variable(c, tag);
	}
}

static int compile(struct compiler *c)
{
	struct tag tag;
	int rc;

	while ((rc = scan_next(&c->scan, c->pos, &tag)) > 0) {
		rc = take_tag(c, &tag);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	if (c->depth != 0) {
		const struct tag *open = &c->levels[c->depth - 1].tag;
		const char *what = open->sigil == '<'	? "parent"
				   : open->sigil == '$' ? "block"
							: "section";

		return template_error(c->err, MF_EDATA, c->t, open->line, open->column,
				      "%s \"%.*s\" is never closed", what, shown(open->len),
				      open->name);
	}
	take_text(c, c->len, c->len);
	return 0;
}

int template_compile(const char *name, int level, const char *text, size_t len,
		     struct template **ret, struct mf_err *err)
{
	struct template *t = MEM_NEW(t);
	struct compiler c = {
	    .t = t,
	    .scan = SCAN_INIT(t, text, len, err),
	    .src = text,
	    .len = len,
	    .pos_line = 1,
	    .pos_column = 1,
	    .err = err,
	};
	int rc = 0;

	t->name = mem_dup_str(name);
	t->level = level;
	buf_reserve(&t->pool, len < TEMPLATE_MAX_BYTES ? len : 0);
	if (len > TEMPLATE_MAX_BYTES)
		rc = mf_err_set(err, MF_EDATA, "template %s: more than %zu bytes", name,
				TEMPLATE_MAX_BYTES);
	else if (len != 0)
		rc = compile(&c);
	if (rc < 0) {
		template_free(t);
		return rc;
	}
	*ret = t;
	return 0;
}
