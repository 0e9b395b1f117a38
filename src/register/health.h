/*
 * The checks of one endpoint, taken together: up when all pass, down when one fails.
 */
#ifndef MF_REGISTER_HEALTH_H
#define MF_REGISTER_HEALTH_H

#include <stddef.h>

struct check_spec;
struct check_target;
struct health;
struct loop;

enum health_verdict { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };

/*
 * on_change: the verdict or its reason is another, never from inside.  With no checks it is up.
 * All is copied.
 */
struct health *health_start(struct loop *loop, struct check_spec *const *specs, size_t count,
			    const struct check_target *target, void (*on_change)(void *ctx),
			    void *ctx);
enum health_verdict health_verdict(const struct health *health);
/* Down: the reason of the first that fails; else NULL.  Borrowed until the next change. */
const char *health_why(const struct health *health);
void health_stop(struct health *health); /* NULL is fine */

#endif
