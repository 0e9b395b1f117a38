/*
 * Shared by the files that make a check_spec, and nobody else's.
 */
#ifndef MF_REGISTER_CHECK_INTERNAL_H
#define MF_REGISTER_CHECK_INTERNAL_H

struct mf_err;

/* MF_EDATA: `"value": why`. */
int check_spec_refuse(const char *value, struct mf_err *err, const char *why);

#endif
