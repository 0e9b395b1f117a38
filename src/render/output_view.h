/* What the renderer of outputs tells the view beyond output.h: which file is being written. */
#ifndef MF_RENDER_OUTPUT_VIEW_H
#define MF_RENDER_OUTPUT_VIEW_H

#include <stdbool.h>

#include "render/routing.h"

struct output_view;
struct places;
struct snapshot;

/* `entries` is this map from now on; ROUTING_MAP_COUNT: no map. */
void output_view_set_map(struct output_view *view, enum routing_map map);
/* The maps are with what was a moment ago from now on: as routing_new_with.  Borrowed. */
void output_view_set_past(struct output_view *view, const struct routing_past *past);
void output_view_set_fingerprint(struct output_view *view, const char *fingerprint);

/* As if no request were asked for anything (model/uses.h). */
void output_view_hide_uses(struct output_view *view, bool is_hidden);

/* Where environments have places (model/places.h), NULL: nowhere; and in a view of a part of them.
 */
const struct places *output_view_places(const struct output_view *view);
void output_view_share_places(struct output_view *view, const struct places *places);

/* Whether there is a `server_state`. */
bool output_view_has_server_state(const struct output_view *view);

/* All but the maps is that of another snapshot from now on; returns the one before.  Borrowed. */
const struct snapshot *output_view_set_snapshot(struct output_view *view,
						const struct snapshot *snapshot);

#endif
