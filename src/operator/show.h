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
struct node;

/* When a column is shown: always, with -o wide only, or where a row has it. */
enum show_when { SHOW_ALWAYS = false, SHOW_WIDE = true, SHOW_IF_THERE };

struct show_column {
	const char *title;
	const char *key; /* of a row's member */
	enum show_when when;
};

struct show_table {
	const char *title;	 /* above it; "": an empty line; NULL: nothing */
	const struct node *rows; /* a list of maps; none: the table is left out */
	const struct show_column *columns;
	size_t column_count;
};

#define SHOW_NAME_PARTS 3

/* What -o name prints goes into scripts: what is no name there is left out. */
typedef bool show_is_name_fn(const char *text);

struct show {
	const struct node *doc; /* all of it, for JSON and YAML */
	const struct show_table *tables;
	size_t table_count;
	const struct node
	    *names; /* -o name: of each row of this list, these members, joined by '/' */
	const char *name_keys[SHOW_NAME_PARTS];
	show_is_name_fn *is_name;	  /* of the first member; NULL: every row has a name */
	const struct buf *before, *after; /* for people, above and below the tables; or NULL */
};

struct show_look;
/*
 * Further rows of a table that is printed while it comes: below its titles, if is_first, in columns
 * that only get wider.  widths: as many as columns, of zeros at first.
 */
void show_add_rows(const struct show_table *table, enum call_format format,
		   const struct show_look *look, size_t *widths, bool is_first,
		   struct buf *ret_text);

/* How a terminal wants it. */
struct show_look {
	size_t width; /* of a line, in characters; 0: as long as it is */
	bool is_coloured;
};

void show_format(const struct show *show, enum call_format format, const struct show_look *look,
		 struct buf *ret_text);

/* What this standard output wants: NO_COLOR and COLUMNS are respected. */
void show_find_look(enum call_format format, struct show_look *ret_look);

#endif
