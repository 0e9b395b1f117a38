/*
 * The seam between loop.c and http.c, and nobody else's: the loop runs libcurl's multi handle, the
 * transfers on it are http.c's.
 */
#ifndef MF_SYS_LOOP_CURL_H
#define MF_SYS_LOOP_CURL_H

#include <stdbool.h>
#include <sys/queue.h>

#include <curl/curl.h>

struct loop;

/* Embedded in the owner's object; set the first four, the rest is the loop's. */
struct loop_transfer {
	CURL *easy;
	bool is_refused; /* not for libcurl: on_done comes in the next round */
	void (*on_done)(struct loop_transfer *transfer, CURLcode result);
	void (*on_free)(struct loop_transfer *transfer); /* off the multi handle: free it all */

	LIST_ENTRY(loop_transfer) link;
	struct loop *loop;
	bool has_had;	/* something in this round */
	bool is_paused; /* until the next round */
	enum {
		TRANSFER_NEW,
		TRANSFER_RUNNING,
		TRANSFER_DEAD /* its callbacks hear no more */
	} phase;
};

/*
 * Both may be called at any time, also inside libcurl's callbacks: the multi handle is changed
 * after them.  After loop_transfer_del on_done is not called, and on_free once.
 */
void loop_transfer_add(struct loop *loop, struct loop_transfer *transfer);
void loop_transfer_del(struct loop_transfer *transfer);

/*
 * For a callback that writes: whether it is to return CURL_WRITEFUNC_PAUSE, as others have their
 * turn first.  True when the round has gone on for long and the transfer has been given something
 * in it; what it has not taken is given to it in the next one.
 */
bool loop_transfer_pauses(struct loop_transfer *transfer);

#endif
