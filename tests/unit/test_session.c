/* Who has logged in to the console, and for how long. */
#include "console/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "unit.h"

#define HOUR (INT64_C(3600) * 1000)

static struct sessions *sessions;

static void setup(void)
{
	sessions = sessions_new();
}

static void teardown(void)
{
	sessions_free(sessions);
}

static const struct session *find(const char *format, const char *cookie, int64_t now)
{
	mem_auto_free char *cookies = mem_printf("%s" SESSION_COOKIE "=%s", format, cookie);

	return sessions_find(sessions, cookies, now);
}

START_TEST(a_cookie_is_known_again)
{
	const struct session *session = sessions_add(sessions, "anna", "secret", 1);
	const struct session *other = sessions_add(sessions, NULL, NULL, 1);

	ck_assert_str_eq(session->user, "anna");
	ck_assert_ptr_null(other->user);
	ck_assert_str_ne(session->cookie, other->cookie);
	ck_assert_str_ne(session->cookie, session->csrf);
	ck_assert_uint_eq(strlen(session->cookie), 32);
	ck_assert_ptr_eq(find("", session->cookie, 2), session);
	ck_assert_ptr_eq(find("a=b; ", session->cookie, 2), session);
	ck_assert_ptr_eq(find(SESSION_COOKIE "=x; ", other->cookie, 2), other);
	ck_assert_ptr_null(find("x", session->cookie, 2));
	ck_assert_ptr_null(find("", session->csrf, 2));
	ck_assert_ptr_null(find("", "", 2));
	ck_assert_ptr_null(sessions_find(sessions, NULL, 2));
	ck_assert_ptr_null(sessions_find(sessions, SESSION_COOKIE, 2));
	ck_assert(session_has_token(session, session->csrf));
	ck_assert(!session_has_token(session, other->csrf));
	ck_assert(!session_has_token(session, ""));
	ck_assert(!session_has_token(session, NULL));
}
END_TEST

START_TEST(it_ends)
{
	const struct session *session = sessions_add(sessions, "anna", "secret", 0);
	mem_auto_free char *cookie = mem_dup_str(session->cookie);

	ck_assert_ptr_nonnull(find("", cookie, 7 * HOUR));
	ck_assert_ptr_nonnull(find("", cookie, 14 * HOUR));
	ck_assert_ptr_null(find("", cookie, 23 * HOUR));
	session = sessions_add(sessions, "anna", "secret", 0);
	free(cookie);
	cookie = mem_dup_str(session->cookie);
	sessions_end(sessions, session);
	ck_assert_ptr_null(find("", cookie, 1));
}
END_TEST

START_TEST(the_one_unused_for_longest_makes_way)
{
	const struct session *first = sessions_add(sessions, "anna", "secret", 0);
	mem_auto_free char *cookie = mem_dup_str(first->cookie);
	mem_auto_free char *second = mem_dup_str(sessions_add(sessions, "b", "x", 1)->cookie);

	ck_assert_ptr_nonnull(find("", cookie, 2));
	for (int i = 0; i < 63; i++)
		(void)sessions_add(sessions, "c", "x", 3);
	ck_assert_ptr_nonnull(find("", cookie, 4));
	ck_assert_ptr_null(find("", second, 4));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("session");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_cookie_is_known_again);
	tcase_add_test(tc, it_ends);
	tcase_add_test(tc, the_one_unused_for_longest_makes_way);
	return unit_run("session", tc);
}
