/* Map entries: which there are, and what they say. */
#include "render/routing.h"

#include <string.h>

#include "base/mem.h"
#include "model/env.h"
#include "model/table.h"

#include "unit.h"

static const char *root_route[] = {"/"};
static const char *two_routes[] = {"/shop/?", "/tasks/||200|/tasks|/|"};
static struct env_service old_services[] = {
    {.name = "backend", .version = "0.0.1"},
    {.name = "frontend", .version = "0.0.2", .routes = root_route, .route_count = 1},
};
static struct env_service new_services[] = {
    {.name = "tasks", .version = "1.4-rc1", .routes = two_routes, .route_count = 2},
};
static struct env old_env = {.name = "prod",
			     .header = "Prod.1",
			     .services = old_services,
			     .service_count = 2,
			     .digest = UINT64_C(0x0123456789abcdef)};
/* It asked for a header that the older one holds. */
static struct env new_env = {.name = "thief",
			     .header = "Prod.1",
			     .services = new_services,
			     .service_count = 1,
			     .digest = UINT64_C(0xfedcba9876543210)};
static struct env *envs[] = {&old_env, &new_env};
static struct claim headers[] = {{"Prod.1", &old_env}};
static struct claim prefixes[] = {{"www", &old_env}, {"www-thief", &new_env}};
static struct claim hosts[] = {{"shop.example.com", &new_env}};
static const struct snapshot model = {.envs = envs,
				      .env_count = 2,
				      .hosts = hosts,
				      .host_count = 1,
				      .prefixes = prefixes,
				      .prefix_count = 2,
				      .headers = headers,
				      .header_count = 1};

static const struct {
	enum routing_map map;
	size_t i;
	const char *key, *value;
} expected[] = {
    {ROUTING_ROUTES, 0, "prod@0123456789abcdef/", "frontend:0.0.2"},
    {ROUTING_ROUTES, 1, "thief@fedcba9876543210/shop/?", "tasks:1.4-rc1"},
    {ROUTING_ROUTES, 2, "thief@fedcba9876543210/tasks/", "||200|/tasks|/||tasks:1.4-rc1"},
    {ROUTING_VERSIONS, 0, "prod@0123456789abcdef/backend", "backend:0.0.1"},
    {ROUTING_VERSIONS, 1, "prod@0123456789abcdef/frontend", "frontend:0.0.2"},
    {ROUTING_VERSIONS, 2, "thief@fedcba9876543210/tasks", "tasks:1.4-rc1"},
    {ROUTING_NAMES, 0, "prod", "Prod.1"},
    {ROUTING_NAMES, 1, "thief", "@thief"},
    {ROUTING_ENVIRONMENTS, 0, "prod", "prod@0123456789abcdef"},
    {ROUTING_ENVIRONMENTS, 1, "thief", "thief@fedcba9876543210"},
    {ROUTING_HEADERS, 0, "Prod.1", "prod"},
    {ROUTING_HEADERS, 1, "@thief", "thief"},
    {ROUTING_HOSTS, 0, "shop.example.com./", "thief"},
    {ROUTING_HOSTS, 1, "www.", "prod"},
    {ROUTING_HOSTS, 2, "www-thief.", "thief"},
};

START_TEST(entries)
{
	struct routing *routing = routing_new(&model);
	struct routing_entry entry;

	routing_get(routing, expected[_i].map, expected[_i].i, &entry);
	ck_assert_str_eq(entry.key, expected[_i].key);
	ck_assert_str_eq(entry.value, expected[_i].value);
	ck_assert_uint_eq(entry.key_len, strlen(entry.key));
	ck_assert_uint_eq(entry.value_len, strlen(entry.value));
	ck_assert_uint_eq(routing_find(routing, expected[_i].map, entry.key), expected[_i].i);
	routing_free(routing);
}
END_TEST

START_TEST(nothing_is_left_out)
{
	struct routing *routing = routing_new(&model);
	size_t count = 0;

	for (enum routing_map map = 0; map < ROUTING_MAP_COUNT; map++)
		count += routing_count(routing, map);
	ck_assert_uint_eq(count, sizeof(expected) / sizeof(expected[0]));
	routing_free(routing);
}
END_TEST

