/*
 * The shipped templates, as they were when the program was built (the Makefile makes the table from
 * templates/).
 */
#ifndef MF_RENDER_BUILTIN_H
#define MF_RENDER_BUILTIN_H

#include <stddef.h>

struct builtin_template {
	const char *name; /* "haproxy.cfg"; NULL ends the table */
	const char *text;
	size_t len;
};

extern const struct builtin_template builtin_templates[];

#endif
