/*
 * A program's own error message, made fit for one line of a report.
 */
#ifndef MF_APPLY_COMPLAINT_H
#define MF_APPLY_COMPLAINT_H

#include <stddef.h>

struct buf;

/*
 * What a checker complained of, from all that it wrote: the alerts, where it writes as HAProxy does
 * (management guide, section 3), else the last lines.  Joined by "; ", control bytes escaped, cut
 * at COMPLAINT_MAX.  Every occurrence of hide is written as show (the staged path as the real one);
 * hide may be NULL.
 */
enum { COMPLAINT_MAX = 700 };
void complaint_add(struct buf *ret_message, const char *text, size_t len, const char *hide,
		   const char *show);

#endif
