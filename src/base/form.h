/*
 * What stands behind the '?' of a URL, as forms send it: names and values with escapes.
 */
#ifndef MF_BASE_FORM_H
#define MF_BASE_FORM_H

#include <stddef.h>

struct buf;

/* Escapes decoded; one that is none stays as it is. */
void form_add_decoded(struct buf *text, const char *bytes, size_t len); /* '+' is a space */
void form_add_decoded_path(struct buf *text, const char *bytes, size_t len);

/*
 * The values that a name has in a query such as "a=b&c=d%20e", decoded, as a list of strings with
 * NULL at the end, of at most max; to be freed by strlist_free.  The name is compared as it stands.
 */
char **form_find_all(const char *query, const char *name, size_t max);
/* The first one; NULL: there is none.  To be freed. */
char *form_find(const char *query, const char *name);

#endif
