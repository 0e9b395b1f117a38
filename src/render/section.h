/*
 * Sections of haproxy.cfg: where one begins, and what that of a service version says besides its
 * name and its servers.  Two versions of which it says the same are of one kind: an empty section
 * of that kind is as good for the one as for the other.
 */
#ifndef MF_RENDER_SECTION_H
#define MF_RENDER_SECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* A section kept in reserve is named by its kind and a number: "spare::<16 hex digits>.<n>". */
#define SECTION_SPARE "spare::"

struct section {
	struct span name; /* "": it has none */
	uint64_t kind;	  /* a hash of its lines but comments and servers ... */
	bool is_plain;	  /* ... of which there are none, but for default-server */
	bool is_static;	  /* its way to choose among servers takes none while HAProxy runs */
};

/* Whether a line's first word opens a section. */
bool section_opens(struct span word);
/* A new section, from the rest of the line that opens it; and one line more of it. */
void section_begin(struct section *section, struct span rest);
void section_add_line(struct section *section, struct span line);

/* Each `backend` of a configuration.  The name points into the text. */
typedef void section_fn(void *ctx, const struct section *section);
void section_walk_backends(struct span config, section_fn *on_backend, void *ctx);

/*
 * What the servers of a backend are to be given at run time: the words of `default-server`, which
 * HAProxy does not give them, and those of their own line, but for name, address and weight.
 */
struct section_options {
	char words[512];
	bool has_check;
	char unknown[64]; /* the first that only a reload can give them; "": none */
};

/* As the first server of that backend has them. */
void section_find_options(struct span config, struct span backend,
			  struct section_options *ret_options);

/* Whether a backend of this name is kept in reserve, and of which kind it is. */
bool section_is_spare(struct span name, uint64_t *ret_kind);

#endif
