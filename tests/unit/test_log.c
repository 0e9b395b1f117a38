/* base/log: one line an event, whatever the values hold. */
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static char line[4096];
static int read_end, saved_stderr;

/* What log_write puts on standard error goes into a pipe that line is read from. */
static void begin(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	read_end = ends[0];
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	(void)close(ends[1]);
}

static const char *end(void)
{
	ssize_t n;

	ck_assert_int_ge(dup2(saved_stderr, STDERR_FILENO), 0);
	(void)close(saved_stderr);
	n = read(read_end, line, sizeof(line) - 1);
	line[n < 0 ? 0 : n] = '\0';
	(void)close(read_end);
	return line;
}

#define LOGGED(call) (begin(), (call), end())

START_TEST(text_line)
{
	log_init("kvwatch", LOG_LEVEL_INFO, LOG_TEXT);
	ck_assert_str_eq(
	    LOGGED(log_info("applied", LOG_INT("revision", 7), LOG_STR("target", "haproxy"))),
	    "info kvwatch: applied revision=7 target=haproxy\n");
	ck_assert_str_eq(
	    LOGGED(log_warn("odd", LOG_STR("a", "two words"), LOG_STR("b", "q\"uote"),
			    LOG_STR("c", ""), LOG_STR("d", "x=y"), LOG_STR("e", NULL),
			    LOG_INT("f", INT64_MIN))),
	    "warn kvwatch: odd a=\"two words\" b=\"q\\\"uote\" c=\"\" d=\"x=y\" e=\"\" "
	    "f=-9223372036854775808\n");
}
END_TEST

START_TEST(remote_bytes_forge_no_line)
{
	const char *s;

	log_init("t", LOG_LEVEL_INFO, LOG_TEXT);
	s = LOGGED(log_error("a\nb", LOG_STR("k", "x\nerror t: forged\x1b[2J"),
			     LOG_STR("l", "no-space\n\x9b")));
	ck_assert_ptr_eq(strchr(s, '\n'), s + strlen(s) - 1);
	ck_assert_ptr_null(strchr(s, '\x1b'));
	ck_assert_ptr_null(strchr(s, '\x9b'));
	ck_assert_ptr_nonnull(strstr(s, "a\\nb"));
}
END_TEST

START_TEST(levels_filter)
{
	log_init("t", LOG_LEVEL_WARN, LOG_TEXT);
	ck_assert_str_eq(LOGGED(log_info("quiet")), "");
	ck_assert_str_eq(LOGGED(log_debug("quiet")), "");
	ck_assert_str_eq(LOGGED(log_warn("heard")), "warn t: heard\n");
	log_set(LOG_LEVEL_DEBUG, LOG_TEXT);
	ck_assert_str_eq(LOGGED(log_debug("heard")), "debug t: heard\n");
}
END_TEST

START_TEST(json_line)
{
	const char *s, *rest;

	log_init("t", LOG_LEVEL_INFO, LOG_JSON);
	s = LOGGED(log_info("a \"b\"\n", LOG_INT("n", -1), LOG_STR("s", "\x01")));
	ck_assert_int_eq(strncmp(s, "{\"time\":\"20", 11), 0);
	rest = strstr(s, "Z\",\"level\"");
	ck_assert_ptr_nonnull(rest);
	ck_assert_str_eq(rest, "Z\",\"level\":\"info\",\"tool\":\"t\",\"msg\":\"a \\\"b\\\"\\n\","
			       "\"n\":-1,\"s\":\"\\u0001\"}\n");
}
END_TEST

START_TEST(parses_names)
{
	enum log_level level = LOG_LEVEL_INFO;
	enum log_format format = LOG_TEXT;

	ck_assert(log_parse_level("error", &level) && level == LOG_LEVEL_ERROR);
	ck_assert(log_parse_level("debug", &level) && level == LOG_LEVEL_DEBUG);
	ck_assert(!log_parse_level("Debug", &level) && !log_parse_level("", &level));
	ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
	ck_assert(log_parse_format("json", &format) && format == LOG_JSON);
	ck_assert(!log_parse_format("xml", &format));
	ck_assert_int_eq(format, LOG_JSON);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("log");

	tcase_add_test(tc, text_line);
	tcase_add_test(tc, remote_bytes_forge_no_line);
	tcase_add_test(tc, levels_filter);
	tcase_add_test(tc, json_line);
	tcase_add_test(tc, parses_names);
	return unit_run("log", tc);
}
