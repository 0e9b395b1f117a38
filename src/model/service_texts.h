/*
 * What environments say of a service, by its JSON: hundreds of environments say the same, and what
 * was read once is not read again.  One pool for the process, which has one thread; it is bounded.
 */
#ifndef MF_MODEL_SERVICE_TEXTS_H
#define MF_MODEL_SERVICE_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

struct env_service;
struct scan;

/*
 * The list of services that begins there, `[{"name":...},...]`, in order of the names: an array to
 * be freed, in which all is borrowed until the next call; scan is behind it then.  False: it is to
 * be read by somebody who says what is wrong with it, if anything is.
 */
bool service_texts_read(struct scan *scan, struct env_service **ret_services, size_t *ret_count);

#endif
