/*
 * A version in the place of the one that an environment names, for as long as somebody holds it.
 * Immutable once parsed, shared by counting references.
 */
#ifndef MF_MODEL_OVERRIDE_H
#define MF_MODEL_OVERRIDE_H

#include <stddef.h>

struct buf;
struct mf_err;

#define OVERRIDE_MAX_HOLDER 255 /* bytes */

struct override {
	unsigned refs;
	const char *env, *service;
	const char *version;
	const char *holder;   /* who has it, for people: "anna@laptop"; "" when nobody says */
	const char *instance; /* the id of the holder's; "" */
};

/*
 * /mayfly/overrides/<env>/<service>: a JSON object with version; holder and instance (optional, at
 * most OVERRIDE_MAX_HOLDER bytes without control characters); further members are kept for others
 * and ignored here.  Errors: `override pr-42/search: …`.
 */
int override_parse(const char *env, const char *service, const char *value, size_t len,
		   struct override **ret_override, struct mf_err *err);
struct override *override_ref(struct override *override);
void override_unref(struct override *override); /* NULL is fine */

/* The value to put. */
void override_format(const struct override *override, struct buf *ret_value);

#endif
