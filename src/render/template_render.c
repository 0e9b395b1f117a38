/*
 * From operations and a view to bytes.  Knows nothing of a template's syntax or of where templates
 * come from.  Depth, steps and output are bounded, whatever template and view are.
 */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "render/template_ops.h"

/* The arguments of a parent that is being rendered: what its blocks become. */
struct frame {
	const struct frame *outer;
	const struct template *t;
	uint32_t first, end;
};

/* A place where operations are run: a template, and the arguments in force. */
struct scope {
	const struct template *t;
	const struct frame *frame;
};

struct render {
	struct template_set *set;
	template_escape_fn *escape;
	struct buf *out;
	size_t base; /* where our output starts in it */
	size_t steps;
	struct view
	    stack[TEMPLATE_MAX_DEPTH + 2]; /* the context stack, and a place to look up in */
	size_t count;
	unsigned depth;
	struct buf indent; /* all indentation around us; that from indent_from on is in force */
	size_t indent_from;
	bool line_start; /* the next byte starts a line of the template: indentation is due */
	struct mf_err *err;
};

static int run(struct render *r, struct scope scope, uint32_t i, uint32_t end);

static int fail(const struct render *r, struct scope scope, const struct op *op, const char *what)
{
	return template_error(r->err, MF_EDATA, scope.t, op->line, op->column, "%s", what);
}

/* --- output --- */

static bool is_full(const struct render *r)
{
	return r->out->len - r->base > TEMPLATE_MAX_OUTPUT;
}

static void start_line(struct render *r)
{
	if (!r->line_start)
		return;
	r->line_start = false;
	if (r->indent.len > r->indent_from)
		buf_add(r->out, r->indent.data + r->indent_from, r->indent.len - r->indent_from);
}

static void put_text(struct render *r, const char *s, size_t len)
{
	if (len == 0)
		return;
	if (r->indent.len == r->indent_from) {
		buf_add(r->out, s, len);
		r->line_start = s[len - 1] == '\n';
		return;
	}
	while (len != 0 && !is_full(r)) {
		const char *newline = memchr(s, '\n', len);
		size_t n = newline == NULL ? len : (size_t)(newline - s) + 1;

		start_line(r);
		buf_add(r->out, s, n);
		r->line_start = newline != NULL;
		s += n;
		len -= n;
	}
}

static void put_span(struct render *r, const struct template *t, struct span span)
{
	put_text(r, template_bytes(t, span), span.len);
}

/* --- looking up --- */

static bool get(const struct view *in, const struct template *t, struct span part, struct view *out)
{
	const void *obj = in->obj;

	return in->kind == VIEW_OBJECT && in->cls->get(obj, template_bytes(t, part), part.len, out);
}

/* Valid until the next look-up or push; an entry of the stack, or the place behind it. */
static const struct view *resolve(struct render *r, const struct template *t, const struct op *op)
{
	struct view *found = &r->stack[r->count];
	const struct span *parts;
	size_t i = r->count;

	if (op->part_count == 0)
		return &r->stack[r->count - 1];
	parts = t->parts + op->first_part;
	while (i > 0 && !get(&r->stack[i - 1], t, parts[0], found))
		i--;
	r->steps += r->count - i;
	if (i == 0) {
		view_set_none(found);
		return found;
	}
	/* From here on each part counts only in what the part before it gave. */
	for (uint32_t p = 1; p < op->part_count; p++) {
		if (!get(found, t, parts[p], found)) {
			view_set_none(found);
			break;
		}
	}
	return found;
}

/* --- operations --- */

static int do_variable(struct render *r, struct scope scope, const struct op *op)
{
	const struct view *v = resolve(r, scope.t, op);
	const char *s = "";
	size_t len = 0;
	int rc;

	switch (v->kind) {
	case VIEW_NONE:
		break;
	case VIEW_FALSE:
		s = "false";
		len = 5;
		break;
	case VIEW_TRUE:
		s = "true";
		len = 4;
		break;
	case VIEW_STRING:
		s = view_text(v);
		len = v->len;
		break;
	case VIEW_LIST:
	case VIEW_OBJECT:
		return template_error(r->err, MF_EDATA, scope.t, op->line, op->column,
				      "%.*s is %s, which cannot be written as text",
				      (int)op->text.len, template_bytes(scope.t, op->text),
				      v->kind == VIEW_LIST ? "a list" : "an object");
	}
	start_line(r);
	if (op->kind == OP_RAW) {
		buf_add(r->out, s, len);
		return 0;
	}
	rc = r->escape(r->out, s, len, r->err);
	if (rc < 0)
		(void)mf_err_wrap(r->err, "template %s:%u:%u: %.*s", scope.t->name, op->line,
				  op->column, (int)op->text.len, template_bytes(scope.t, op->text));
	return rc;
}

