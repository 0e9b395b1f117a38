/*
 * The writer: renders a group of outputs, compares them with the files in place, and stages those
 * that differ.  All of it is done in a copy of this process (child_fork), which works on the
 * immutable snapshot as it was then, so that the loop waits for none of it, however large the model
 * is; what comes back is a report without a file's bytes.
 */
#ifndef MF_APPLY_WRITER_H
#define MF_APPLY_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "render/output.h"
#include "sys/stat_cache.h"

struct loop;
struct routing_past;
struct settings;
struct snapshot;
struct stage;
struct template_set;
struct writer;

/* One of a group's files, as it was found, or was put into place. */
struct writer_file {
	struct output output;	/* without bytes */
	bool is_in_place;	/* the file at its path held just these ... */
	struct stat_cache stat; /* ... when it looked like this */
};
/*
 * Whether it holds this output's bytes, by what is known.  A file that was changed again in the
 * very moment of the note may have the same stat: must_be_sure excludes that.
 */
bool writer_holds(const struct writer_file *file, const struct output *output, bool must_be_sure);
void writer_note(struct writer_file *file); /* its bytes have just been put into place */
int writer_read(struct writer_file *file, struct mf_err *err); /* read it to know; as file_hash */

struct writer_report {
	struct mf_err err; /* code 0: all of the following is there */
	bool is_bad;	   /* err says why it cannot be rendered */
	struct mf_err opinion;
	char fingerprint[17], structure[17]; /* as of the output_set */
	bool keeps_dead;
	bool needs_check;
	bool is_edited;		   /* somebody else has changed a file that we knew, not a map */
	struct writer_file *files; /* in order; the last is the main one */
	size_t count;
	size_t changes; /* so many are not in place */
};
void writer_report_fini(struct writer_report *report);

/* What is staged. */
enum writer_mode {
	WRITER_DIFFERENCES, /* what differs; and links to all others, if a check is needed */
	WRITER_ALL,	    /* everything, as if no file was in place */
	WRITER_NOTHING,
};

/* Borrowed during writer_start, but for stage. */
struct writer_order {
	struct template_set *templates;
	const struct settings *settings;
	struct output_id id;
	const struct snapshot *snapshot;
	const struct routing_past *past; /* as of the output_set */
	/* If not NULL, asked in the copy for a snapshot in its place. */
	struct snapshot *(*make_snapshot)(void *ctx);
	enum writer_mode mode;
	struct stage *stage; /* until the writer has ended; it has the files then */
	const char *dir;     /* the stage's: a file that will be below it is so in the stage */
	mode_t mode_also;    /* bits that a file has in any case */
	const struct writer_report *last; /* what is known of the files in place; NULL: nothing */
	bool must_be_sure;		  /* see writer_holds */
	bool has_check;
	const char *proven;  /* the structure that needs no check; "" */
	const char *checked; /* the fingerprint that needs none; "" */
	/* Called in the copy with the outputs, after the comparison; what it fails with is reported
	 * as opinion.  May be NULL. */
	int (*inspect)(void *ctx, const struct output_set *set, struct mf_err *err);
	/* Called in the copy before anything is staged, if anything is.  May be NULL. */
	int (*preserve)(void *ctx, struct mf_err *err);
	void *ctx; /* of all three */
};

/* on_done is called once, never from inside.  The report is the callee's. */
typedef void writer_done_fn(void *ctx, struct writer_report *report);
struct writer *writer_start(struct loop *loop, const struct writer_order *order,
			    writer_done_fn *on_done, void *ctx);
void writer_cancel(struct writer *writer); /* NULL is fine */

#endif
