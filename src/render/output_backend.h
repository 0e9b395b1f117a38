/*
 * Backends in the view that templates of outputs see; src/render/output_view.c says what members
 * they have there.
 */
#ifndef MF_RENDER_OUTPUT_BACKEND_H
#define MF_RENDER_OUTPUT_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

struct backend;
struct view;

/* The view is a list of them, which are borrowed. */
void output_backend_set_list(struct view *ret_view, struct backend *const *backends, size_t count);

/* Whether HAProxy asks a name server for a server's address. */
bool output_backend_has_host_name(const struct backend *backend);
/* Which servers were dead, and which addresses host names had: whether there is any of these. */
bool output_backend_has_state(const struct backend *backend);

#endif
