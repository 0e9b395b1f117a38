/*
 * One request over a Unix stream socket: connect, send all, read until the peer closes.  This is
 * how HAProxy's command line is spoken to (management guide, section 9.3).  The reply is collected,
 * or handed over as it comes.
 */
#ifndef MF_SYS_USOCK_H
#define MF_SYS_USOCK_H

#include <stddef.h>
#include <stdint.h>

struct loop;
struct mf_err;
struct usock;

/*
 * Called once, never from inside usock_start.  err is NULL when the peer closed in order; else
 * MF_EUNAVAIL (cannot connect, reset, closed before it took the whole request), MF_EPERM (may not
 * connect), MF_ETIMEOUT, MF_EDATA (more than max_reply).  err->msg names the path.  reply is
 * terminated, and holds what came so far also with an error.
 */
typedef void usock_done_fn(void *ctx, const char *reply, size_t len, const struct mf_err *err);

/* path, request: copied.  deadline_ms is for all of it; 0: 10 s. */
struct usock *usock_start(struct loop *loop, const char *path, const char *request, size_t len,
			  size_t max_reply, int64_t deadline_ms, usock_done_fn *on_done, void *ctx);
/*
 * The same for a reply without an end: on_data gets each piece, on_done an empty reply.  The
 * default deadline is for the request alone.  on_data may cancel.
 */
typedef void usock_data_fn(void *ctx, const char *bytes, size_t len);
struct usock *usock_follow(struct loop *loop, const char *path, const char *request, size_t len,
			   usock_data_fn *on_data, usock_done_fn *on_done, void *ctx);
/*
 * For a request whose rest depends on the reply to its beginning: on_more hears what has come
 * whenever more of the reply has, until it is NULL again; usock_send, from there only, says more.
 */
typedef void usock_more_fn(void *ctx, const char *reply, size_t len);
void usock_on_more(struct usock *usock, usock_more_fn *on_more);
void usock_send(struct usock *usock, const char *text, size_t len);
/* In on_done only: the reply, to be freed by the caller; it may be large. */
char *usock_take_reply(struct usock *usock);
void usock_cancel(struct usock *usock); /* on_done is not called; NULL is fine */

#endif
