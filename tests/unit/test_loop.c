/* sys/loop: sources, timers and signals, and what callbacks may do to them. */
#include "sys/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "unit_loop.h"

static struct loop *loop;
static char trace[64]; /* one letter a call */

static void setup(void)
{
	loop = unit_loop_new();
	trace[0] = '\0';
}

static void teardown(void)
{
	loop_free(loop);
}

static void note(char c)
{
	size_t len = strlen(trace);

	ck_assert_uint_lt(len + 1, sizeof(trace));
	trace[len] = c;
	trace[len + 1] = '\0';
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void open_pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
}

/* --- timers ---------------------------------------------------------------------------------- */

static void on_note(void *ctx)
{
	note(*(const char *)ctx);
}

static void on_stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static struct loop_timer *add_timer(loop_timer_fn *fn, const char *what, int64_t delay_ms)
{
	struct loop_timer *timer = loop_timer_new(loop, fn, (void *)(uintptr_t)what);

	loop_timer_set(timer, delay_ms);
	return timer;
}

START_TEST(timers_fire_in_order_of_time_then_of_arming)
{
	/* Armed in another order, and far enough apart for a machine that is slow meanwhile. */
	add_timer(on_note, "d", 450);
	add_timer(on_note, "b", 150);
	add_timer(on_note, "a", -5);
	add_timer(on_note, "c", 300);
	add_timer(on_stop, NULL, 450);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "abcd");
}
END_TEST

START_TEST(timer_is_one_shot_and_never_early)
{
	struct loop_timer *timer = add_timer(on_stop, NULL, 25);
	int64_t before = loop_now(loop);

	ck_assert(loop_timer_is_set(timer));
	unit_loop_run(loop);
	ck_assert_int_ge(loop_now(loop) - before, 24);
	ck_assert(!loop_timer_is_set(timer));
}
END_TEST

START_TEST(timer_moved_and_cleared)
{
	struct loop_timer *moved = add_timer(on_note, "m", 1), *cleared;

	cleared = add_timer(on_note, "x", 1);
	add_timer(on_note, "a", 10);
	loop_timer_set(moved, 20);
	loop_timer_clear(cleared);
	ck_assert(!loop_timer_is_set(cleared));
	add_timer(on_stop, NULL, 30);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "am");
}
END_TEST

static struct loop_timer *victim;

static void on_free_victim(void *ctx)
{
	note(*(const char *)ctx);
	loop_timer_free(victim);
	victim = NULL;
}

START_TEST(timer_freed_by_another_due_in_the_same_round)
{
	add_timer(on_free_victim, "f", 0);
	victim = add_timer(on_note, "x", 0);
	add_timer(on_stop, NULL, 5);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "f");
}
END_TEST

static void on_move_victim(void *ctx)
{
	note(*(const char *)ctx);
	loop_timer_clear(victim);
	loop_timer_set(victim, 5);
}

static void on_note_and_stop(void *ctx)
{
	on_note(ctx);
	loop_stop(loop);
}

START_TEST(timer_moved_by_another_due_in_the_same_round)
{
	add_timer(on_move_victim, "c", 0);
	victim = add_timer(on_note_and_stop, "v", 0);
	add_timer(on_note, "n", 0);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "cnv");
}
END_TEST

static struct loop_timer *again;
static int rounds;

static void on_again(void *ctx)
{
	(void)ctx;
	ck_assert(!loop_timer_is_set(again));
	if (++rounds == 100) {
		loop_timer_free(again); /* from its own callback */
		loop_stop(loop);
	} else {
		loop_timer_set(again, 0);
	}
}

static void on_readable_note(void *ctx, int fd, unsigned events)
{
	char bytes[16];

	(void)events;
	if (read(fd, bytes, sizeof(bytes)) > 0)
		note(*(const char *)ctx);
}

