/* What the modules of changes share: adding operations, and haproxy.cfg. */
#ifndef MF_APPLY_CHANGES_INTERNAL_H
#define MF_APPLY_CHANGES_INTERNAL_H

#include "apply/changes.h"

struct op *changes_add(struct changes *changes, const struct op *op);

/* changes_config.c: haproxy.cfg.  pages: names of pages that differ, or "". */
void changes_compare_config(struct changes *changes, const struct changes_file *file,
			    const char *pages);
void changes_free_config(struct config *config); /* NULL is fine */

#endif
