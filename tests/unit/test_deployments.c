/* Deployments: which environments the containers of an engine come to. */
#include "register/deployments.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/env.h"
#include "register/container.h"

#include "unit.h"

static struct {
	struct deployments *deployments;
	struct buf said; /* a line for each event */
} t;

/* --- what is heard ---------------------------------------------------------------------------- */

static void on_put(void *ctx, struct env *env)
{
	(void)ctx;
	buf_printf(&t.said, "put %s", env->name);
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];

		buf_printf(&t.said, " %s=%s", service->name, service->version);
		for (size_t j = 0; j < service->route_count; j++)
			buf_printf(&t.said, "@%s", service->routes[j]);
	}
	for (size_t i = 0; i < env->host_count; i++)
		buf_printf(&t.said, " host %s", env->hosts[i]);
	for (size_t i = 0; i < env->parent_count; i++)
		buf_printf(&t.said, " extends %s", env->parents[i]);
	if (env->expires != NULL)
		buf_printf(&t.said, " expires %s", env->expires);
	buf_add_char(&t.said, '\n');
}

static void on_del(void *ctx, const char *name)
{
	(void)ctx;
	buf_printf(&t.said, "del %s\n", name);
}

static void on_problem(void *ctx, const char *object, const char *reason)
{
	(void)ctx;
	buf_printf(&t.said, "%s: %s\n", object, reason == NULL ? "over" : reason);
}

static const struct deployments_events events = {on_put, on_del, on_problem};

static void set_up(void)
{
	t.deployments = deployments_new(DEPLOYMENTS_FRONT, &events, NULL);
}

static void tear_down(void)
{
	deployments_free(t.deployments);
	buf_fini(&t.said);
}

static void expect(const char *want)
{
	deployments_apply(t.deployments);
	ck_assert_str_eq(buf_str(&t.said), want);
	buf_clear(&t.said);
}

/* --- containers ------------------------------------------------------------------------------- */

/* Its id is made of the number, and it was created at that second; labels: further ones. */
static void add(int number, const char *project, const char *service, const char *labels)
{
	static const struct container_options options = {
	    .node = "n1", .takes_deployments = true, .is_planned = true, .trusts_checks = true};
	mem_auto_free char *json = mem_printf(
	    "{\"Id\":\"%064x\",\"Name\":\"/"
	    "c%d\",\"Created\":\"2026-01-01T00:00:%02dZ\",\"State\":{},"
	    "\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"\"}]}},\"Config\":{"
	    "\"Labels\":{\"com.docker.compose.project\":\"%s\",\"com.docker.compose.service\":\"%"
	    "s\""
	    "%s%s}}}",
	    (unsigned)number, number, number % 60, project, service, labels[0] == '\0' ? "" : ",",
	    labels);
	struct container *container;
	struct mf_err err;

	ck_assert_msg(container_parse(json, strlen(json), &options, &container, &err) == 0, "%s",
		      err.msg);
	deployments_set(t.deployments, container);
}

static void del(int number)
{
	mem_auto_free char *id = mem_printf("%064x", (unsigned)number);

	deployments_del(t.deployments, id);
}

/* --- the tests -------------------------------------------------------------------------------- */

START_TEST(one_without_a_word)
{
	add(1, "abc", "web", "");
	add(2, "abc", "pricing", "");
	add(3, "abc", "pricing", "");
	expect("put abc pricing=abc web=abc@/\n");
	expect("");
	del(3);
	expect("");
	del(2);
	expect("put abc web=abc@/\n");
	del(1);
	expect("del abc\n");
}
END_TEST

START_TEST(two_side_by_side)
{
	add(1, "xyz", "web", "");
	add(2, "abc", "web", "");
	add(3, "abc", "Redis", "\"mayfly.ignore\":\"1\"");
	expect("put abc web=abc@/\nput xyz web=xyz@/\n");
	del(1);
	expect("del xyz\n");
}
END_TEST

