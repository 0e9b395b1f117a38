/* Files of names: what is compared, what goes, and how fast. */
#include "apply/hostsdir.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon.h"
#include "outputs.h"
#include "unit.h"

static char *folder;
static struct output_set set;

static void setup(void)
{
	folder = daemon_make_folder();
	set = (struct output_set){.count = 0};
}

static void teardown(void)
{
	output_set_fini(&set);
	daemon_remove_folder(folder);
}

static char *path_of(const char *name)
{
	return mem_printf("%s/dir/%s", folder, name);
}

static void add(const char *name, const char *text)
{
	mem_auto_free char *shown = mem_printf("hostsdir/%s", name);
	struct output *output;

	outputs_add(&set, OUTPUT_DNSMASQ, shown, path_of(name), text);
	output = &set.outputs[set.count - 1];
	output->len = output->bytes.len;
	output->digest = str_hash_words(OUTPUT_DIGEST_INIT, text, output->len);
}

static size_t sync_folder(void)
{
	mem_auto_free char *dir = mem_printf("%s/dir", folder);
	struct hostsdir_sync sync = {.changes = 0};

	ck_assert_msg(hostsdir_sync(dir, &set, &sync) == 0, "%s", sync.err.msg);
	return sync.changes;
}

static void expect(const char *name, const char *text)
{
	mem_auto_free char *path = path_of(name);

	daemon_expect_text(path, text);
}

START_TEST(only_what_differs_is_written)
{
	mem_auto_free char *a = path_of("mayfly-a");
	mem_auto_free char *b = path_of("mayfly-b");
	mem_auto_free char *c = path_of("mayfly-c");

	add("mayfly-a", "1\n");
	add("mayfly-b", "2\n");
	ck_assert_uint_eq(sync_folder(), 2);
	ck_assert_uint_eq(sync_folder(), 0);
	daemon_write(a, "2\n");
	ck_assert_int_eq(chmod(b, 0600), 0); /* dnsmasq could not read it */
	daemon_write(c, "3\n");
	ck_assert_uint_eq(sync_folder(), 3);
	expect("mayfly-a", "1\n");
	ck_assert_int_ne(access(c, F_OK), 0);
	ck_assert_uint_eq(sync_folder(), 0);
}
END_TEST

/* What was in the way is replaced, not followed. */
START_TEST(a_link_is_replaced)
{
	mem_auto_free char *secret = mem_printf("%s/secret", folder);
	mem_auto_free char *a = path_of("mayfly-a");
	mem_auto_free char *staged = path_of(".mayfly-a");

	add("mayfly-a", "1\n");
	ck_assert_uint_eq(sync_folder(), 1);
	daemon_write(secret, "mine\n");
	ck_assert_int_eq(unlink(a), 0);
	ck_assert_int_eq(symlink(secret, a), 0);
	ck_assert_int_eq(symlink(secret, staged), 0);
	ck_assert_uint_eq(sync_folder(), 1);
	expect("mayfly-a", "1\n");
	daemon_expect_text(secret, "mine\n");
}
END_TEST

/* So many changes that need no rest. */
static int burst(struct hostsdir_pace *pace, size_t known, int64_t now_us)
{
	int count = 0;

	while (hostsdir_pace(pace, known, now_us) == 0)
		count++;
	return count;
}

START_TEST(dnsmasq_has_time_to_read_them)
{
	struct hostsdir_pace pace = {.unread = 0};
	int64_t now = 1000000, rest;

	ck_assert_int_eq(burst(&pace, 10000, now), 6000);
	rest = hostsdir_pace(&pace, 10000, now);
	ck_assert_int_eq(rest, 50000); /* 50 files of 1 ms */
	ck_assert_int_eq(burst(&pace, 10000, now + rest), 50);
	ck_assert_int_eq(burst(&pace, 10000, now + rest + 999), 0);
	ck_assert_int_eq(burst(&pace, 10000, now + rest + 1000), 1); /* no part of it is lost */
	ck_assert_int_eq(burst(&pace, 0, now + 60000000), 6000);
	ck_assert_int_eq(hostsdir_pace(&pace, 0, now + 60000000), 5000);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("hostsdir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, only_what_differs_is_written);
	tcase_add_test(tc, a_link_is_replaced);
	tcase_add_test(tc, dnsmasq_has_time_to_read_them);
	return unit_run("hostsdir", tc);
}
