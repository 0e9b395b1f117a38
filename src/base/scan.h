/*
 * Reading JSON's text (RFC 8259) from front to back, for those who make no tree of it.  What is
 * stepped over need not be good JSON; what is handed out is as it stands, with its escapes.
 */
#ifndef MF_BASE_SCAN_H
#define MF_BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan { /* the text is borrowed, and need not be terminated */
	const char *at, *end;
};

struct scan_span {
	const char *text;
	size_t len;
};

void scan_skip_blanks(struct scan *scan);
char scan_peek(struct scan *scan); /* what comes next but for blanks; NUL at the end */

/* Behind what is asked for, if that comes next but for blanks; else false. */
bool scan_take(struct scan *scan, char c); /* false: scan is at what comes instead */
bool scan_string(struct scan *scan, struct scan_span *ret); /* what is between the quotes */
bool scan_word(struct scan *scan, struct scan_span *ret);   /* a number, true, false or null */
bool scan_int(struct scan *scan, int64_t *ret);		    /* an int64, as a string or a number */
bool scan_skip(struct scan *scan, unsigned max_depth);	    /* any value */

/* An object: take_member is called with each name, and takes the value; false ends all. */
bool scan_object(struct scan *scan,
		 bool (*take_member)(void *ctx, struct scan *scan, const struct scan_span *name),
		 void *ctx);

bool scan_is(const struct scan_span *span, const char *text);

#endif
