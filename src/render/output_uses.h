/* The part of the view of outputs that says which names are in use (model/uses.h). */
#ifndef MF_RENDER_OUTPUT_USES_H
#define MF_RENDER_OUTPUT_USES_H

#include <stdbool.h>
#include <stddef.h>

struct uses;
struct view;

/* As a struct view_class has it (render/view.h). */
bool output_uses_get(const struct uses *uses, const char *name, size_t len, struct view *v);
const char *output_uses_name(size_t i);

#endif
