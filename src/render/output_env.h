/*
 * Environments in the view that templates of outputs see; src/render/output_view.c says what
 * members they have there.
 */
#ifndef MF_RENDER_OUTPUT_ENV_H
#define MF_RENDER_OUTPUT_ENV_H

#include "render/view.h"

/* Of an array of pointers to struct env. */
extern const struct view_list_class output_env_list;

#endif
