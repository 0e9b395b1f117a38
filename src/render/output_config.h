/*
 * Settings of applications in the view that templates of outputs see: an object for each scope,
 * with its settings.
 */
#ifndef MF_RENDER_OUTPUT_CONFIG_H
#define MF_RENDER_OUTPUT_CONFIG_H

struct shared_list;
struct view;

/* The list is borrowed; NULL: no settings, and no object. */
void output_config_set(struct view *ret_view, const struct shared_list *config);

#endif
