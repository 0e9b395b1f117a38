/*
 * The event loop.  A round is: hand libcurl the new transfers, let it work, report what it
 * completed, wait, call the ready sources, call the due timers, sweep.  What a callback removes
 * is marked and swept between rounds, so that no descriptor number is reused while events for the
 * old one are still in hand.  Knows nothing of what its callers do.
 */
#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/loop_curl.h"

enum {
	LOOP_WAIT_MS = 3600 * 1000, /* libcurl refuses a negative timeout */
	LOOP_MAX_CONNECTIONS = 32,  /* idle ones that libcurl keeps */
	LOOP_NEW_DESCRIPTORS = 64,  /* what is opened first is below that */
	LOOP_SLICE_US = 5000, /* so long transfers are heard, and those who pause not longer */
};

#define LOOP_MAX_DELAY_MS (INT64_C(10) * 365 * 24 * 3600 * 1000)

struct loop_source {
	TAILQ_ENTRY(loop_source) link;
	struct loop *loop;
	int fd;
	unsigned events;
	loop_fd_fn *on_ready; /* NULL: it is deleted */
	void *ctx;
};

enum timer_phase {
	TIMER_IDLE,
	TIMER_ARMED /* in the heap */,
	TIMER_DUE /* in the batch */,
	TIMER_DEAD
};

struct loop_timer {
	LIST_ENTRY(loop_timer) link;
	struct loop *loop;
	enum timer_phase phase;
	size_t heap_index;
	int64_t deadline_ns;
	uint64_t order; /* of two with the same deadline, the one armed first goes first */
	loop_timer_fn *on_time;
	void *ctx;
};

struct signal_handler {
	loop_signal_fn *on_signal;
	void *ctx;
};

struct deferred {
	void (*free_object)(void *object);
	void *object;
};

struct loop {
	bool is_stopped;
	unsigned depth;		/* of loop_run: 0 outside, 2 and more inside a callback */
	bool has_new_transfers; /* some to put on the multi handle */
	bool has_paused;	/* transfers */
	int64_t hearing_us;	/* when this round's transfers began */

	TAILQ_HEAD(loop_sources, loop_source) sources;
	size_t source_count;
	struct curl_waitfd *waits;	 /* what this round waits for, */
	struct loop_source **wait_owner; /* and whose each of them is */
	size_t wait_cap;

	LIST_HEAD(loop_timers, loop_timer) timers; /* all of them */
	struct loop_timer **heap;
	size_t heap_count, heap_cap;
	struct loop_timer **batch; /* due in this round */
	size_t batch_cap;
	uint64_t next_order;
	int64_t armed_ns; /* what timer_fd is set to; 0: nothing */

	int timer_fd;
	int signal_fd; /* -1: no signal asked for yet */
	sigset_t signals;
	struct signal_handler handlers[NSIG];

	struct deferred *deferred;
	size_t deferred_count, deferred_cap;

	int64_t listened_us; /* when the last wait returned; 0: it is the first */
	int64_t longest_us;

	CURLM *multi;
	LIST_HEAD(loop_transfers, loop_transfer) transfers;
};

/* --- time ------------------------------------------------------------------------------------ */

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t loop_now(const struct loop *loop)
{
	(void)loop;
	return now_ns() / 1000000;
}

int64_t loop_now_us(void)
{
	return now_ns() / 1000;
}

/* --- timers: a binary heap, the earliest on top ---------------------------------------------- */

static bool is_earlier(const struct loop_timer *a, const struct loop_timer *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->order < b->order;
}

static void heap_place(struct loop *loop, size_t i, struct loop_timer *timer)
{
	loop->heap[i] = timer;
	timer->heap_index = i;
}

static void heap_sift_up(struct loop *loop, size_t i)
{
	struct loop_timer *timer = loop->heap[i];

	for (; i > 0 && is_earlier(timer, loop->heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap_place(loop, i, loop->heap[(i - 1) / 2]);
	heap_place(loop, i, timer);
}

static void heap_sift_down(struct loop *loop, size_t i)
{
	struct loop_timer *timer = loop->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= loop->heap_count)
			break;
		if (child + 1 < loop->heap_count &&
		    is_earlier(loop->heap[child + 1], loop->heap[child]))
			child++;
		if (!is_earlier(loop->heap[child], timer))
			break;
		heap_place(loop, i, loop->heap[child]);
		i = child;
	}
	heap_place(loop, i, timer);
}