/* The view just put behind the stack becomes its top while the body runs. */
static int do_body(struct render *r, struct scope scope, uint32_t i)
{
	const struct op *op = &scope.t->ops[i];
	int rc;

	r->count++;
	r->steps++;
	rc = run(r, scope, i + 1, op->end);
	r->count--;
	return rc;
}

/* A section's body for each item of the list that it is over. */
static int do_items(struct render *r, struct scope scope, uint32_t i, const struct view *over)
{
	const struct view_list_class *list = over->list;
	const void *obj = over->obj; /* over may be in the way of what we push */
	size_t len = over->len;
	int rc = 0;

	for (size_t k = 0; k < len && rc == 0; k++) {
		view_set_none(&r->stack[r->count]);
		list->item(obj, k, &r->stack[r->count]);
		rc = do_body(r, scope, i);
	}
	return rc;
}

static int do_section(struct render *r, struct scope scope, uint32_t i)
{
	const struct view *v = resolve(r, scope.t, &scope.t->ops[i]);

	if (!view_is_true(v))
		return 0;
	if (v->kind != VIEW_LIST) {
		if (v != &r->stack[r->count])
			r->stack[r->count] = *v;
		return do_body(r, scope, i);
	}
	return do_items(r, scope, i, v);
}

static int do_inverted(struct render *r, struct scope scope, uint32_t i)
{
	const struct op *op = &scope.t->ops[i];

	return view_is_true(resolve(r, scope.t, op)) ? 0 : run(r, scope, i + 1, op->end);
}

/*
 * Run operations that stand in the place of a partial, parent or block.  When that is alone on its
 * lines, each line gets its indentation on top of ours; else only what is written there counts.
 */
static int run_inserted(struct render *r, struct scope place, const struct op *op,
			struct scope inner, uint32_t i, uint32_t end)
{
	size_t from = r->indent_from, len = r->indent.len;
	int rc;

	if (op->alone) {
		buf_add(&r->indent, template_bytes(place.t, op->indent), op->indent.len);
		r->line_start = true;
	} else {
		start_line(r);
		r->indent_from = len;
	}
	rc = run(r, inner, i, end);
	r->indent_from = from;
	r->indent.len = len;
	r->line_start = op->alone;
	return rc;
}

