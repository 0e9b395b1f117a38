/* A directory of service files: what is announced of it, on which address, and when no more. */
#include "register/service_dir.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "record.h"
#include "register/announcer.h"

static struct record rec;
static struct service_dir *dir;
static bool refuses;

/* --- the announcer, played -------------------------------------------------------------------- */

int announcer_set(struct announcer *announcer, const char *name,
		  const struct announcement *announcement, struct mf_err *err)
{
	mem_auto_free char *line = mem_printf("set %s %s %u weight %u", name, announcement->address,
					      announcement->port, announcement->weight);

	ck_assert_ptr_eq(announcer, (struct announcer *)&rec);
	record_add(&rec, line);
	return refuses ? mf_err_set(err, MF_EDATA, "id: too long") : 0;
}

void announcer_del(struct announcer *announcer, const char *name)
{
	mem_auto_free char *line = mem_printf("del %s", name);

	ck_assert_ptr_eq(announcer, (struct announcer *)&rec);
	record_add(&rec, line);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	mem_auto_free char *line =
	    reason == NULL ? mem_printf("over %s", object) : mem_printf("%s: %s", object, reason);

	(void)ctx;
	record_add(&rec, line);
}

/* --- the test's own --------------------------------------------------------------------------- */

static void setup(void)
{
	record_begin(&rec);
	dir = NULL;
	refuses = false;
	ck_assert_int_eq(mkdir(record_path(&rec, "d"), 0755), 0);
}

static void teardown(void)
{
	service_dir_close(dir);
	record_end(&rec);
}

static void follow(void)
{
	struct mf_err err = {0};

	ck_assert_msg(service_dir_open(rec.loop, record_path(&rec, "d"), false, on_problem, NULL,
				       &dir, &err) == 0,
		      "%s", err.msg);
}

static void announce(int64_t ttl_ms)
{
	service_dir_announce(dir, (struct announcer *)&rec, ttl_ms);
}

/* --- files ------------------------------------------------------------------------------------ */

START_TEST(nothing_is_announced_before_it_is_told_to)
{
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80, ttl: 8s}");
	record_write(&rec, "d/b.yaml",
		     "- {service: b, address: 10.0.0.5:81}\n"
		     "- {service: c, address: 10.0.0.5:82, ttl: 6s}\n"
		     "- {service: d, address: 10.0.0.5:0}\n");
	follow();
	ck_assert_str_eq(buf_str(&rec.lines),
			 "file b.yaml: service d: address \"10.0.0.5:0\": must end in a port: a "
			 "number from 1 to 65535 (line 3, column 25)\n");
	ck_assert_uint_eq(service_dir_count(dir), 3);
	ck_assert_uint_eq(service_dir_file_count(dir), 2);
	ck_assert_int_eq(service_dir_ttl(dir), 6000);
	buf_clear(&rec.lines);
	announce(6000);
	ck_assert_str_eq(buf_str(&rec.lines), "set a/latest/10.0.0.5:80 10.0.0.5 80 weight 100\n"
					      "set b/latest/10.0.0.5:81 10.0.0.5 81 weight 100\n"
					      "set c/latest/10.0.0.5:82 10.0.0.5 82 weight 100\n");
}
END_TEST

START_TEST(without_a_wish_there_is_no_ttl)
{
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80}");
	follow();
	ck_assert_int_eq(service_dir_ttl(dir), 0);
}
END_TEST

START_TEST(files_are_followed)
{
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80}");
	follow();
	announce(10000);
	record_await(&rec, "set a/latest/10.0.0.5:80 10.0.0.5 80 weight 100");
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80, weight: 7}");
	record_await(&rec, "set a/latest/10.0.0.5:80 10.0.0.5 80 weight 7");
	record_write(&rec, "d/b.yaml", "{service: b, address: 10.0.0.5:80, id: one}");
	record_await(&rec, "set b/latest/one 10.0.0.5 80 weight 100");
	record_remove(&rec, "d/a.yaml");
	record_await(&rec, "del a/latest/10.0.0.5:80");
	ck_assert_uint_eq(service_dir_count(dir), 1);
}
END_TEST

START_TEST(a_broken_file_keeps_its_service)
{
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80}");
	follow();
	announce(10000);
	record_write(&rec, "d/a.yaml", "{service: a}");
	record_await(&rec, "file a.yaml: service a: address is missing (line 1, column 1)");
	record_write(&rec, "d/b.yaml", "{service: b, address: 10.0.0.5:81}");
	record_await(&rec, "set b/latest/10.0.0.5:81 10.0.0.5 81 weight 100");
	ck_assert_uint_eq(service_dir_count(dir), 2);
	ck_assert(!record_has(&rec, "del "));
}
END_TEST

