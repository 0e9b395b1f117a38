/*
 * The event loop: one thread, one curl_multi_poll, sources and timers.
 *
 * Callbacks run one at a time.  Any of them may add and remove sources and timers, its own
 * included: a removed one is marked, never called again, and its descriptor is closed after the
 * dispatch.  Time is CLOCK_MONOTONIC in milliseconds.
 *
 * The same holds for whatever is built on a loop: its _stop or _free may be called at any time,
 * also from inside its own callback.  From then on the object is deaf and calls nobody; its memory,
 * to which the callers on the stack may still return, goes after the dispatch, by loop_defer.
 *
 * loop_free frees the sources, timers and HTTP requests that are still there, unheard; whatever
 * else lives on a loop (children, watches, sockets) must be stopped before.  SIGPIPE is ignored
 * from the first loop_new on.
 */
#ifndef MF_SYS_LOOP_H
#define MF_SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct mf_err;
struct loop;
struct loop_source;
struct loop_timer;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

int loop_new(struct loop **ret_loop, struct mf_err *err);
void loop_free(struct loop *loop); /* NULL is fine; see above */

/*
 * Dispatch until loop_stop (one called before counts).  0, or negative if the kernel or libcurl
 * refuses to wait.  Inside a callback it dispatches the others; what is freed there goes after the
 * outermost dispatch.
 */
int loop_run(struct loop *loop, struct mf_err *err);
void loop_stop(struct loop *loop);

/* Free an object after the dispatch; at once when there is none.  In the order of the calls. */
void loop_defer(struct loop *loop, void (*free_object)(void *object), void *object);

/*
 * The longest time, in microseconds, for which the loop did not listen: from the return of one wait
 * to the next.  resets: the next reading starts anew.
 */
int64_t loop_longest_us(struct loop *loop, bool resets);

int64_t loop_now(const struct loop *loop); /* a fresh reading */
int64_t loop_now_us(void);		   /* the same clock, for measuring, in microseconds */

/*
 * Watch a descriptor (NONBLOCK|CLOEXEC is the caller's doing).  The loop owns fd from here on.  A
 * hang-up or error is reported as LOOP_READ: read() == 0 is the end.
 */
typedef void loop_fd_fn(void *ctx, int fd, unsigned events);
struct loop_source *loop_add_fd(struct loop *loop, int fd, unsigned events, loop_fd_fn *on_ready,
				void *ctx);
void loop_set_events(struct loop_source *source, unsigned events);
void loop_del_fd(struct loop_source *source); /* NULL is fine; closes fd after the dispatch */

/* A one-shot timer; arming again moves it.  delay_ms <= 0: in the next round. */
typedef void loop_timer_fn(void *ctx);
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *on_time, void *ctx);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_clear(struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/*
 * Block a signal and hear of it by signalfd, until the loop goes (it stays blocked then).  Asked
 * for again, the later callback holds.  Children start with nothing blocked.
 */
typedef void loop_signal_fn(void *ctx, int signo);
int loop_add_signal(struct loop *loop, int signo, loop_signal_fn *on_signal, void *ctx,
		    struct mf_err *err);

#endif
