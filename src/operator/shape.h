/*
 * What the JSON and YAML of a command consist of: a row for each value, from which the schemas in
 * share/mayfly/schema are made, and which a test holds against what is printed.
 */
#ifndef MF_OPERATOR_SHAPE_H
#define MF_OPERATOR_SHAPE_H

#include <stddef.h>

struct buf;

struct shape_row {
	const char *shape; /* the schema's name: of the command, such as "env-list" */
	/* "environments[].hosts[]": a list's items, "versions.*.version": members of any name. */
	const char *path;
	const char *type; /* "string", "integer", "boolean" */
	const char *help;
};

extern const struct shape_row shape_rows[]; /* those of a shape and of a path stand together */
extern const size_t shape_row_count;

/* The JSON Schema (draft 7) of a shape; nothing: there is no such. */
void shape_add_schema(const char *shape, struct buf *ret_json);

#endif