START_TEST(a_shorter_ttl_is_told)
{
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80, ttl: 10s}");
	follow();
	announce(10000);
	ck_assert(!record_has(&rec, "ttl"));
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80, ttl: 2s}");
	record_await(
	    &rec,
	    "service a/latest/10.0.0.5:80: its ttl of 2000 ms is shorter than the "
	    "lease, which all share and which has 10000 ms until the next start (file a.yaml)");
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80, ttl: 20s}");
	record_await(&rec, "over service a/latest/10.0.0.5:80");
}
END_TEST

START_TEST(what_the_announcer_refuses_is_told)
{
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80}");
	refuses = true;
	follow();
	announce(10000);
	record_await(&rec, "service a/latest/10.0.0.5:80: id: too long (file a.yaml)");
	refuses = false;
	record_write(&rec, "d/a.yaml", "{service: a, address: 10.0.0.5:80, weight: 7}");
	record_await(&rec, "over service a/latest/10.0.0.5:80");
}
END_TEST

START_TEST(a_missing_directory_is_refused)
{
	struct mf_err err = {0};

	ck_assert_int_eq(service_dir_open(rec.loop, record_path(&rec, "none"), false, on_problem,
					  NULL, &dir, &err),
			 MF_ENOINPUT);
	ck_assert_ptr_null(dir);
	service_dir_close(NULL);
}
END_TEST

/* --- addresses -------------------------------------------------------------------------------- */

static void ask(int fd, unsigned long what, const char *name, const char *address, int flags)
{
	struct ifreq request = {0};
	struct sockaddr_in in = {.sin_family = AF_INET};

	memcpy(request.ifr_name, name, strlen(name));
	if (address != NULL) {
		ck_assert_int_eq(inet_pton(AF_INET, address, &in.sin_addr), 1);
		memcpy(&request.ifr_addr, &in, sizeof(in));
	} else {
		request.ifr_flags = (short)flags;
	}
	ck_assert_int_eq(ioctl(fd, what, &request), 0);
}

/* In a network of its own: an interface that is down has no address, one that is up has. */
START_TEST(addresses_are_followed)
{
	int fd;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
		ck_assert_msg(getenv("REQUIRE_ALL") == NULL, "no network of its own");
		return;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	record_write(&rec, "d/a.yaml",
		     "- {service: a, address: lo, port: 80}\n"
		     "- {service: b, address: 10.0.0.0/8, port: 80}\n"
		     "- {service: c, address: 10.0.0.5, port: 80}\n");
	follow();
	announce(10000);
	record_await(&rec, "set c/latest/10.0.0.5:80 10.0.0.5 80 weight 100");
	record_await(&rec, "service b/latest/10.0.0.0/8:80: waits: this host has no address now "
			   "that is meant by 10.0.0.0/8 (file a.yaml)");
	ck_assert(!record_has(&rec, "set a"));
	ask(fd, SIOCSIFFLAGS, "lo", NULL, IFF_UP);
	record_await(&rec, "over service a/latest/lo:80");
	ck_assert(record_has(&rec, "set a/latest/lo:80 127.0.0.1 80 weight 100"));
	ask(fd, SIOCSIFADDR, "lo:1", "10.1.2.3", 0);
	record_await(&rec, "set b/latest/10.0.0.0/8:80 10.1.2.3 80 weight 100");
	ask(fd, SIOCSIFADDR, "lo:1", "10.1.2.4", 0);
	record_await(&rec, "set b/latest/10.0.0.0/8:80 10.1.2.4 80 weight 100");
	ask(fd, SIOCSIFFLAGS, "lo", NULL, 0);
	record_await(&rec, "del b/latest/10.0.0.0/8:80");
	ck_assert(record_has(&rec, "del a/latest/lo:80"));
	ck_assert(!record_has(&rec, "del c"));
	ask(fd, SIOCSIFFLAGS, "lo", NULL, IFF_UP);
	service_dir_rescan(dir); /* at once, whether the kernel told of it or not */
	record_await(&rec, "set b/latest/10.0.0.0/8:80 10.1.2.4 80 weight 100");
	(void)close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("service_dir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_announced_before_it_is_told_to);
	tcase_add_test(tc, without_a_wish_there_is_no_ttl);
	tcase_add_test(tc, files_are_followed);
	tcase_add_test(tc, a_broken_file_keeps_its_service);
	tcase_add_test(tc, a_shorter_ttl_is_told);
	tcase_add_test(tc, what_the_announcer_refuses_is_told);
	tcase_add_test(tc, a_missing_directory_is_refused);
	tcase_add_test(tc, addresses_are_followed);
	return unit_run("service_dir", tc);
}