START_TEST(timer_that_rearms_itself_starves_nobody)
{
	char letter[] = "r";
	int fds[2];

	open_pair(fds);
	loop_add_fd(loop, fds[0], LOOP_READ, on_readable_note, letter);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	rounds = 0;
	again = add_timer(on_again, NULL, 0);
	unit_loop_run(loop);
	ck_assert_int_eq(rounds, 100);
	ck_assert_str_eq(trace, "r");
	(void)close(fds[1]);
}
END_TEST

START_TEST(timer_far_away_does_not_wrap)
{
	struct loop_timer *timer = add_timer(on_note, "x", INT64_MAX);

	add_timer(on_stop, NULL, 1);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "");
	ck_assert(loop_timer_is_set(timer));
}
END_TEST

START_TEST(stop_before_run_counts_once)
{
	loop_stop(loop);
	unit_loop_run(loop);
	add_timer(on_note, "a", 0);
	add_timer(on_stop, NULL, 1);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "a");
}
END_TEST

/* --- sources --------------------------------------------------------------------------------- */

static void on_end(void *ctx, int fd, unsigned events)
{
	char c;

	(void)ctx;
	ck_assert_uint_ne(events & LOOP_READ, 0);
	if (read(fd, &c, 1) == 0)
		loop_stop(loop);
}

START_TEST(hang_up_is_readable)
{
	int fds[2], ends[2];
	struct loop_source *source;

	open_pair(fds);
	source = loop_add_fd(loop, fds[0], LOOP_READ, on_end, NULL);
	(void)close(fds[1]);
	unit_loop_run(loop);
	loop_del_fd(source);
	ck_assert(!is_open(fds[0]));
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	loop_add_fd(loop, ends[0], LOOP_READ, on_end, NULL);
	(void)close(ends[1]);
	unit_loop_run(loop);
}
END_TEST

static void on_events_note(void *ctx, int fd, unsigned events)
{
	struct loop_source **source = ctx;

	(void)fd;
	if (events & LOOP_WRITE)
		note('w');
	if (events & LOOP_READ)
		note('r');
	loop_set_events(*source, events & LOOP_WRITE ? LOOP_READ : 0);
}

START_TEST(events_can_be_changed_and_switched_off)
{
	struct loop_source *source;
	int fds[2];

	open_pair(fds);
	source = loop_add_fd(loop, fds[0], LOOP_WRITE, on_events_note, &source);
	add_timer(on_stop, NULL, 20);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "w");
	(void)close(fds[1]); /* a hang-up, at which it is switched off */
	add_timer(on_stop, NULL, 20);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "wr");
}
END_TEST

static struct loop_source *both[2];
static int both_fds[2];

static void on_delete_both(void *ctx, int fd, unsigned events)
{
	(void)ctx;
	(void)fd;
	(void)events;
	note('d');
	loop_del_fd(both[0]);
	loop_del_fd(both[1]);
	ck_assert(is_open(both_fds[0]));
	ck_assert(is_open(both_fds[1]));
	loop_stop(loop);
}

START_TEST(source_deleted_in_dispatch_is_not_called_and_closed_after)
{
	int peers[2];

	for (int i = 0; i < 2; i++) {
		int fds[2];

		open_pair(fds);
		both_fds[i] = fds[0];
		peers[i] = fds[1];
		ck_assert_int_eq(write(peers[i], "x", 1), 1);
		both[i] = loop_add_fd(loop, fds[0], LOOP_READ, on_delete_both, NULL);
	}
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "d");
	for (int i = 0; i < 2; i++) {
		ck_assert(!is_open(both_fds[i]));
		(void)close(peers[i]);
	}
	loop_del_fd(NULL);
}
END_TEST

/* --- signals --------------------------------------------------------------------------------- */

static void on_signal(void *ctx, int signo)
{
	(void)ctx;
	note(signo == SIGUSR1 ? '1' : signo == SIGUSR2 ? '2' : '?');
	if (signo == SIGUSR2)
		loop_stop(loop);
}

