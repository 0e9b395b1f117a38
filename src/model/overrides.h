/*
 * Which overrides there are, and what environments come to with them.
 *
 * One is in force while its version has an instance that takes traffic (up, with a weight) and its
 * environment is there.  Then the environment's service has that version with the environment's own
 * routes; a service that the environment has not is added without any.  Else the environment's own
 * choice holds, and is the fallback of the override's version, so that whatever is missing, and in
 * whatever order keys come, breaks nothing.
 */
#ifndef MF_MODEL_OVERRIDES_H
#define MF_MODEL_OVERRIDES_H

#include <stdbool.h>
#include <stddef.h>

struct env;
struct override;
struct overrides;
struct versions;

struct overrides *overrides_new(void);
void overrides_free(struct overrides *overrides);

void overrides_add(struct overrides *overrides, const struct override *override); /* borrowed */
void overrides_del(struct overrides *overrides, const struct override *override);

/* One is to be resolved anew in any case. */
void overrides_touch(struct overrides *overrides, const char *env);

/* Something has changed that these depend on. */
void overrides_touch_env(struct overrides *overrides, const char *env);
void overrides_touch_version(struct overrides *overrides, const char *service, const char *version);
void overrides_touch_service(struct overrides *overrides, const char *service);

/* One of the environments touched, handed over, to be resolved anew; NULL: there are no more. */
char *overrides_take_touched(struct overrides *overrides);

/* Whether one of an environment's is in force. */
bool overrides_has_live(const struct overrides *overrides, const struct versions *versions,
			const char *env);

/*
 * A reference to own, or to the environment that it comes to.  ret_left_out: so many services could
 * not be added, as it would have more than ENV_MAX_SERVICES.
 */
struct env *overrides_resolve(const struct overrides *overrides, const struct versions *versions,
			      struct env *own, size_t *ret_left_out);

#endif
