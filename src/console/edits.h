/*
 * What people change by the page: who they are for etcd, and which commands of mayfly(1) they may
 * give.
 */
#ifndef MF_CONSOLE_EDITS_H
#define MF_CONSOLE_EDITS_H

#include <stdbool.h>

struct buf;
struct edits;
struct httpd;
struct loop;
struct settings;

/* is_private: nobody outside this host can reach it, so that console.allow_writes holds. */
struct edits *edits_new(struct loop *loop, struct httpd *httpd, const struct settings *settings,
			bool is_private);
void edits_free(struct edits *edits); /* NULL is fine */

/*
 * Inside the callback of httpd, for a path behind /api/v1/.  A httpd_fn's value, or EDITS_NONE: the
 * path is another's.
 */
#define EDITS_NONE (-2)
int edits_answer(struct edits *edits, const char *path, struct buf *ret_body,
		 const char **ret_type);

#endif
