/*
 * The files of the page, as they were when the program was built (the Makefile makes the table from
 * src/console/page/).
 */
#ifndef MF_CONSOLE_PAGE_H
#define MF_CONSOLE_PAGE_H

#include <stddef.h>

struct page_file {
	const char *name; /* "main.js"; NULL ends the table */
	const char *text;
	size_t len;
};

extern const struct page_file page_files[];

#endif