static void heap_add(struct loop *loop, struct loop_timer *timer)
{
	MEM_GROW(loop->heap, loop->heap_count, loop->heap_cap);
	heap_place(loop, loop->heap_count++, timer);
	heap_sift_up(loop, timer->heap_index);
}

static void heap_del(struct loop *loop, struct loop_timer *timer)
{
	size_t i = timer->heap_index;
	struct loop_timer *last = loop->heap[--loop->heap_count];

	if (last == timer)
		return;
	heap_place(loop, i, last);
	heap_sift_up(loop, i);
	heap_sift_down(loop, last->heap_index);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *on_time, void *ctx)
{
	struct loop_timer *timer = MEM_NEW(timer);

	timer->loop = loop;
	timer->on_time = on_time;
	timer->ctx = ctx;
	LIST_INSERT_HEAD(&loop->timers, timer, link);
	return timer;
}

void loop_timer_clear(struct loop_timer *timer)
{
	if (timer->phase == TIMER_ARMED)
		heap_del(timer->loop, timer);
	timer->phase = TIMER_IDLE;
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
	if (delay_ms < 0)
		delay_ms = 0;
	else if (delay_ms > LOOP_MAX_DELAY_MS)
		delay_ms = LOOP_MAX_DELAY_MS;
	loop_timer_clear(timer);
	timer->deadline_ns = now_ns() + delay_ms * 1000000;
	timer->order = timer->loop->next_order++;
	timer->phase = TIMER_ARMED;
	heap_add(timer->loop, timer);
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->phase != TIMER_IDLE;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL || timer->phase == TIMER_DEAD)
		return;
	loop_timer_clear(timer);
	timer->phase = TIMER_DEAD;
	LIST_REMOVE(timer, link);
	loop_defer(timer->loop, free, timer); /* the batch may still point at it */
}

/* Only drains the descriptor: due timers are searched in every round. */
static void on_timer_fd(void *ctx, int fd, unsigned events)
{
	struct loop *loop = ctx;
	uint64_t expirations;

	(void)events;
	(void)!read(fd, &expirations, sizeof(expirations));
	loop->armed_ns = 0;
}

static void arm_timer_fd(struct loop *loop)
{
	int64_t next_ns = loop->heap_count == 0 ? 0 : loop->heap[0]->deadline_ns;
	struct itimerspec spec = {.it_value = {next_ns / 1000000000, next_ns % 1000000000}};

	if (next_ns == loop->armed_ns)
		return;
	(void)timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
	loop->armed_ns = next_ns;
}

/*
 * First take all that are due, then call them: a timer that is armed meanwhile, with whatever
 * delay, waits for the next round, and one that is cleared or freed is not called.
 */
static void run_timers(struct loop *loop)
{
	size_t count = 0;
	int64_t now;

	if (loop->heap_count == 0)
		return;
	now = now_ns();
	while (loop->heap_count > 0 && loop->heap[0]->deadline_ns <= now) {
		struct loop_timer *timer = loop->heap[0];

		heap_del(loop, timer);
		timer->phase = TIMER_DUE;
		MEM_GROW(loop->batch, count, loop->batch_cap);
		loop->batch[count++] = timer;
	}
	for (size_t i = 0; i < count; i++) {
		struct loop_timer *timer = loop->batch[i];

		if (timer->phase != TIMER_DUE)
			continue;
		timer->phase = TIMER_IDLE;
		timer->on_time(timer->ctx);
	}
}

/* --- sources --------------------------------------------------------------------------------- */

struct loop_source *loop_add_fd(struct loop *loop, int fd, unsigned events, loop_fd_fn *on_ready,
				void *ctx)
{
	struct loop_source *source = MEM_NEW(source);

	source->loop = loop;
	source->fd = fd;
	source->events = events;
	source->on_ready = on_ready;
	source->ctx = ctx;
	TAILQ_INSERT_TAIL(&loop->sources, source, link);
	loop->source_count++;
	return source;
}

