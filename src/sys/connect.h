/*
 * Asks whether somebody takes a TCP connection at an address.  Nothing is sent, and the connection
 * is reset, so that no local port stays in use.
 */
#ifndef MF_SYS_CONNECT_H
#define MF_SYS_CONNECT_H

#include <stdbool.h>

struct connect;
struct loop;

/* Once, never from inside connect_start; then the question is over.  error: an errno; 0: yes. */
typedef void connect_fn(void *ctx, int error);

/*
 * host: numeric, without brackets.  0, or the errno of a connection that cannot be begun; then
 * there is no question.
 */
int connect_start(struct loop *loop, const char *host, unsigned port, connect_fn *on_done,
		  void *ctx, struct connect **ret_connect);
void connect_cancel(struct connect *connect); /* NULL is fine */

/* Whether the error says nothing of who was asked: no descriptors, memory, ports. */
bool connect_is_our_fault(int error);

#endif