/* With no "web", or with a parent that has routes, none is made up. */
START_TEST(no_first_page)
{
	add(1, "abc", "api", "");
	add(2, "pr-1", "web", "\"mayfly.extends\":\"prod\"");
	expect("put abc api=abc\nput pr-1 web=pr-1 extends prod\n");
}
END_TEST

START_TEST(all_that_labels_say)
{
	add(1, "abc", "web", "\"mayfly.route\":\"/b/ , /a/,,\",\"mayfly.hosts\":\"x.example.com\"");
	add(2, "abc", "api",
	    "\"mayfly.hosts\":\"y.example.com,x.example.com\",\"mayfly.extends\":\"prod,base\","
	    "\"mayfly.expires\":\"8h\",\"mayfly.version\":\"7\",\"mayfly.service\":\"other\"");
	expect("put abc other=7 web=abc@/a/@/b/ host x.example.com host y.example.com "
	       "extends prod extends base expires 8h\n");
}
END_TEST

/* As while containers are replaced, in whatever order they are heard of. */
START_TEST(the_newest_counts)
{
	add(2, "abc", "web",
	    "\"mayfly.version\":\"2\",\"mayfly.route\":\"/new/\",\"mayfly.expires\":\"2h\"");
	add(1, "abc", "web", "\"mayfly.version\":\"1\",\"mayfly.route\":\"/old/\"");
	add(3, "abc", "api", "");
	expect("put abc api=abc web=2@/new/ expires 2h\n");
	del(2);
	expect("put abc api=abc web=1@/old/\n");
}
END_TEST

START_TEST(what_is_wrong_stays_as_it_was)
{
	add(1, "abc", "web", "\"mayfly.route\":\"/\"");
	add(2, "xyz", "web", "");
	expect("put abc web=abc@/\nput xyz web=xyz@/\n");
	add(1, "abc", "web", "\"mayfly.route\":\"nonsense\"");
	expect("deployment abc: environment abc: service web: route \"nonsense\": must start with "
	       "\"/\"\n");
	expect("");
	add(1, "abc", "web", "\"mayfly.route\":\"/\"");
	expect("put abc web=abc@/\ndeployment abc: over\n");
}
END_TEST

/* What never was one is not deleted either. */
START_TEST(names_that_no_environment_has)
{
	add(1, "my_shop", "web", "");
	expect("deployment my_shop: \"my_shop\": not allowed: \"_\"\n");
	del(1);
	expect("deployment my_shop: over\n");
	add(2, "a\\nb", "web", "");
	expect("container c2: port 80: deployment: \"a\\nb\": not allowed: a newline\n");
	del(2);
	expect("container c2: over\n");
	add(3, "abc", "../x", "");
	expect("container c3: port 80: service: \"../x\": not allowed: \"/\"\n");
}
END_TEST

START_TEST(a_label_of_nobody)
{
	add(1, "abc", "web", "\"mayfly.rout\":\"/\"");
	expect("put abc web=abc@/\ncontainer c1: mayfly.rout is ignored: not known; did you mean "
	       "mayfly.route?\n");
}
END_TEST

START_TEST(very_many)
{
	for (int i = 0; i < 1200; i++) {
		mem_auto_free char *service = mem_printf("s%d", i % 600);

		add(i, "abc", service, "");
	}
	add(2000, "xyz", "web", "");
	deployments_apply(t.deployments);
	ck_assert_ptr_nonnull(strstr(buf_str(&t.said), "put xyz web=xyz@/\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&t.said), "deployment abc: "));
	ck_assert_ptr_null(strstr(buf_str(&t.said), "put abc"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("deployments");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, one_without_a_word);
	tcase_add_test(tc, two_side_by_side);
	tcase_add_test(tc, no_first_page);
	tcase_add_test(tc, all_that_labels_say);
	tcase_add_test(tc, the_newest_counts);
	tcase_add_test(tc, what_is_wrong_stays_as_it_was);
	tcase_add_test(tc, names_that_no_environment_has);
	tcase_add_test(tc, a_label_of_nobody);
	tcase_add_test(tc, very_many);
	return unit_run("deployments", tc);
}
