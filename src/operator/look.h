/*
 * A command that looks: it reads all there is, fills a document and says which of its lists are
 * tables, and the rest is done here: the format, printing it, and doing so again at each change.
 */
#ifndef MF_OPERATOR_LOOK_H
#define MF_OPERATOR_LOOK_H

#include "base/buf.h"
#include "operator/show.h"

struct call;
struct mf_err;
struct node;
struct reading;

#define LOOK_MAX_TABLES ((size_t)8)

struct look {
	struct call *call;
	void *ctx;	    /* of look_open */
	struct node *doc;   /* an empty map at first */
	struct node *cells; /* another: lists that are only in tables */
	struct buf before, after;
	const char *names; /* the list that -o name prints */
	const char *name_keys[SHOW_NAME_PARTS];
	show_is_name_fn *is_name;    /* as struct show has it; or NULL */
	struct show_column *columns; /* that were made, to be freed; or NULL */
	struct show_table tables[LOOK_MAX_TABLES];
	const char *keys[LOOK_MAX_TABLES]; /* the lists that they are */
	size_t table_count;
	int status; /* to exit with */
	/* Takes the last row of a long list of the document, which is then dropped; NULL: all is
	 * kept, to be shown as a whole. */
	void (*on_row)(struct look *look, const struct node *row);
};

/* The last row of that list of the document is whole. */
void look_end_row(struct look *look, struct node *list);

/* Below those that there are; key: its list, in cells or in doc.  All is borrowed. */
void look_add_table(struct look *look, const char *title, const char *key,
		    const struct show_column *columns, size_t column_count);
#define LOOK_ADD_TABLE(look, title, key, columns)                                                  \
	look_add_table(look, title, key, columns, sizeof(columns) / sizeof((columns)[0]))

/* "Owner:       anna", above the tables, if the document has that member and it is not empty. */
void look_add_line(struct look *look, const char *title, const char *key);

typedef int look_fn(struct look *look, const struct reading *reading, struct mf_err *err);

/* Fill and print; with --watch until a signal comes.  Errors as of reading_take and of fill. */
int look_run(struct call *call, look_fn *fill, struct mf_err *err);

/* The same, once, of what take reads. */
typedef int look_take_fn(struct call *call, struct reading *ret_reading, struct mf_err *err);
int look_run_by(struct call *call, look_take_fn *take, look_fn *fill, struct mf_err *err);

/* The same, once, of what reads by itself: fill gets no reading. */
int look_show(struct call *call, look_fn *fill, struct mf_err *err);

/*
 * The same of what changes by itself: fill gets no reading, and is called by each look_again, which
 * prints what is not as it was.
 */
struct looking;
struct looking *look_open(struct call *call, look_fn *fill, void *ctx);
int look_again(struct looking *looking, struct mf_err *err);
void look_close(struct looking *looking);

#endif
