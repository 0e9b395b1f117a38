/* Lists of users: which lines are taken. */
#include <string.h>

#include "base/buf.h"
#include "model/users.h"
#include "unit.h"

#define SHA256 "$5$mayfly$lm77lnjw06Issg9wmUu6AqwbB4lEfRuqzkGOP3Xq.TC"
#define TOO_SLOW                                                                                   \
	"1: HAProxy would answer nobody for more than a second while it computes this hash: take " \
	"bcrypt's cost 10, or SHA's default\n"

static void on_problem(void *ctx, unsigned line, const char *why, bool is_left_out)
{
	buf_printf(ctx, "%s%u: %s\n", is_left_out ? "" : "slow ", line, why);
}

static const struct {
	const char *text, *names, *problems;
} files[] = {
    {"", "", ""},
    {"# ann:x\n\nben:" SHA256 "\r\nann:" SHA256, "ann ben ", ""},
    {"ann:" SHA256 "\nben:" SHA256 "\nann:" SHA256 "\n", "ben ", "0: a name stands there twice\n"},
    {"ann\n:" SHA256 "\n", "", "1: is not NAME:HASH\n2: is not NAME:HASH\n"},
    {"a b:" SHA256 "\n", "", "1: a name has letters, digits and ._@+-, and at most 64 of them\n"},
    {"ann:$apr1$wDrRExeP$Kx4vPPbKPbBU3uJbGVnB60\n", "",
     "1: HAProxy cannot match such a hash ($apr1$ and {SHA} are Apache's own): make it by "
     "mkpasswd, or htpasswd -B\n"},
    {"ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", "",
     "1: HAProxy cannot match such a hash ($apr1$ and {SHA} are Apache's own): make it by "
     "mkpasswd, or htpasswd -B\n"},
    {"ann:secret\n", "", "1: no hash of crypt(5) that begins with $5$, $6$, $2b$, $2y$ or $y$\n"},
    {"ann:$5$a b\n", "", "1: what follows its beginning is no hash of crypt(5)\n"},
    {"ann:$2y$10$abc\nben:$5$rounds=5000$a$b\nclo:$y$j9T$a$b\n", "ann ben clo ", ""},
    {"ann:$2y$11$abc\n", "ann ",
     "slow 1: HAProxy answers nobody while it computes this hash, for 0.1 s or more: take bcrypt's "
     "cost 10, or SHA's default\n"},
    {"ann:$6$rounds=1000000$a$b\n", "ann ",
     "slow 1: HAProxy answers nobody while it computes this hash, for 0.1 s or more: take bcrypt's "
     "cost 10, or SHA's default\n"},
    {"ann:$y$jFT$a$b\n", "ann ",
     "slow 1: HAProxy answers nobody while it computes this hash, for 0.1 s or more: take bcrypt's "
     "cost 10, or SHA's default\n"},
    /* What would hold up HAProxy for good: a user who may write a list is no administrator of it.
     */
    {"ann:$5$rounds=999999999$a$b\n", "", TOO_SLOW},
    {"ann:$6$rounds=2000001$a$b\n", "", TOO_SLOW},
    {"ann:$2y$15$abc\n", "", TOO_SLOW},
    {"ann:$y$jGT$a$b\n", "", TOO_SLOW},
    {"ann:$y$jFz.$a$b\n", "", TOO_SLOW},
    {"ann:$y$j9T5z$a$b\n", "", TOO_SLOW},
    {"ann:$y$\n", "", TOO_SLOW},
};

START_TEST(good_lines_are_taken_and_others_named)
{
	buf_auto struct buf names = BUF_INIT, problems = BUF_INIT;
	struct user_lists lists = {NULL, 0}, again = {NULL, 0};
	const char *text = files[_i].text;

	users_parse("team", text, strlen(text), on_problem, &problems, &lists);
	ck_assert_uint_eq(lists.count, 1);
	for (size_t i = 0; i < lists.lists[0].count; i++)
		buf_printf(&names, "%s ", lists.lists[0].users[i].name);
	ck_assert_str_eq(buf_str(&names), files[_i].names);
	ck_assert_str_eq(buf_str(&problems), files[_i].problems);
	users_parse("team", text, strlen(text), on_problem, &problems, &again);
	ck_assert(users_are_equal(&lists, &again));
	users_fini(&lists);
	users_fini(&again);
}
END_TEST

START_TEST(lists_differ_in_names_and_hashes)
{
	static const char *const texts[] = {"a:$5$x", "a:$5$y", "b:$5$x", "a:$5$x\nb:$5$x"};
	struct user_lists lists[4] = {{NULL, 0}};
	struct user_lists other = {NULL, 0};

	for (int i = 0; i < 4; i++)
		users_parse("team", texts[i], strlen(texts[i]), on_problem, NULL, &lists[i]);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			ck_assert(users_are_equal(&lists[i], &lists[j]) == (i == j));
	users_parse("aside", texts[0], strlen(texts[0]), on_problem, NULL, &other);
	ck_assert(!users_are_equal(&lists[0], &other));
	users_parse("a-team", texts[0], strlen(texts[0]), on_problem, NULL, &other);
	users_sort(&other);
	ck_assert_str_eq(other.lists[0].name, "a-team");
	for (int i = 0; i < 4; i++)
		users_fini(&lists[i]);
	users_fini(&other);
}
END_TEST

START_TEST(there_are_only_so_many)
{
	buf_auto struct buf text = BUF_INIT, problems = BUF_INIT;
	struct user_lists lists = {NULL, 0};

	for (int i = 0; i < USERS_MAX + 20; i++)
		buf_printf(&text, "u%d:" SHA256 "\n", i);
	users_parse("team", text.data, text.len, on_problem, &problems, &lists);
	ck_assert_uint_eq(lists.lists[0].count, USERS_MAX);
	ck_assert_int_eq(strncmp(problems.data, "1001: there are more than 1000 users\n", 37), 0);
	users_fini(&lists);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("users");

	tcase_add_loop_test(tc, good_lines_are_taken_and_others_named, 0,
			    sizeof(files) / sizeof(files[0]));
	tcase_add_test(tc, lists_differ_in_names_and_hashes);
	tcase_add_test(tc, there_are_only_so_many);
	return unit_run("users", tc);
}
