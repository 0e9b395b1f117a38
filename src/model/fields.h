/*
 * The format of an object, as one table: a row for each key, with its kind, where its value goes,
 * its default, what it may be, and what it means.  From the table the object is read (files, keys'
 * values), preset, moved and freed, and JSON Schemas and the manual's lists of keys are made
 * (model/fields_doc.h).  To extend a format is to add a row.
 *
 * Errors have the place, and what is expected there: `KEY: must be ...`; unknown keys suggest the
 * nearest one.  Texts are borrowed from the node, unless their row says FIELD_OWN.
 */
#ifndef MF_MODEL_FIELDS_H
#define MF_MODEL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/node.h"
#include "model/value.h"

struct buf;
struct fields;

#define FIELDS_MAX 40 /* rows of a table */

enum field_kind {		  /* what there is in the object */
		  FIELD_NAME,	  /* const char *; errors: `KEY "value": why` */
		  FIELD_TEXT,	  /* const char *; errors: `KEY: "value": why` */
		  FIELD_INT,	  /* an integer of any size */
		  FIELD_BOOL,	  /* bool */
		  FIELD_DURATION, /* int64_t, milliseconds */
		  FIELD_WORD,	  /* an enum or a bool: the index of the word */
		  FIELD_LIST, /* a pointer to the items, of which one that is all zero ends the list
			       */
		  FIELD_OBJECT, /* a struct of its own table */
		  FIELD_OTHER,	/* what the row's own function makes of it */
};

enum field_flag {
	FIELD_REQUIRED = 1,
	FIELD_OWN = 2,	     /* the text is a copy, normalized if its type knows how */
	FIELD_MAY_EMPTY = 4, /* the text may be empty, whatever its type says */
	FIELD_NOT_EMPTY = 8, /* the list must have an item */
	FIELD_OR_ONE = 16,   /* the list may be written as its one item */
	FIELD_SET = 32,	   /* the list is sorted; of texts repetitions go, of objects none may be */
	FIELD_STORED = 64, /* a key of stored values only, unknown in files */
	FIELD_LATER = 128, /* checked, and then refused: not supported yet */
	FIELD_IN_KEY = 256, /* no member: a part of the key, or made of other values */
	FIELD_SHARED = 512, /* fields_pack leaves it: somebody else keeps it for packed objects */
	FIELD_NULL = 1024,  /* null is allowed, and changes nothing but what FIELD_SAID is told */
	FIELD_BRIEF = 2048, /* the list is written only where it is not empty */
	FIELD_MAP = 4096,   /* OTHER with fields: it is always a map of those */
};

/* Writes an object's members that a row stands for, without commas around them, or nothing. */
typedef void field_write_fn(const void *object, struct buf *json);

/* Reads a FIELD_OTHER into what is at place.  The errors do not name the key. */
typedef int field_read_fn(const struct node *node, void *place, struct mf_err *err);

struct field {
	const char *key;
	enum field_kind kind;
	unsigned flags;
	size_t offset, size; /* FIELD_AT; size 0: checked, but not kept */
	const char *alias;   /* another word for the key */
	const char *noun;    /* the key's word in errors, where it is not the key */
	const char *preset;  /* the default, as it would be written; lists: joined by spaces */
	int64_t min, max;    /* INT, DURATION: range; TEXT: bytes; LIST: items; max 0: any */
	const struct value_type *type;	 /* NAME; TEXT: NULL is any text */
	const char *const *words;	 /* WORD: NULL at the end */
	const struct field *item;	 /* LIST: the row of every item, whose offset is 0 */
	size_t count_offset, count_size; /* LIST: FIELD_COUNT */
	size_t said_offset, said_size;	 /* FIELD_SAID; size 0: nobody asks */
	const struct fields *fields;	 /* OBJECT; OTHER, for documentation: its form as a map */
	field_read_fn *read;		 /* OTHER; NAME, TEXT with fields: of its form as a map */
	/* NULL: as its kind says; OTHER: it is not written.  Of a list's item: its value. */
	field_write_fn *write;
	const char *not_with; /* the key that excludes this one */
	const char *needs;    /* the key without which this one makes no sense */
	const char *schema;   /* OTHER: members of its JSON Schema */
	const char *doc;      /* what it means; `literals`, <placeholders>.  NULL: of no interest */
};

