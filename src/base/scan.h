/*
 * Reading JSON's text (RFC 8259) from front to back, for those who make no tree of it.
 */
#ifndef MF_BASE_SCAN_H
#define MF_BASE_SCAN_H

#include <stdbool.h>

struct scan { /* the text is borrowed, and need not be terminated */
	const char *at, *end;
};

void scan_skip_blanks(struct scan *scan);

/* Behind this character, if it is what comes next but for blanks; else at it. */
bool scan_take(struct scan *scan, char c);

#endif
