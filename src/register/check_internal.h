/*
 * Shared by the files that make a check_spec, and nobody else's.
 */
#ifndef MF_REGISTER_CHECK_INTERNAL_H
#define MF_REGISTER_CHECK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct mf_err;

/* MF_EDATA: `"value": why`. */
int check_spec_refuse(const char *value, struct mf_err *err, const char *why);

/* Lists with NULL at the end; NULL is an empty one. */
size_t check_strings_count(char *const *strings);
void check_strings_add(char ***strings, const char *s, size_t len);

#endif
