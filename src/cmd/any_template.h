/*
 * Render any template with any data: what `cfgrender --template` does.
 */
#ifndef MF_CMD_ANY_TEMPLATE_H
#define MF_CMD_ANY_TEMPLATE_H

#include "render/template.h"

struct any_template {
	const char *template; /* a file, or "-" */
	const char *data; /* a JSON text (starts with '{', '[' or '"'), a file, or "-"; NULL: {} */
	const char *partials; /* a directory, or NULL */
	template_escape_fn *escape;
};

/* To standard output.  MF_ENOINPUT, MF_EPERM, MF_EDATA, MF_EWRITE. */
int any_template_render(const struct any_template *r, struct mf_err *err);

#endif
