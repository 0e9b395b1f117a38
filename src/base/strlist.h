/*
 * A list of strings with NULL at its end, such as an argv: `char **`.  The list and its strings are
 * owned together; NULL is an empty list everywhere.
 */
#ifndef MF_BASE_STRLIST_H
#define MF_BASE_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

size_t strlist_count(char *const *list);
void strlist_add(char ***list, const char *s);
void strlist_add_bytes(char ***list, const char *s, size_t len); /* a string of these bytes */
char **strlist_dup(char *const *list);
bool strlist_is_equal(char *const *a, char *const *b);
void strlist_free(char **list);

/* What is between the separators, empty strings too; "" gives an empty list.  Never NULL. */
char **strlist_split(const char *text, char separator);

#endif