void loop_set_events(struct loop_source *source, unsigned events)
{
	source->events = events;
}

static void source_free(void *object)
{
	struct loop_source *source = object;

	(void)close(source->fd);
	free(source);
}

void loop_del_fd(struct loop_source *source)
{
	if (source == NULL || source->on_ready == NULL)
		return;
	source->on_ready = NULL;
	TAILQ_REMOVE(&source->loop->sources, source, link);
	source->loop->source_count--;
	loop_defer(source->loop, source_free, source);
}

static unsigned collect_waits(struct loop *loop)
{
	struct loop_source *source;
	unsigned n = 0;

	if (loop->wait_cap < loop->source_count) {
		loop->wait_cap = 2 * loop->source_count;
		loop->waits = mem_realloc(loop->waits, loop->wait_cap, sizeof(*loop->waits));
		loop->wait_owner =
		    mem_realloc(loop->wait_owner, loop->wait_cap, sizeof(struct loop_source *));
	}
	for (source = TAILQ_FIRST(&loop->sources); source != NULL;
	     source = TAILQ_NEXT(source, link)) {
		if (source->events == 0) /* a hang-up would wake us again and again */
			continue;
		loop->waits[n] = (struct curl_waitfd){
		    .fd = source->fd,
		    .events = (short)((source->events & LOOP_READ ? CURL_WAIT_POLLIN : 0) |
				      (source->events & LOOP_WRITE ? CURL_WAIT_POLLOUT : 0)),
		};
		loop->wait_owner[n++] = source;
	}
	return n;
}

static void run_sources(struct loop *loop, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct loop_source *source = loop->wait_owner[i];
		int revents = loop->waits[i].revents;
		unsigned events = 0;

		if (revents & (CURL_WAIT_POLLIN | CURL_WAIT_POLLPRI))
			events |= LOOP_READ;
		if (revents & CURL_WAIT_POLLOUT)
			events |= LOOP_WRITE;
		if (events != 0 && source->on_ready != NULL && source->events != 0)
			source->on_ready(source->ctx, source->fd, events);
	}
}

/* --- signals --------------------------------------------------------------------------------- */

static void on_signal_fd(void *ctx, int fd, unsigned events)
{
	struct loop *loop = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		const struct signal_handler *handler;

		if (info.ssi_signo >= NSIG)
			continue;
		handler = &loop->handlers[info.ssi_signo];
		if (handler->on_signal != NULL)
			handler->on_signal(handler->ctx, (int)info.ssi_signo);
	}
}

int loop_add_signal(struct loop *loop, int signo, loop_signal_fn *on_signal, void *ctx,
		    struct mf_err *err)
{
	int fd;

