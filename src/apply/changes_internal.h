/* What the modules of changes share: pieces of text, and adding steps. */
#ifndef MF_APPLY_CHANGES_INTERNAL_H
#define MF_APPLY_CHANGES_INTERNAL_H

#include "apply/changes.h"

int span_compare(struct change_span a, struct change_span b);
bool span_is(struct change_span s, const char *word);
/* The next line of *rest, without spaces around it; false at the end. */
bool span_take_line(struct change_span *rest, struct change_span *ret_line);
/* The next word of *rest; empty when there is none. */
struct change_span span_take_word(struct change_span *rest);

struct change *changes_add(struct changes *changes, enum change_kind kind, struct change_span in,
			   struct change_span name);

/* changes_config.c: haproxy.cfg.  pages: names of pages that differ, or "". */
void changes_compare_config(struct changes *changes, const struct changes_file *file,
			    const char *pages);

#endif
