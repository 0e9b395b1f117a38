/* What is known of files without reading them, on a real file system. */
#include "apply/known.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon.h"
#include "render/output.h"
#include "unit.h"

static char *folder, *path;
static struct known *known;
static struct output output;

static void set_output(const char *text)
{
	output = (struct output){
	    .path = path,
	    .len = strlen(text),
	    .digest = str_hash_words(OUTPUT_DIGEST_INIT, text, strlen(text)),
	};
}

static void setup(void)
{
	folder = daemon_make_folder();
	path = mem_printf("%s/f", folder);
	known = known_new();
	set_output("bytes\n");
	daemon_write(path, "bytes\n");
}

static void teardown(void)
{
	known_free(known);
	free(path);
	daemon_remove_folder(folder);
}

/* The file was last changed so long ago. */
static void age(int seconds)
{
	struct timespec times[2] = {{time(NULL) - seconds, 0}, {time(NULL) - seconds, 0}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(nothing_is_known_at_first)
{
	ck_assert(!known_holds(known, &output, false));
}
END_TEST

START_TEST(what_was_noted_is_known)
{
	known_note(known, &output);
	ck_assert(known_holds(known, &output, false));
	set_output("other\n");
	ck_assert(!known_holds(known, &output, false));
}
END_TEST

START_TEST(what_was_read_is_known)
{
	bool holds = false;

	ck_assert_int_eq(known_read(known, &output, &holds, NULL), 0);
	ck_assert(holds);
	ck_assert(known_holds(known, &output, false));
	set_output("other\n");
	ck_assert_int_eq(known_read(known, &output, &holds, NULL), 0);
	ck_assert(!holds);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!known_holds(known, &output, false));
	ck_assert_int_eq(known_read(known, &output, &holds, NULL), MF_ENOINPUT);
}
END_TEST

static void write_in_place(void)
{
	age(1); /* whatever the clock of the file system */
	daemon_write(path, "BYTES\n");
}

static void replace(void)
{
	ck_assert_int_eq(file_replace(path, "BYTES\n", 6, 0644, NULL, NULL), 0);
}

static void lengthen(void)
{
	daemon_write(path, "bytes\n\n");
}

static void pretend(void)
{
	daemon_write(path, "BYTES\n");
	age(5);
}

static void (*const hands[])(void) = {write_in_place, replace, lengthen, pretend};

START_TEST(a_foreign_hand_is_seen)
{
	known_note(known, &output);
	hands[_i]();
	ck_assert(!known_holds(known, &output, false));
}
END_TEST

/* A change in the very moment of the note would have the same time. */
START_TEST(a_young_note_is_not_sure)
{
	known_note(known, &output);
	ck_assert(known_holds(known, &output, false));
	ck_assert(!known_holds(known, &output, true));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("known");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_known_at_first);
	tcase_add_test(tc, what_was_noted_is_known);
	tcase_add_test(tc, what_was_read_is_known);
	tcase_add_loop_test(tc, a_foreign_hand_is_seen, 0, sizeof(hands) / sizeof(hands[0]));
	tcase_add_test(tc, a_young_note_is_not_sure);
	return unit_run("known", tc);
}