START_TEST(signals_are_heard_in_the_loop)
{
	struct mf_err err = {0};

	ck_assert_int_eq(loop_add_signal(loop, SIGUSR1, on_signal, NULL, &err), 0);
	ck_assert_int_eq(loop_add_signal(loop, SIGUSR2, on_signal, NULL, &err), 0);
	ck_assert_int_eq(raise(SIGUSR1), 0);
	ck_assert_str_eq(trace, "");
	ck_assert_int_eq(raise(SIGUSR2), 0);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "12");
	ck_assert_int_lt(loop_add_signal(loop, 0, on_signal, NULL, &err), 0);
	ck_assert_int_lt(loop_add_signal(loop, 9999, on_signal, NULL, &err), 0);
}
END_TEST

START_TEST(loops_hung_up_pipe_does_not_kill)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	(void)close(ends[0]);
	ck_assert_int_eq(write(ends[1], "x", 1), -1);
	(void)close(ends[1]);
}
END_TEST

/* --- stress ---------------------------------------------------------------------------------- */

/*
 * Many objects, each with a timer and one end of a socket pair, which in each callback do random
 * things to random others.  A dead one must never be called, a descriptor never be another's.
 */
enum { STRESS_OBJECTS = 60, STRESS_STEPS = 20000 };

struct object {
	bool is_alive;
	int fd, peer;
	struct loop_source *source;
	struct loop_timer *timer;
};

static struct object objects[STRESS_OBJECTS];
static int steps;
static unsigned long seed = 20240229;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(seed >> 33) % below;
}

static void act(void);

static void on_object_ready(void *ctx, int fd, unsigned events)
{
	struct object *o = ctx;
	char which;

	(void)events;
	ck_assert(o->is_alive);
	ck_assert_int_eq(fd, o->fd);
	while (read(fd, &which, 1) == 1)
		ck_assert_int_eq(which, (char)(o - objects));
	act();
}

static void on_object_time(void *ctx)
{
	const struct object *o = ctx;

	ck_assert(o->is_alive);
	act();
}

static void object_start(struct object *o)
{
	int fds[2];

	open_pair(fds);
	o->is_alive = true;
	o->fd = fds[0];
	o->peer = fds[1];
	o->source = loop_add_fd(loop, fds[0], LOOP_READ, on_object_ready, o);
	o->timer = loop_timer_new(loop, on_object_time, o);
	loop_timer_set(o->timer, draw(3));
}

static void object_stop(struct object *o)
{
	o->is_alive = false;
	loop_del_fd(o->source);
	loop_timer_free(o->timer);
	(void)close(o->peer); /* the number is free at once, and likely to be the next one's */
}

static void act(void)
{
	if (++steps >= STRESS_STEPS) {
		loop_stop(loop);
		return;
	}
	for (unsigned n = 1 + draw(3); n > 0; n--) {
		struct object *o = &objects[draw(STRESS_OBJECTS)];
		char which = (char)(o - objects);

		if (!o->is_alive)
			object_start(o);
		else if (draw(5) == 0)
			object_stop(o);
		else if (draw(2) == 0)
			(void)!write(o->peer, &which, 1);
		else if (draw(4) == 0)
			loop_timer_clear(o->timer);
		else
			loop_timer_set(o->timer, draw(3));
	}
	if (!objects[0].is_alive) /* so that there is always one that goes on */
		object_start(&objects[0]);
	loop_timer_set(objects[0].timer, 0);
}

START_TEST(survives_callbacks_that_do_anything)
{
	object_start(&objects[0]);
	unit_loop_run(loop);
	ck_assert_int_ge(steps, STRESS_STEPS);
	for (int i = 0; i < STRESS_OBJECTS; i++)
		if (objects[i].is_alive)
			object_stop(&objects[i]);
}
END_TEST

