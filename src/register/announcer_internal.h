/*
 * An announcement of the announcer's own: a copy of what was wanted, and what it comes to.
 */
#ifndef MF_REGISTER_ANNOUNCER_INTERNAL_H
#define MF_REGISTER_ANNOUNCER_INTERNAL_H

#include "register/announcer.h"

struct buf;

/* Deep copies; the checks' specs too.  To be freed with announcement_fini. */
void announcement_copy(struct announcement *copy, const struct announcement *from);
void announcement_fini(struct announcement *copy);

/* The names, the address, tags and attributes.  MF_EDATA. */
int announcement_check(const struct announcement *announcement, struct mf_err *err);

/* `<prefix>/backends/<service>/<version>/<id>`; handed over.  MF_EDATA: id. */
int announcement_make_key(const struct announcement *announcement, const struct settings *settings,
			  char **ret_key, struct mf_err *err);
void announcement_format(const struct announcement *announcement, enum instance_state state,
			 struct buf *ret_value);

#endif
