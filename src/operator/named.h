/*
 * Names that a person typed, against those that there are: the nearest one is offered.
 */
#ifndef MF_OPERATOR_NAMED_H
#define MF_OPERATOR_NAMED_H

#include <stddef.h>

struct mf_err;
struct snapshot;
struct strmap;

/* MF_ENOINPUT: kind "NAME": there is none, and which was probably meant. */
int named_refuse(const char *kind, const char *name, const char *const *known, size_t count,
		 struct mf_err *err);
/* The same, known being the keys of a map. */
int named_refuse_key(const char *kind, const char *name, const struct strmap *known,
		     struct mf_err *err);

/* 0 when there is one. */
int named_check_service(const struct snapshot *snapshot, const char *name, struct mf_err *err);
int named_check_version(const struct snapshot *snapshot, const char *service, const char *version,
			struct mf_err *err);

#endif