static const struct {
	enum routing_map map;
	const char *key;
} unknown[] = {
    {ROUTING_ROUTES, "prod@0123456789abcde0/"}, /* another generation */
    {ROUTING_ROUTES, "prod@0123456789abcdef/shop/"},
    {ROUTING_ROUTES, "thief@fedcba9876543210/"},
    {ROUTING_ROUTES, "prod@0123456789abcdef"},
    {ROUTING_ROUTES, "prod@0123456789abcdef0/"},
    {ROUTING_ROUTES, "prod"},
    {ROUTING_ROUTES, "/"},
    {ROUTING_ROUTES, ""},
    {ROUTING_VERSIONS, "prod@0123456789abcdef/tasks"},
    {ROUTING_VERSIONS, "prod@0123456789abcdef/"},
    {ROUTING_VERSIONS, "thief@0123456789abcdef/tasks"},
    {ROUTING_NAMES, "pro"},
    {ROUTING_NAMES, "prod2"},
    {ROUTING_ENVIRONMENTS, ""},
    {ROUTING_HEADERS, "@prod"},
    {ROUTING_HEADERS, "Prod"},
    {ROUTING_HOSTS, "shop.example.com."},
    {ROUTING_HOSTS, "www./"},
    {ROUTING_HOSTS, "www"},
    {ROUTING_HOSTS, "www-."},
    {ROUTING_HOSTS, "."},
    {ROUTING_HOSTS, "./"},
    {ROUTING_HOSTS, ""},
};

START_TEST(finds_no_other_key)
{
	struct routing *routing = routing_new(&model);

	ck_assert_uint_eq(routing_find(routing, unknown[_i].map, unknown[_i].key), SIZE_MAX);
	routing_free(routing);
}
END_TEST

START_TEST(empty_model)
{
	static const struct snapshot empty;
	struct routing *routing = routing_new(&empty);

	for (enum routing_map map = 0; map < ROUTING_MAP_COUNT; map++) {
		ck_assert_uint_eq(routing_count(routing, map), 0);
		ck_assert_uint_eq(routing_find(routing, map, "prod@0123456789abcdef/"), SIZE_MAX);
	}
	routing_free(routing);
}
END_TEST

START_TEST(an_environment_set_aside_has_a_reason_in_one_word)
{
	static struct env aside = {.name = "pr",
				   .header = "pr",
				   .digest = UINT64_C(0xab),
				   .aside = "extends prod (in \"a\";\\), which is not there"};
	static struct env *list[] = {&aside};
	static const struct snapshot snapshot = {.envs = list, .env_count = 1};
	struct routing *routing = routing_new(&snapshot);
	struct routing_entry entry;

	ck_assert_uint_eq(routing_count(routing, ROUTING_ROUTES), 0);
	ck_assert_uint_eq(routing_count(routing, ROUTING_VERSIONS), 1);
	routing_get(routing, ROUTING_VERSIONS, 0, &entry);
	ck_assert_str_eq(entry.key, "pr@00000000000000ab~/.aside");
	ck_assert_str_eq(entry.value, "extends_prod_[in_.a...],_which_is_not_there");
	ck_assert_uint_eq(entry.value_len, strlen(entry.value));
	ck_assert_uint_eq(routing_find(routing, ROUTING_VERSIONS, entry.key), 0);
	ck_assert_uint_eq(routing_find(routing, ROUTING_VERSIONS, "pr@00000000000000ab~/aside"),
			  SIZE_MAX);
	routing_free(routing);
}
END_TEST

START_TEST(a_version_leads_to_the_next_one)
{
	static struct env_fallback fallbacks[] = {{"tasks", "pr", "2", 1},
						  {"tasks", "2", "1.4", 2}};
	static struct env env = {.name = "pr",
				 .header = "pr",
				 .digest = UINT64_C(0xab),
				 .services = new_services,
				 .service_count = 1,
				 .fallbacks = fallbacks,
				 .fallback_count = 2};
	static struct env *list[] = {&env};
	static const struct snapshot snapshot = {.envs = list, .env_count = 1};
	struct routing *routing = routing_new(&snapshot);
	struct routing_entry entry;

	ck_assert_uint_eq(routing_count(routing, ROUTING_VERSIONS), 3);
	routing_get(routing, ROUTING_VERSIONS, 2, &entry);
	ck_assert_str_eq(entry.key, "pr@00000000000000ab/tasks:2");
	ck_assert_str_eq(entry.value, "tasks:1.4");
	ck_assert_uint_eq(entry.key_len, strlen(entry.key));
	ck_assert_uint_eq(entry.value_len, strlen(entry.value));
	ck_assert_uint_eq(routing_find(routing, ROUTING_VERSIONS, entry.key), 2);
	ck_assert_uint_eq(routing_find(routing, ROUTING_VERSIONS, "pr@00000000000000ab/tasks:3"),
			  SIZE_MAX);
	routing_free(routing);
}
END_TEST

/* One has moved, one is gone, one has come and gone; and what has not changed is there once. */
static struct env moved_env = {
    .name = "prod", .header = "Prod.1", .services = old_services, .service_count = 1, .digest = 1};
static struct env gone_env = {
    .name = "gone", .header = "gone", .services = new_services, .service_count = 1, .digest = 2};