static bool is_template_name(const char *s, size_t len)
{
	if (len == 0 || len > 255 || s[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

static int find_dynamic(struct render *r, struct scope scope, const struct op *op,
			const struct template **ret)
{
	const struct view *v = resolve(r, scope.t, op);
	mem_auto_free char *name = NULL;

	*ret = NULL;
	if (!view_is_true(v))
		return 0;
	if (v->kind != VIEW_STRING || !is_template_name(view_text(v), v->len))
		return mf_err_set(r->err, MF_EDATA, "%.*s holds no template's name",
				  (int)op->text.len, template_bytes(scope.t, op->text));
	name = mem_dup_bytes(view_text(v), v->len);
	return template_set_resolve(r->set, scope.t, name, ret, r->err);
}

static int do_template(struct render *r, struct scope scope, uint32_t i)
{
	const struct op *op = &scope.t->ops[i];
	struct frame frame = {scope.frame, scope.t, i + 1, op->end};
	struct scope inner = {NULL, op->kind == OP_PARENT ? &frame : scope.frame};
	int rc;

	if (op->dynamic)
		rc = find_dynamic(r, scope, op, &inner.t);
	else
		rc = template_set_follow(r->set, scope.t, op->link, &inner.t, r->err);
	if (rc < 0) {
		(void)mf_err_wrap(r->err, "template %s:%u:%u", scope.t->name, op->line, op->column);
		return rc;
	}
	if (op->kind == OP_PARENT && !op->alone)
		put_span(r, scope.t, op->indent);
	if (inner.t == NULL)
		return 0;
	return run_inserted(r, scope, op, inner, 0, inner.t->count);
}

/* The argument for a block: the outermost one wins. */
static const struct frame *find_argument(struct render *r, struct scope scope, const struct op *op,
					 uint32_t *ret_i)
{
	const char *name = template_bytes(scope.t, op->text);
	const struct frame *found = NULL;

	for (const struct frame *f = scope.frame; f != NULL; f = f->outer) {
		for (uint32_t i = f->first; i < f->end; i = f->t->ops[i].end) {
			struct span other = f->t->ops[i].text;

			r->steps++;
			if (other.len == op->text.len &&
			    memcmp(template_bytes(f->t, other), name, other.len) == 0) {
				found = f;
				*ret_i = i;
				break;
			}
		}
	}
	return found;
}

static int do_block(struct render *r, struct scope scope, uint32_t i)
{
	const struct op *op = &scope.t->ops[i];
	size_t start = r->out->len, content = start;
	bool line_start = r->line_start;
	const struct frame *frame;
	uint32_t arg = 0;
	int rc;

	frame = find_argument(r, scope, op, &arg);
	if (!op->own_line && (frame == NULL || !op->alone)) {
		put_span(r, scope.t, op->indent);
		content = r->out->len;
	}
	if (frame == NULL) {
		rc = run(r, scope, i + 1, op->end);
	} else {
		/* An argument's own blocks are those of the template that it is written in. */
		struct scope inner = {frame->t, frame->outer};

		rc = run_inserted(r, scope, op, inner, arg + 1, frame->t->ops[arg].end);
	}
	if (rc < 0 || !op->alone)
		return rc;
	if (r->out->len == content) {
		/* Nothing in it: then its line is not there either. */
		if (start != content) {
			r->out->len = start;
			r->out->data[start] = '\0';
		}
		r->line_start = line_start;
		return 0;
	}
	if (r->out->data[r->out->len - 1] != '\n')
		buf_add(r->out, template_bytes(scope.t, op->ending), op->ending.len);
	r->line_start = true;
	return 0;
}

static int do_op(struct render *r, struct scope scope, uint32_t i)
{
	const struct op *op = &scope.t->ops[i];

	switch (op->kind) {
	case OP_TEXT:
		put_span(r, scope.t, op->text);
		return 0;
	case OP_VARIABLE:
	case OP_RAW:
		return do_variable(r, scope, op);
	case OP_SECTION:
		return do_section(r, scope, i);
	case OP_INVERTED:
		return do_inverted(r, scope, i);
	case OP_PARTIAL:
	case OP_PARENT:
		return do_template(r, scope, i);
	case OP_BLOCK:
		return do_block(r, scope, i);
	case OP_ARGUMENT:
		break;
	}
	return 0;
}

static int run(struct render *r, struct scope scope, uint32_t i, uint32_t end)
{
	const struct template *t = scope.t;
	int rc = 0;

	if (i < end && r->depth > TEMPLATE_MAX_DEPTH)
		return fail(r, scope, &t->ops[i],
			    "too many sections, partials and parents within each other");
	r->depth++;
	while (i < end && rc == 0) {
		rc = do_op(r, scope, i);
		if (rc == 0 && is_full(r))
			rc = fail(r, scope, &t->ops[i], "the output is too large");
		if (rc == 0 && ++r->steps > TEMPLATE_MAX_STEPS)
			rc = fail(r, scope, &t->ops[i], "the rendering takes too long");
		i = t->ops[i].end;
	}
	r->depth--;
	return rc;
}

int template_render(struct template_set *set, const struct template *tmpl, const struct view *root,
		    template_escape_fn *escape, struct buf *out, struct mf_err *err)
{
	struct render r = {
	    .set = set,
	    .escape = escape,
	    .out = out,
	    .base = out->len,
	    .indent = BUF_INIT,
	    .line_start = true,
	    .err = err,
	};
	struct scope scope = {tmpl, NULL};
	size_t start = out->len;
	int rc;

	r.stack[r.count++] = *root;
	rc = run(&r, scope, 0, tmpl->count);
	if (rc < 0 && out->len != start) {
		out->len = start;
		out->data[start] = '\0';
	}
	buf_fini(&r.indent);
	return rc;
}
