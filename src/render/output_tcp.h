/*
 * The ports on which HAProxy listens for services that speak no HTTP, as templates of outputs see
 * them; src/render/output_view.c says what members they have there.
 */
#ifndef MF_RENDER_OUTPUT_TCP_H
#define MF_RENDER_OUTPUT_TCP_H

#include <stddef.h>

struct places;
struct settings;
struct snapshot;
struct tcp;
struct view;

/*
 * By service; of two services that want the same port the first by name has it.  HAProxy listens on
 * it at the addresses where calls between services come in, if there are any.  NULL: none.  The
 * services are borrowed from the snapshot.
 */
struct tcp *output_tcp_new(const struct snapshot *snapshot, const struct settings *settings,
			   const struct places *places, size_t *ret_count);
void output_tcp_free(struct tcp *list, size_t count);

/* The view is a list of them, which are borrowed. */
void output_tcp_set_list(struct view *ret_view, const struct tcp *list, size_t count);

#endif