static struct env gone_before = {
    .name = "gone", .header = "gone", .services = old_services, .service_count = 1, .digest = 3};
static struct env robbed_env = {.name = "robbed",
				.header = "Prod.1",
				.services = old_services,
				.service_count = 1,
				.digest = 4};
static struct routing_past_env past_envs[] = {{&gone_before, true},
					      {&gone_env, true},
					      {&old_env, true},
					      {&moved_env, true},
					      {&robbed_env, true}};
static const struct routing_past past = {past_envs, 5};

static const struct {
	enum routing_map map;
	size_t i;
	const char *key, *value;
} of_past[] = {
    {ROUTING_ROUTES, 3, "gone@0000000000000002/shop/?", "tasks:1.4-rc1"},
    {ROUTING_ROUTES, 4, "gone@0000000000000002/tasks/", "||200|/tasks|/||tasks:1.4-rc1"},
    {ROUTING_VERSIONS, 3, "gone@0000000000000003/backend", "backend:0.0.1"},
    {ROUTING_VERSIONS, 4, "gone@0000000000000002/tasks", "tasks:1.4-rc1"},
    {ROUTING_VERSIONS, 5, "prod@0000000000000001/backend", "backend:0.0.1"},
    {ROUTING_VERSIONS, 6, "robbed@0000000000000004/backend", "backend:0.0.1"},
    {ROUTING_NAMES, 2, "gone", "gone"},
    {ROUTING_NAMES, 3, "robbed", "@robbed"},
    {ROUTING_ENVIRONMENTS, 2, "gone", "gone@0000000000000003"},
    {ROUTING_ENVIRONMENTS, 3, "robbed", "robbed@0000000000000004"},
    {ROUTING_HEADERS, 2, "gone", "gone"},
    {ROUTING_HEADERS, 3, "@robbed", "robbed"},
};

START_TEST(what_was_is_added)
{
	struct routing *routing = routing_new_with(&model, &past);
	struct routing_entry entry;
	size_t count = 0;

	for (enum routing_map map = 0; map < ROUTING_MAP_COUNT; map++)
		count += routing_count(routing, map);
	ck_assert_uint_eq(count, sizeof(expected) / sizeof(expected[0]) +
				     sizeof(of_past) / sizeof(of_past[0]));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		routing_get(routing, expected[i].map, expected[i].i, &entry);
		ck_assert_str_eq(entry.key, expected[i].key);
	}
	routing_get(routing, of_past[_i].map, of_past[_i].i, &entry);
	ck_assert_str_eq(entry.key, of_past[_i].key);
	ck_assert_str_eq(entry.value, of_past[_i].value);
	routing_free(routing);
}
END_TEST

START_TEST(a_choice_has_entries_of_its_own)
{
	static const struct {
		enum routing_map map;
		const char *key, *value;
	} said[] = {
	    {ROUTING_CHOICES, "pr@00000000000000ab/a:1", "a:1"},
	    {ROUTING_CHOICES, "pr@00000000000000ab/a:19", "a:2"},
	    {ROUTING_CHOICES, "pr@00000000000000ab/a:a:1/", "a:2"},
	    {ROUTING_CHOICES, "pr@00000000000000ab/a:a:2/", "a:1"},
	    {ROUTING_CHOICES, "pr@00000000000000ab/a:.word", "a:1=90%,2=10%"},
	    {ROUTING_ROUTES, "pr@00000000000000ab/", "a:@pr@00000000000000ab/a:"},
	    {ROUTING_VERSIONS, "pr@00000000000000ab/a", "a:@pr@00000000000000ab/a:"},
	    {ROUTING_VERSIONS, "pr@00000000000000ab/a:@pr@00000000000000ab/a:", "a:0"},
	};
	static const char json[] = "{\"name\":\"pr\",\"services\":[{\"name\":\"a\",\"route\":\"/\","
				   "\"versions\":{\"1\":90,\"2\":10}},\"b\"]}";
	struct env_fallback fallback = {"a", ENV_ANY_VERSION, "0", 0};
	struct env *env;
	struct snapshot one = {.envs = &env, .env_count = 1};
	struct routing *routing;
	struct routing_entry entry;
	size_t i;

	ck_assert_int_eq(env_parse_json("pr", json, strlen(json), 1, &env, NULL), 0);
	env->digest = 0xab;
	env->fallbacks = &fallback;
	env->fallback_count = 1;
	routing = routing_new(&one);
	ck_assert_uint_eq(routing_count(routing, ROUTING_CHOICES), 5);
	for (size_t j = 0; j < sizeof(said) / sizeof(said[0]); j++) {
		i = routing_find(routing, said[j].map, said[j].key);
		ck_assert_uint_ne(i, SIZE_MAX);
		routing_get(routing, said[j].map, i, &entry);
		ck_assert_str_eq(entry.key, said[j].key);
		ck_assert_str_eq(entry.value, said[j].value);
		ck_assert_uint_eq(entry.value_len, strlen(entry.value));
	}
	ck_assert_uint_eq(routing_find(routing, ROUTING_CHOICES, "pr@00000000000000ab/a:2"),
			  SIZE_MAX);
	ck_assert_uint_eq(routing_find(routing, ROUTING_CHOICES, "pr@00000000000000ab/b:1"),
			  SIZE_MAX);
	ck_assert_uint_eq(routing_count_entries(env), 5 + 1 + 3);
	routing_free(routing);
	env_unref(env);
}
END_TEST

