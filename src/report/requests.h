/*
 * The requests of this node's HAProxy for `mayfly tap` and `mayfly top` elsewhere: read as long as
 * somebody asks for them, and kept for a moment.
 */
#ifndef MF_REPORT_REQUESTS_H
#define MF_REPORT_REQUESTS_H

#include "base/span.h"

struct buf;
struct loop;
struct requests;

struct requests *requests_new(struct loop *loop, const char *admin_socket);
void requests_free(struct requests *requests); /* NULL is fine */

/*
 * What came behind the line of that number, a decimal; "" or an unknown one: nothing yet.  A first
 * line has the number to ask for next, and how many are missing; the lines of HAProxy's ring
 * follow. 200; or 503, with a reason: HAProxy gives none.
 */
int requests_answer(struct requests *requests, const char *after, struct buf *ret_body);

#endif
