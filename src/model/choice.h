/*
 * What an environment chooses of a service beyond one version: shares of its requests; or shares of
 * its visitors among environments, which is said here in the words of versions.  Immutable once
 * read, shared by counting references; environments that say the same need not share it.
 *
 * A request has a number of 0 to 99.  The shares are ranges of it in the order written, so that a
 * change of them moves no more requests than it must.  A version whose instances are all gone has
 * its own range shared out among the others by their percents; if the one that a request then comes
 * to has none, either, the next ones are asked, in order and round.
 */
#ifndef MF_MODEL_CHOICE_H
#define MF_MODEL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/name.h"
#include "model/when.h"

struct buf;
struct mf_err;
struct node;

#define CHOICE_MAX_VERSIONS 8
#define CHOICE_NUMBERS	    100

/* What a request has its number by: at random, or the same one each time. */
enum choice_sticky {
	CHOICE_RANDOM,
	CHOICE_COOKIE, /* the visitor's, whom a cookie gives one */
	CHOICE_SOURCE, /* a hash of the address */
	CHOICE_HEADER, /* a hash of the value of a header, where the request has it */
};

struct choice_share {
	char *version;
	uint8_t percent;
};

/* Which numbers mean which version: those that begin with the digits, which have `1` before them so
 * that each has three ("107").  Of several the longest counts; "" is that of the next one to ask.
 */
struct choice_range {
	char digits[4];
	uint8_t gone;	 /* for requests that this share has no instance for; CHOICE_NOT_GONE */
	uint8_t version; /* an index of the shares */
};
#define CHOICE_NOT_GONE UINT8_MAX

struct choice {
	unsigned refs;
	struct choice_share shares[CHOICE_MAX_VERSIONS]; /* in order */
	size_t share_count;
	enum choice_sticky sticky;
	char *header;		      /* of CHOICE_HEADER, in lower case; else NULL */
	struct when *when;	      /* what counts before the shares; NULL: nothing */
	const char *others[WHEN_MAX]; /* versions that only these conditions name, each once */
	size_t other_count;
	struct choice_range *ranges;
	size_t range_count;
	char *text; /* canonical: a JSON object, `{"1":90,"2":10}` */
};

/* A map of names, NAME_VERSION or NAME_ENVIRONMENT, to percents.  One reference.  MF_EDATA. */
int choice_read(const struct node *node, enum name_kind kind, struct choice **ret_choice,
		struct mf_err *err);
/* One version has all requests, but for those that conditions give to others. */
struct choice *choice_new(const char *version);
/* Takes the conditions over. */
void choice_set_when(struct choice *choice, struct when *when);
/* The conditions, and what it is sticky by, are those of the other one, too. */
void choice_take_over(struct choice *choice, const struct choice *from);

/* What it is sticky by: a word, or a map of header to a name.  From the word of first on.  MF_EDATA
 */
int choice_read_sticky(const struct node *node, enum choice_sticky first, struct choice *choice,
		       struct mf_err *err);
const char *choice_sticky_word(const struct choice *choice); /* "header", without its name */
/* The same as JSON. */
void choice_add_sticky(const struct choice *choice, struct buf *json);
/* Whether two, of which each may be NULL, say the same. */
bool choice_is_same(const struct choice *a, const struct choice *b);

struct choice *choice_ref(struct choice *choice); /* NULL is fine, also below */
void choice_unref(struct choice *choice);

/* Of the largest share, the first of them: what counts where only one version can. */
const char *choice_main_version(const struct choice *choice);

/* `1.4=90%,1.5-rc1=10%,sticky=cookie`, one word. */
void choice_add_word(const struct choice *choice, struct buf *ret_word);

#endif
