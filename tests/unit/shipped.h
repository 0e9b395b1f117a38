/* The shipped templates, for tests that put templates of their own before them. */
#ifndef MF_TESTS_SHIPPED_H
#define MF_TESTS_SHIPPED_H

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "render/builtin.h"

/* For a template_load_fn; the test's own ones are at level 0. */
static inline int load_shipped(const char *name, int level, struct buf *ret_text, int *ret_level,
			       struct mf_err *err)
{
	for (const struct builtin_template *t = builtin_templates; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0 && level <= 1) {
			buf_add(ret_text, t->text, t->len);
			*ret_level = 1;
			return 0;
		}
	return mf_err_set(err, MF_ENOINPUT, "template %s: there is none of that name", name);
}

#endif
