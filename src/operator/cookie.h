/*
 * Values of the cookies of a request, as HAProxy reads them (req.cook): a header line may have
 * several, with `;` or `,` between them, each with blanks around its name and its value.
 */
#ifndef MF_OPERATOR_COOKIE_H
#define MF_OPERATOR_COOKIE_H

/* Headers are "name: value", NULL at the end; NULL: none.  Each is to be freed; NULL: no such. */
char *cookie_find_first(char *const *headers, const char *name);
char *cookie_find_last(char *const *headers, const char *name);

#endif
