/*
 * Mustache templates (specification 1.4: interpolation, sections, inverted sections, comments,
 * partials, set delimiters, and of the optional modules inheritance and dynamic names; no lambdas).
 *
 * A template is compiled once and rendered many times.  Errors name template, line and column:
 * `template haproxy.cfg:12:5: section "backends" is never closed`.
 */
#ifndef MF_RENDER_TEMPLATE_H
#define MF_RENDER_TEMPLATE_H

#include <stddef.h>

#include "render/view.h"

struct buf;
struct mf_err;
struct template;
struct template_set;

#define TEMPLATE_MAX_BYTES  ((size_t)1 << 20)
#define TEMPLATE_MAX_DEPTH  64 /* of sections, partials and parents together */
#define TEMPLATE_MAX_OUTPUT ((size_t)256 << 20)
#define TEMPLATE_MAX_STEPS  ((size_t)1 << 24) /* tags, texts and look-ups of one rendering */

/*
 * How {{name}} is written; {{{name}}} and {{&name}} are written as they are.  0, or MF_EDATA for a
 * value that cannot be written there at all.  A name that is not there is the empty string, which
 * comes here too.
 */
typedef int template_escape_fn(struct buf *out, const char *s, size_t len, struct mf_err *err);

/*
 * Where templates, partials and parents come from: for a name, its text (appended to ret_text), or
 * MF_ENOINPUT.  level: 0 is the first place to look; a template that names itself as parent or
 * partial is looked for from the level behind its own, so that a user's haproxy.cfg can extend the
 * shipped one; when there is none, it means itself and recurses.  ret_level: where it was found.
 * A name that comes from the data ({{>*name}}) holds only letters, digits, '.', '_' and '-', and
 * does not start with '.'.
 */
typedef int template_load_fn(void *ctx, const char *name, int level, struct buf *ret_text,
			     int *ret_level, struct mf_err *err);

/* A set caches what it has compiled.  load NULL: there are no partials. */
struct template_set *template_set_new(template_load_fn *load, void *ctx);
void template_set_free(struct template_set *set);

/* Load and compile by name; owned by the set. */
int template_set_find(struct template_set *set, const char *name, const struct template **ret,
		      struct mf_err *err);
/*
 * Compile a text given here under a name; owned by the set.  It comes before all levels, and takes
 * the place of one added earlier, which stays good for those who hold it.
 */
int template_set_add(struct template_set *set, const char *name, const char *text, size_t len,
		     const struct template **ret, struct mf_err *err);

/*
 * Load all that the set's templates name, and all that those name, but what only the data names.
 * What is not there or not right is an error of the rendering that needs it.
 */
void template_set_load_links(struct template_set *set);

/* Append the rendering.  A partial or parent that is not there is an error, not silence, unless
 * the set was made with no load function (the specification's way: an empty string). */
int template_render(struct template_set *set, const struct template *tmpl, const struct view *root,
		    template_escape_fn *escape, struct buf *out, struct mf_err *err);

#endif
