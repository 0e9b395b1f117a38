/* The part of the view of outputs that says what the settings say. */
#ifndef MF_RENDER_OUTPUT_SETTINGS_H
#define MF_RENDER_OUTPUT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct settings;
struct view;

/* As a struct view_class has it (render/view.h); what it sets is borrowed from the settings. */
bool output_settings_get(const struct settings *settings, const char *name, size_t len,
			 struct view *v);
const char *output_settings_name(size_t i);
extern const size_t output_settings_count; /* of the names */

/* Whether they say who may come in where an environment does not. */
bool output_settings_has_access(const struct settings *settings);

#endif