static const char *by_get[] = {"/|POST||||", "/a/|GET||||"};
static const char *by_any[] = {"/a/||1|||", "/b/"};
static const char *by_put[] = {"/a/|PUT||/a|/|", "/a/?|DELETE||||"};
static struct env_service by_method[] = {
    {.name = "any", .version = "1", .routes = by_any, .route_count = 2},
    {.name = "get", .version = "2", .routes = by_get, .route_count = 2},
    {.name = "put", .version = "3", .routes = by_put, .route_count = 2},
};
static struct env_limited limited[] = {{1, 0}, {1, 1}, {2, 0}, {2, 1}};
static struct env method_env = {.name = "m",
				.header = "m",
				.services = by_method,
				.service_count = 3,
				.limited = limited,
				.limited_count = 4,
				.digest = 1};

/* Each path has one entry for all methods that nobody names there, and one for each of the others.
 */
START_TEST(methods_have_entries_of_their_own)
{
	static const char *const want[] = {
	    "m@0000000000000001/a/=|/a/|1||||any:1",
	    "m@0000000000000001/b/=any:1",
	    "m@0000000000000001/=|/||||405!POST|",
	    "m@0000000000000001/a/?=|/a/?|1||||any:1",
	    "m@0000000000000001/any=any:1",
	    "m@0000000000000001/get=get:2",
	    "m@0000000000000001/put=put:3",
	    "m@0000000000000001/.GET/a/=get:2",
	    "m@0000000000000001/.POST/a/=||1||||any:1",
	    "m@0000000000000001/.PUT/a/=|||/a|/||put:3",
	    "m@0000000000000001/.POST/=get:2",
	    "m@0000000000000001/.GET/a/?=get:2",
	    "m@0000000000000001/.POST/a/?=||1||||any:1",
	    "m@0000000000000001/.PUT/a/?=|||/a|/||put:3",
	    "m@0000000000000001/.DELETE/a/?=put:3",
	};
	struct env *one[] = {&method_env};
	const struct snapshot snapshot = {.envs = one, .env_count = 1};
	struct routing *routing = routing_new(&snapshot);
	const size_t routes = routing_count(routing, ROUTING_ROUTES);
	const size_t versions = routing_count(routing, ROUTING_VERSIONS);
	struct routing_entry entry;

	ck_assert_uint_eq(routes, 4);
	ck_assert_uint_eq(routes + versions, sizeof(want) / sizeof(want[0]));
	ck_assert_uint_eq(routing_count_entries(&method_env), routes + versions);
	for (size_t i = 0; i < routes + versions; i++) {
		enum routing_map map = i < routes ? ROUTING_ROUTES : ROUTING_VERSIONS;
		size_t at = i < routes ? i : i - routes;
		mem_auto_free char *line = NULL;

		routing_get(routing, map, at, &entry);
		line = mem_printf("%s=%s", entry.key, entry.value);
		ck_assert_str_eq(line, want[i]);
		ck_assert_uint_eq(entry.value_len, strlen(entry.value));
		ck_assert_uint_eq(routing_find(routing, map, entry.key), at);
	}
	ck_assert_uint_eq(routing_find(routing, ROUTING_VERSIONS, "m@0000000000000001/.GET/b/"),
			  SIZE_MAX);
	routing_free(routing);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("routing");

	tcase_add_loop_test(tc, entries, 0, sizeof(expected) / sizeof(expected[0]));
	tcase_add_test(tc, nothing_is_left_out);
	tcase_add_loop_test(tc, finds_no_other_key, 0, sizeof(unknown) / sizeof(unknown[0]));
	tcase_add_test(tc, empty_model);
	tcase_add_test(tc, methods_have_entries_of_their_own);
	tcase_add_test(tc, an_environment_set_aside_has_a_reason_in_one_word);
	tcase_add_test(tc, a_version_leads_to_the_next_one);
	tcase_add_test(tc, a_choice_has_entries_of_its_own);
	tcase_add_loop_test(tc, what_was_is_added, 0, sizeof(of_past) / sizeof(of_past[0]));
	return unit_run("routing", tc);
}
