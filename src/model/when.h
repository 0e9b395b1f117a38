/*
 * Conditions for versions of a service: the first one in a list that a request satisfies says which
 * version it gets, before any share of the requests is counted.  A condition asks for values of
 * headers, of query parameters and of cookies, and for methods, and all of it must hold.
 *
 * HAProxy finds it by sets of conditions as bits, of which the lowest is the first: for each name
 * that is asked for, the set of those which a value satisfies or which do not ask.  Of all names
 * together is left what a request satisfies.
 */
#ifndef MF_MODEL_WHEN_H
#define MF_MODEL_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct mf_err;
struct node;

#define WHEN_MAX	8   /* conditions in a list, and names in a condition */
#define WHEN_VALUE_MAX	256 /* bytes */
#define WHEN_ANY_METHOD 0

enum when_kind { WHEN_HEADER, WHEN_QUERY, WHEN_COOKIE, WHEN_KINDS };
extern const char *const when_kind_words[WHEN_KINDS + 1]; /* NULL at the end */

struct when_value {
	enum when_kind kind;
	char *name; /* of headers in lower case */
	char *value;
};

struct when_condition {
	struct when_value *values; /* by kind, then name */
	size_t value_count;
	unsigned methods; /* as of routes (model/route.h); WHEN_ANY_METHOD */
	char *version;
};

/* An entry of the map of choices, behind the choice in its key. */
struct when_entry {
	char *key;
	unsigned set;	     /* of conditions; of one with a version: itself; or how many names */
	const char *version; /* NULL: the value is the set */
};

struct when {
	unsigned refs;
	struct when_condition conditions[WHEN_MAX];
	size_t count;
	struct when_entry *entries;
	size_t entry_count;
	char *text; /* canonical: a JSON list */
};

/* MF_EDATA. */
int when_read(const struct node *node, struct when **ret_when, struct mf_err *err);
struct when *when_ref(struct when *when);
void when_unref(struct when *when); /* NULL is fine */

/* Whether a name may be asked for; also: what a header by which requests are sticky is called. */
int when_check_name(enum when_kind kind, const struct node *at, const char *name,
		    struct mf_err *err);
char *when_make_name(enum when_kind kind, const char *name); /* handed over */

/* `[header.x-canary=yes,GET]` one word; for people. */
void when_add_word(const struct when_condition *condition, struct buf *ret_word);

/* The members of the JSON Schema of a list. */
extern const char when_schema[];

#endif
