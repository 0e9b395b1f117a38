/*
 * The part of the outputs' view (output_view.c says what is in it) that is the model's: its
 * environments and its backends with their servers.
 */
#ifndef MF_RENDER_OUTPUT_VIEW_MODEL_H
#define MF_RENDER_OUTPUT_VIEW_MODEL_H

#include <stdbool.h>

#include "render/view.h"

struct backend;

/* Of arrays of pointers to struct env, and to struct backend. */
extern const struct view_list_class output_envs, output_backends;

const char *output_backend_check(const struct backend *backend); /* "" none */
/* Whether its service has a fixed address that is a host name. */
bool output_backend_has_host_name(const struct backend *backend);

#endif
