/*
 * A piece of somebody else's text: a line of a file, a word of it, a name.  Nothing is copied.
 */
#ifndef MF_BASE_SPAN_H
#define MF_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *at; /* need not be terminated; NULL: there is none */
	size_t len;
};

struct span span_of(const char *s); /* NULL gives none */
int span_compare(struct span a, struct span b);
bool span_is(struct span s, const char *word);
/* Without white space around it: spaces, tabs, and ends of lines. */
struct span span_trim(struct span s);
/* The next line of *rest, without spaces around it; false at the end. */
bool span_take_line(struct span *rest, struct span *ret_line);
/* The next word of *rest, a line or what is left of one; empty when there is none. */
struct span span_take_word(struct span *rest);
/* A decimal number without a sign, or leading zeros, of at most nine digits. */
bool span_parse_number(struct span s, unsigned *ret);

#endif
