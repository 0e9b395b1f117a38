/*
 * What a command found, in the format that was asked for: an aligned table for people, coloured and
 * cut to the width of a terminal, JSON, YAML, or names alone.
 */
#ifndef MF_OPERATOR_SHOW_H
#define MF_OPERATOR_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "operator/call.h"

struct buf;
struct mf_err;
struct node;

struct show_column {
	const char *title;
	const char *key; /* of a row's member */
	bool is_wide;	 /* only with -o wide */
};

#define SHOW_NAME_PARTS 3

struct show {
	const struct node *doc;	 /* all of it, for JSON and YAML */
	const struct node *rows; /* the list in it that is the table */
	const struct show_column *columns;
	size_t column_count;
	const char *name_keys[SHOW_NAME_PARTS]; /* -o name: members of a row, joined by '/' */
	const struct buf *before, *after;	/* for people, above and below the table; or NULL */
};

/* How a terminal wants it. */
struct show_look {
	size_t width; /* of a line, in characters; 0: as long as it is */
	bool is_coloured;
};

void show_format(const struct show *show, enum call_format format, const struct show_look *look,
		 struct buf *ret_text);

/* To standard output.  NO_COLOR and COLUMNS are respected.  MF_EWRITE. */
int show_print(const struct call *call, const struct show *show, struct mf_err *err);

#endif