	if (signo <= 0 || signo >= NSIG || sigaddset(&loop->signals, signo) != 0)
		return mf_err_set(err, MF_EFAIL, "signal %d: no such signal", signo);
	if (sigprocmask(SIG_BLOCK, &loop->signals, NULL) != 0)
		return mf_err_set_sys(err, MF_EFAIL, "signal %d: cannot block it", signo);
	fd = signalfd(loop->signal_fd, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return mf_err_set_sys(err, MF_EFAIL, "signalfd");
	if (loop->signal_fd < 0)
		(void)loop_add_fd(loop, fd, LOOP_READ, on_signal_fd, loop);
	loop->signal_fd = fd;
	loop->handlers[signo] = (struct signal_handler){on_signal, ctx};
	return 0;
}

/* --- libcurl --------------------------------------------------------------------------------- */

void loop_transfer_add(struct loop *loop, struct loop_transfer *transfer)
{
	transfer->loop = loop;
	transfer->phase = TRANSFER_NEW;
	LIST_INSERT_HEAD(&loop->transfers, transfer, link);
	loop->has_new_transfers = true;
}

static void transfer_free(void *object)
{
	struct loop_transfer *transfer = object;

	(void)curl_multi_remove_handle(transfer->loop->multi, transfer->easy);
	LIST_REMOVE(transfer, link);
	transfer->on_free(transfer);
}

/* The multi handle takes off nothing inside one of libcurl's callbacks. */
void loop_transfer_del(struct loop_transfer *transfer)
{
	if (transfer->phase == TRANSFER_DEAD)
		return;
	transfer->phase = TRANSFER_DEAD;
	loop_defer(transfer->loop, transfer_free, transfer);
}

/* Nor does it take on any. */
static void start_transfers(struct loop *loop)
{
	struct loop_transfer *transfer;

	if (!loop->has_new_transfers)
		return;
	loop->has_new_transfers = false;
	for (transfer = LIST_FIRST(&loop->transfers); transfer != NULL;
	     transfer = LIST_NEXT(transfer, link)) {
		if (transfer->phase != TRANSFER_NEW)
			continue;
		transfer->phase = TRANSFER_RUNNING;
		(void)curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
		if (transfer->is_refused ||
		    curl_multi_add_handle(loop->multi, transfer->easy) != CURLM_OK)
			transfer->on_done(transfer, CURLE_FAILED_INIT);
	}
}

bool loop_transfer_pauses(struct loop_transfer *transfer)
{
	struct loop *loop = transfer->loop;

	transfer->is_paused =
	    transfer->has_had && loop_now_us() - loop->hearing_us >= LOOP_SLICE_US;
	loop->has_paused = loop->has_paused || transfer->is_paused;
	transfer->has_had = true;
	return transfer->is_paused;
}

/* What they have not taken is given to them here, where libcurl does not see that one refuses it.
 */
static void resume_transfers(struct loop *loop)
{
	struct loop_transfer *transfer;

	loop->hearing_us = loop_now_us();
	loop->has_paused = false;
	for (transfer = LIST_FIRST(&loop->transfers); transfer != NULL;
	     transfer = LIST_NEXT(transfer, link))
		transfer->has_had = false;
	for (transfer = LIST_FIRST(&loop->transfers); transfer != NULL;
	     transfer = LIST_NEXT(transfer, link)) {
		CURLcode code;

		if (!transfer->is_paused || transfer->phase != TRANSFER_RUNNING)
			continue;
		transfer->is_paused = false;
		code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
		if (code != CURLE_OK && transfer->phase != TRANSFER_DEAD)
			transfer->on_done(transfer, code);
	}
}

static int run_transfers(struct loop *loop, struct mf_err *err)
{
	int running, left;
	CURLMcode code;
	CURLMsg *msg;

	start_transfers(loop);
	resume_transfers(loop);
	code = curl_multi_perform(loop->multi, &running);
	if (code != CURLM_OK)
		return mf_err_set(err, MF_EFAIL, "libcurl: %s", curl_multi_strerror(code));
	while ((msg = curl_multi_info_read(loop->multi, &left)) != NULL) {
		CURLcode result = msg->data.result;
		char *private = NULL;
		struct loop_transfer *transfer;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		transfer = (struct loop_transfer *)(void *)private;
		if (transfer != NULL && transfer->phase != TRANSFER_DEAD)
			transfer->on_done(transfer, result);
	}
	return 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

void loop_defer(struct loop *loop, void (*free_object)(void *object), void *object)
{
	if (loop->depth == 0) {
		free_object(object);
		return;
	}
	MEM_GROW(loop->deferred, loop->deferred_count, loop->deferred_cap);
	loop->deferred[loop->deferred_count++] = (struct deferred){free_object, object};
}

int64_t loop_longest_us(struct loop *loop, bool resets)
{
	int64_t longest = loop->longest_us;

	if (resets)
		loop->longest_us = 0;
	return longest;
}

static int global_init(struct mf_err *err)
{
	static bool is_done;
	CURLcode code;

	if (is_done)
		return 0;
	code = curl_global_init(CURL_GLOBAL_DEFAULT);
	if (code != CURLE_OK)
		return mf_err_set(err, MF_EFAIL, "libcurl: %s", curl_easy_strerror(code));
	is_done = true;
	/* A peer that hangs up is an error of write(), not the end of us. */
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* libcurl does not hide its wake-up sockets from the programs that we start: those that were not
 * open before. */
static CURLM *open_multi(void)
{
	bool was_open[LOOP_NEW_DESCRIPTORS];
	CURLM *multi;

	for (int fd = 0; fd < LOOP_NEW_DESCRIPTORS; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	multi = curl_multi_init();
	for (int fd = 0; fd < LOOP_NEW_DESCRIPTORS; fd++)
		if (!was_open[fd])
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return multi;
}

int loop_new(struct loop **ret_loop, struct mf_err *err)
{
	struct loop *loop;
	int fd, rc = global_init(err);

	if (rc != 0)
		return rc;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		return mf_err_set_sys(err, MF_EFAIL, "timerfd");
	loop = MEM_NEW(loop);
	TAILQ_INIT(&loop->sources);
	loop->timer_fd = fd;
	loop->signal_fd = -1;
	(void)sigemptyset(&loop->signals);
	(void)loop_add_fd(loop, fd, LOOP_READ, on_timer_fd, loop);
	loop->multi = open_multi();
	if (loop->multi == NULL) {
		loop_free(loop);
		return mf_err_set(err, MF_EFAIL, "libcurl: cannot start");
	}
	(void)curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)LOOP_MAX_CONNECTIONS);
	*ret_loop = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	struct loop_source *source, *next_source;
	struct loop_timer *timer, *next_timer;

	if (loop == NULL)
		return;
	while (!LIST_EMPTY(&loop->transfers))
		transfer_free(LIST_FIRST(&loop->transfers));
	if (loop->multi != NULL)
		(void)curl_multi_cleanup(loop->multi);
	for (source = TAILQ_FIRST(&loop->sources); source != NULL; source = next_source) {
		next_source = TAILQ_NEXT(source, link);
		source_free(source);
	}
	for (timer = LIST_FIRST(&loop->timers); timer != NULL; timer = next_timer) {
		next_timer = LIST_NEXT(timer, link);
		free(timer);
	}
	free(loop->waits);
	free(loop->wait_owner);
	free(loop->heap);
	free(loop->batch);
	free(loop->deferred);
	free(loop);
}

/* Callbacks of an outer run may still hold on to the objects. */
static void sweep(struct loop *loop)
{
	if (loop->depth > 1)
		return;
	/* Freeing one may add others. */
	for (size_t i = 0; i < loop->deferred_count; i++) {
		struct deferred deferred = loop->deferred[i];

		deferred.free_object(deferred.object);
	}
	loop->deferred_count = 0;
}

/* Wait; *ret_count of the sources are waited for. */
static int wait_for_some(struct loop *loop, unsigned *ret_count, struct mf_err *err)
{
	int64_t deaf_us = loop->listened_us == 0 ? 0 : loop_now_us() - loop->listened_us;
	CURLMcode code;
	int ready;

	if (deaf_us > loop->longest_us)
		loop->longest_us = deaf_us;
	*ret_count = collect_waits(loop);
	/* What a completion has just started must reach libcurl before we may sleep. */
	code =
	    curl_multi_poll(loop->multi, loop->waits, *ret_count,
			    loop->has_new_transfers || loop->has_paused ? 0 : LOOP_WAIT_MS, &ready);
	if (code != CURLM_OK)
		return mf_err_set(err, MF_EFAIL, "libcurl: %s", curl_multi_strerror(code));
	loop->listened_us = loop_now_us();
	return 0;
}

static int run_round(struct loop *loop, struct mf_err *err)
{
	unsigned count;
	int rc = run_transfers(loop, err);

	if (rc != 0 || loop->is_stopped)
		return rc;
	sweep(loop);
	arm_timer_fd(loop);
	rc = wait_for_some(loop, &count, err);
	if (rc != 0)
		return rc;
	run_sources(loop, count);
	run_timers(loop);
	sweep(loop);
	return 0;
}

int loop_run(struct loop *loop, struct mf_err *err)
{
	int rc = 0;

	loop->depth++;
	while (!loop->is_stopped && rc == 0)
		rc = run_round(loop, err);
	sweep(loop);
	loop->depth--;
	loop->is_stopped = false;
	loop->listened_us = 0;
	return rc;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}
