/* Choices: what is alike is one, what is not is not, and all of it goes with the last who holds it.
 */
#include <stdio.h>

#include "model/choices.h"
#include "model/env.h"
#include "unit.h"

enum { MANY = 500 };

static struct env_service take(const char *name, const char *version, const char **routes,
			       unsigned route_count)
{
	const struct env_service from = {name, version, routes, route_count, false};
	struct env_service service;

	choices_take(&from, &service);
	return service;
}

START_TEST(what_is_alike_is_one)
{
	const char *routes[] = {"/a/", "/b/"}, *others[] = {"/a/", "/b/"};
	struct env_service one = take("a", "1", routes, 2), same = take("a", "1", others, 2);

	routes[0] = others[0] = "gone";
	ck_assert_str_eq(one.name, "a");
	ck_assert_str_eq(one.version, "1");
	ck_assert_uint_eq(one.route_count, 2);
	ck_assert_str_eq(one.routes[0], "/a/");
	ck_assert_str_eq(one.routes[1], "/b/");
	ck_assert_ptr_eq(one.name, same.name);
	ck_assert_ptr_eq(one.routes, same.routes);
	choices_give_back(&one);
	ck_assert_str_eq(same.routes[1], "/b/");
	choices_give_back(&same);
}
END_TEST

START_TEST(what_differs_does_not_share)
{
	const char *routes[] = {"/a/", "/b/"};
	const struct env_service services[] = {
	    take("a", "1", routes, 2),	      take("a", "1", routes, 1), take("a", "1", NULL, 0),
	    take("a", "1", routes + 1, 1),    take("a", "2", routes, 2), take("b", "1", routes, 2),
	    take("a", "1/a/", routes + 1, 1),
	};
	size_t count = sizeof(services) / sizeof(*services);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_ptr_ne(services[i].name, services[j].name);
	ck_assert_str_eq(services[3].routes[0], "/b/");
	for (size_t i = 0; i < count; i++)
		choices_give_back(&services[i]);
}
END_TEST

/* So many that chains are made anew; the override is each one's own. */
START_TEST(many_are_found_again)
{
	static struct env_service first[MANY], second[MANY];
	char version[16];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(version, sizeof(version), "%d", i);
		first[i] = take("a", version, NULL, 0);
	}
	for (int i = 0; i < MANY; i += 2)
		choices_give_back(&first[i]);
	for (int i = 0; i < MANY; i++) {
		struct env_service from = {.name = "a", .version = version, .is_override = true};

		(void)snprintf(version, sizeof(version), "%d", i);
		choices_take(&from, &second[i]);
		ck_assert(second[i].is_override);
		ck_assert_str_eq(second[i].version, version);
		ck_assert(i % 2 == 0 || second[i].version == first[i].version);
	}
	for (int i = 0; i < MANY; i++) {
		if (i % 2 != 0)
			choices_give_back(&first[i]);
		choices_give_back(&second[i]);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("choices");

	tcase_add_test(tc, what_is_alike_is_one);
	tcase_add_test(tc, what_differs_does_not_share);
	tcase_add_test(tc, many_are_found_again);
	return unit_run("choices", tc);
}
