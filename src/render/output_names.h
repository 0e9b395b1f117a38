/* Names of services by environment, as templates of outputs see them: address, service,
 * environment. */
#ifndef MF_RENDER_OUTPUT_NAMES_H
#define MF_RENDER_OUTPUT_NAMES_H

#include <stddef.h>

struct name_by_env;
struct places;
struct settings;
struct snapshot;
struct view;

/*
 * Of services with a place (model/places.h; NULL: there are none) the name leads there; of others
 * it leads where dnsmasq.address says, if dnsmasq.environments wants such names.  All borrowed.
 */
struct name_by_env *output_names_new(const struct snapshot *snapshot,
				     const struct settings *settings, const struct places *places,
				     size_t *ret_count);

/* The view is a list of them, which are borrowed. */
void output_names_set_list(struct view *ret_view, const struct name_by_env *list, size_t count);

#endif
