/*
 * What environments say of a service in the same way, kept once: its name and its routes.  Hundreds
 * of environments differ in versions only.  One pool for the process, which has one thread.
 */
#ifndef MF_MODEL_INTERNED_H
#define MF_MODEL_INTERNED_H

struct env_service;

/* Put the pool's own name and routes in the place of equal ones, which are not needed any more. */
void interned_take(struct env_service *service);
/* They are not used any more; what nobody uses is freed. */
void interned_drop(const struct env_service *service);

#endif