/* Where the value goes: `{"port", FIELD_INT, FIELD_AT(struct instance, port), ...}`. */
#define FIELD_AT(object, member)                                                                   \
	.offset = offsetof(object, member), .size = sizeof(((object *)0)->member)
#define FIELD_COUNT(object, member)                                                                \
	.count_offset = offsetof(object, member), .count_size = sizeof(((object *)0)->member)

/*
 * Where it is kept whether the key was there at all: a uint8_t member, of enum field_said.  Such a
 * value is written as it was: not at all, or as null.
 */
#define FIELD_SAID(object, member)                                                                 \
	.said_offset = offsetof(object, member), .said_size = sizeof(((object *)0)->member)
enum field_said { FIELD_IS_UNSAID, FIELD_IS_SAID, FIELD_IS_NULL };

struct fields {
	const struct field *rows;
	size_t count;
	/*
	 * The object's noun: its first row is then its name, which all errors about it have before
	 * them: `service search: ...`.
	 */
	const char *noun;
	const char *section;  /* or what stands before its keys in errors: `haproxy.bind: ...` */
	const char *expected; /* where it is no map: "a map with name and services" */
	bool is_bare;	      /* the name alone is enough */
	bool is_open;	      /* further keys are for others, and ignored */
	/* What no single row can say, once all is read; errors as they are to be said. */
	int (*finish)(const struct node *node, void *object, struct mf_err *err);
};

#define FIELDS_ROWS(array) .rows = (array), .count = sizeof(array) / sizeof((array)[0])

/*
 * Read into an object that is preset, or zero.  Keys that are not there change nothing.  The object
 * is to be freed also when it fails.  stored: it is a stored value, not a file.  MF_EDATA.
 */
int fields_read(const struct fields *fields, const struct node *node, void *object, bool stored,
		struct mf_err *err);

/*
 * One value as a person typed it on a command line or in a label; of a list one more item.
 * MF_EDATA: `weight: "257": must be ...`.  The key must be one of the table's.
 */
int fields_set(const struct fields *fields, const char *key, const char *text, void *object,
	       struct mf_err *err);

/* The defaults, in an object that is zero. */
void fields_preset(const struct fields *fields, void *object);

/* Frees lists and owned texts; not what FIELD_OTHER made. */
void fields_fini(const struct fields *fields, void *object);

/* Lists and owned texts go to the other object, in the place of what it had, if they are there. */
void fields_move(const struct fields *fields, void *from, void *to);

/* FIELD_INT, FIELD_BOOL and FIELD_DURATION: they are always there. */
void fields_copy_numbers(const struct fields *fields, const void *from, void *to);

/* A copy in one block with all its counted lists and texts: free(3) frees it. */
void *fields_pack(const struct fields *fields, const void *object, size_t size);

/* Canonical JSON, without white space: all that is there, but for FIELD_OTHER, in order. */
void fields_format(const struct fields *fields, const void *object, bool stored,
		   struct buf *ret_json);

/*
 * A stored value's object with the parts of its key, which are the rows with FIELD_IN_KEY: checked,
 * and borrowed by the object.  Errors: `NOUN: KEY: "value": why`.
 */
int fields_read_key(const struct fields *fields, const char *noun, const char *const parts[],
		    void *object, struct mf_err *err);
/*
 * The same, preset, with the keys of its value, a JSON object: packed as fields_pack does it.  The
 * draft is zero, but for what no row is about.  Errors of the value: `NOUN part/part: ...`.
 */
int fields_parse_key(const struct fields *fields, const char *noun, const char *const parts[],
		     const char *value, size_t len, void *draft, size_t size, void **ret_object,
		     struct mf_err *err);

/* Of single rows, for those who walk a table. */
void *field_place(const struct field *field, const void *object);
bool field_owns_text(const struct field *field);
bool field_is_hidden(const struct field *field, bool stored);	   /* no key of such an object */
void field_put_number(void *place, size_t size, int64_t n);	   /* an integer, enum or bool */
size_t field_count(const struct field *field, const void *object); /* of a list's items */
void field_add_duration(struct buf *b, int64_t ms); /* "10ms", "1d": the largest unit */
void field_put_count(const struct field *field, void *object, size_t count);
void field_put_said(const struct field *field, void *object, enum field_said said);

#endif