/* --- freeing after the dispatch --------------------------------------------------------------- */

static void free_note(void *object)
{
	note(*(const char *)object);
}

static void free_with_another(void *object)
{
	note(*(const char *)object);
	loop_defer(loop, free_note, (void *)(uintptr_t) "3");
}

static void on_defer(void *ctx)
{
	(void)ctx;
	loop_defer(loop, free_note, (void *)(uintptr_t) "1");
	loop_defer(loop, free_with_another, (void *)(uintptr_t) "2");
	note('a');
}

START_TEST(deferred_is_freed_after_the_dispatch_in_order)
{
	add_timer(on_defer, NULL, 0);
	add_timer(on_note, "b", 0);
	add_timer(on_stop, NULL, 0);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "ab123");
}
END_TEST

/* Another run inside a callback, and then something to free. */
static void run_inside(void *ctx)
{
	(void)ctx;
	loop_defer(loop, free_note, (void *)(uintptr_t) "1");
	add_timer(on_stop, NULL, 0);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "");
	loop_defer(loop, free_note, (void *)(uintptr_t) "2");
	ck_assert_str_eq(trace, "");
	loop_stop(loop);
}

START_TEST(deferred_is_freed_after_the_outermost_dispatch)
{
	add_timer(run_inside, NULL, 0);
	unit_loop_run(loop);
	ck_assert_str_eq(trace, "12");
}
END_TEST

START_TEST(deferred_is_freed_at_once_outside_the_dispatch)
{
	loop_defer(loop, free_with_another, (void *)(uintptr_t) "2");
	ck_assert_str_eq(trace, "23");
}
END_TEST

/* --- how long it does not listen -------------------------------------------------------------- */

static void on_work(void *ctx)
{
	struct timespec busy = {.tv_nsec = 30 * 1000000};

	(void)ctx;
	(void)nanosleep(&busy, NULL);
}

START_TEST(longest_is_that_of_the_longest_callbacks_of_a_round)
{
	ck_assert_int_eq(loop_longest_us(loop, false), 0);
	add_timer(on_work, NULL, 0);
	add_timer(on_work, NULL, 0);
	add_timer(on_stop, NULL, 100); /* waiting for it is listening */
	unit_loop_run(loop);
	ck_assert_int_ge(loop_longest_us(loop, false), 60000);
	ck_assert_int_ge(loop_longest_us(loop, true), 60000);
	ck_assert_int_eq(loop_longest_us(loop, false), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("loop");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, timers_fire_in_order_of_time_then_of_arming);
	tcase_add_test(tc, timer_is_one_shot_and_never_early);
	tcase_add_test(tc, timer_moved_and_cleared);
	tcase_add_test(tc, timer_freed_by_another_due_in_the_same_round);
	tcase_add_test(tc, timer_moved_by_another_due_in_the_same_round);
	tcase_add_test(tc, timer_that_rearms_itself_starves_nobody);
	tcase_add_test(tc, timer_far_away_does_not_wrap);
	tcase_add_test(tc, stop_before_run_counts_once);
	tcase_add_test(tc, hang_up_is_readable);
	tcase_add_test(tc, events_can_be_changed_and_switched_off);
	tcase_add_test(tc, source_deleted_in_dispatch_is_not_called_and_closed_after);
	tcase_add_test(tc, signals_are_heard_in_the_loop);
	tcase_add_test(tc, loops_hung_up_pipe_does_not_kill);
	tcase_add_test(tc, survives_callbacks_that_do_anything);
	tcase_add_test(tc, deferred_is_freed_after_the_dispatch_in_order);
	tcase_add_test(tc, deferred_is_freed_after_the_outermost_dispatch);
	tcase_add_test(tc, deferred_is_freed_at_once_outside_the_dispatch);
	tcase_add_test(tc, longest_is_that_of_the_longest_callbacks_of_a_round);
	return unit_run("loop", tc);
}
