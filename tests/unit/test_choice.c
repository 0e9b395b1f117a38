/* Shares of a service's requests: which number means which version, against the plain reading of
 * the rules. */
#include "model/choice.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/node.h"

#include "unit.h"

#define ROUNDS 2000

static unsigned long seed;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)((seed >> 33) % n);
}

static struct choice *choice_of(const char *json)
{
	struct choice *choice = NULL;
	struct node *node;
	struct mf_err err;

	ck_assert_int_eq(node_parse_json(json, strlen(json), &node, &err), 0);
	ck_assert_int_eq(choice_read(node, NAME_VERSION, &choice, &err), 0);
	node_free(node);
	return choice;
}

/* The version that the longest of the ranges gives some digits; CHOICE_MAX_VERSIONS: none. */
static unsigned find(const struct choice *choice, unsigned gone, const char *digits)
{
	unsigned version = CHOICE_MAX_VERSIONS;
	size_t longest = 0;

	for (size_t i = 0; i < choice->range_count; i++) {
		const struct choice_range *range = &choice->ranges[i];
		size_t len = strlen(range->digits);

		if (range->gone == gone && strncmp(range->digits, digits, len) == 0 &&
		    (version == CHOICE_MAX_VERSIONS || len > longest)) {
			version = range->version;
			longest = len;
		}
	}
	return version;
}

static unsigned look_up(const struct choice *choice, unsigned gone, unsigned number)
{
	char *digits = mem_printf("%u", 100 + number);
	unsigned version = find(choice, gone, digits);

	free(digits);
	return version;
}

/* Percents that make a hundred. */
static struct choice *random_choice(unsigned *ret_percents, unsigned *ret_count)
{
	buf_auto struct buf json = BUF_INIT;
	unsigned count = 1 + pick(CHOICE_MAX_VERSIONS), left = 100;

	for (unsigned i = 0; i < count; i++) {
		ret_percents[i] = i + 1 == count ? left : pick(3) == 0 ? 0 : pick(left + 1);
		left -= ret_percents[i];
		buf_printf(&json, "%s\"v%u\":%u", i == 0 ? "{" : ",", i, ret_percents[i]);
	}
	buf_add_char(&json, '}');
	*ret_count = count;
	return choice_of(buf_str(&json));
}

START_TEST(numbers_are_ranges_in_the_order_written)
{
	seed = 20261129;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned percents[CHOICE_MAX_VERSIONS], count, number = 0;
		struct choice *choice = random_choice(percents, &count);

		for (unsigned i = 0; i < count; i++)
			for (unsigned j = 0; j < percents[i]; j++, number++)
				ck_assert_uint_eq(look_up(choice, CHOICE_NOT_GONE, number), i);
		ck_assert_uint_eq(number, 100);
		choice_unref(choice);
	}
}
END_TEST

/* As near to their percents as whole numbers are. */
START_TEST(what_one_leaves_is_shared_by_the_others)
{
	seed = 15;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned percents[CHOICE_MAX_VERSIONS], count, first = 0;
		struct choice *choice = random_choice(percents, &count);

		for (unsigned i = 0; i < count; first += percents[i++]) {
			unsigned got[CHOICE_MAX_VERSIONS] = {0}, others = 100 - percents[i];

			for (unsigned j = first; j < first + percents[i]; j++)
				got[look_up(choice, i, j) % CHOICE_MAX_VERSIONS]++;
			for (unsigned j = 0; j < count && count > 1; j++) {
				double all = others == 0 ? count - 1 : others;
				double own = others == 0 ? 1 : percents[j];
				double fair = j == i ? 0 : percents[i] * own / all;

				ck_assert_msg(got[j] < fair + 1 && got[j] > fair - 1,
					      "%s: %u of %u: %u, not %f", choice->text, j, i,
					      got[j], fair);
			}
		}
		choice_unref(choice);
	}
}
END_TEST

START_TEST(whichever_are_gone_the_others_are_found)
{
	seed = 7;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned percents[CHOICE_MAX_VERSIONS], count, number = pick(100), steps = 0;
		struct choice *choice = random_choice(percents, &count);
		unsigned live = 1 + pick((1U << count) - 1);
		unsigned at = look_up(choice, CHOICE_NOT_GONE, number);

		for (; (live >> at & 1) == 0; steps++) {
			ck_assert_uint_lt(steps, CHOICE_MAX_VERSIONS); /* as HAProxy has it */
			at = steps == 0 ? look_up(choice, at, number) : find(choice, at, "");
			ck_assert_uint_lt(at, count);
		}
		choice_unref(choice);
	}
}
END_TEST

static const struct {
	const char *json, *main, *word;
	size_t ranges;
} choices[] = {
    {"{\"1\":100}", "1", "1=100%", 1},
    {"{\"1.4\":90,\"1.5-rc1\":10}", "1.4", "1.4=90%,1.5-rc1=10%", 4},
    {"{\"b\":50,\"a\":50}", "b", "b=50%,a=50%", 8},
    {"{\"a\":0,\"b\":100}", "b", "a=0%,b=100%", 3},
};

START_TEST(few_entries_say_it)
{
	struct choice *choice = choice_of(choices[_i].json);
	buf_auto struct buf word = BUF_INIT;

	choice_add_word(choice, &word);
	ck_assert_str_eq(word.data, choices[_i].word);
	ck_assert_str_eq(choice_main_version(choice), choices[_i].main);
	ck_assert_str_eq(choice->text, choices[_i].json);
	ck_assert_uint_eq(choice->range_count, choices[_i].ranges);
	choice_unref(choice);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("choice");

	tcase_add_test(tc, numbers_are_ranges_in_the_order_written);
	tcase_add_test(tc, what_one_leaves_is_shared_by_the_others);
	tcase_add_test(tc, whichever_are_gone_the_others_are_found);
	tcase_add_loop_test(tc, few_entries_say_it, 0, sizeof(choices) / sizeof(choices[0]));
	return unit_run("choice", tc);
}
