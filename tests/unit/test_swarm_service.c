/* Services of a swarm, in the words of a container. */
#include "register/swarm.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/node.h"
#include "register/container.h"

#include "unit.h"

#define ID "oyrnzjxeckb7cxomvg3epjvmf"

/* The stack abc, with more members of Spec, of its labels, and labels of its containers. */
#define SERVICE(spec, deploy, labels)                                                              \
	"{\"ID\":\"" ID                                                                            \
	"\",\"CreatedAt\":\"2026-11-29T21:00:54Z\",\"Spec\":{\"Name\":\"abc_web\"" spec            \
	",\"Labels\":{\"com.docker.stack.namespace\":\"abc\"" deploy "},\"TaskTemplate\":{"        \
	"\"ContainerSpec\":{\"Image\":\"app:1\",\"Labels\":{\"com.docker.stack.namespace\":"       \
	"\"abc\"" labels "},\"Env\":[\"SERVICE_TAGS=x\",7]}}}}"
#define PORTS(list) ",\"EndpointSpec\":{\"Ports\":[" list "]}"
#define PORT(port, mode)                                                                           \
	"{\"Protocol\":\"tcp\",\"TargetPort\":" port ",\"PublishMode\":\"" mode "\"}"

static const struct {
	const char *json;
	const char *want; /* service, version, route, extends */
	const char *wrong;
} services[] = {
    {SERVICE(PORTS(PORT("8080", "host")), "", ""), "web=abc - -", NULL},
    {SERVICE(PORTS(PORT("8080", "host")), ",\"mayfly.route\":\"/a/\",\"mayfly.version\":\"7\"",
	     ",\"mayfly.route\":\"/b/\",\"mayfly.extends\":\"prod\",\"mayfly.service\":\"shop\""),
     "shop=abc /a/ prod", NULL},
    {SERVICE(PORTS(PORT("8080", "host") "," PORT("8080", "host") "," PORT("18080", "host")), "",
	     ",\"mayfly.port\":\"8080\""),
     "web=abc - -", NULL},
    {SERVICE(PORTS(PORT("8080", "ingress")), "", ""), "- -",
     "port 8080 is published by the ingress: write `ports: [{target: 8080, mode: host}]`"},
    {SERVICE(PORTS("{\"Protocol\":\"udp\",\"TargetPort\":53,\"PublishMode\":\"host\"}"), "", ""),
     "- -", NULL},
    {SERVICE(PORTS("7,{}"), "", ""), "- -", NULL},
    {SERVICE("", "", ""), "- -", NULL},
};

static char *describe(const struct container *container)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < container->instance_count; i++)
		buf_printf(&b, "%s=%s ", container->instances[i].want.service,
			   container->instances[i].want.version);
	for (int i = 0; i < 2; i++) {
		const char *word = container->words[i == 0 ? CONTAINER_ROUTE : CONTAINER_EXTENDS];

		buf_printf(&b, "%s%s", i == 0 ? "" : " ", word == NULL ? "-" : word);
	}
	return buf_take(&b);
}

START_TEST(a_service_is_a_container)
{
	static const struct container_options options = {
	    .node = "n1", .takes_deployments = true, .is_planned = true, .weight = 100};
	mem_auto_free char *wrong = NULL, *got = NULL;
	buf_auto struct buf json = BUF_INIT;
	struct container *container;
	struct node *service;
	struct mf_err err;

	ck_assert_msg(
	    node_parse_json(services[_i].json, strlen(services[_i].json), &service, &err) == 0,
	    "%s", err.msg);
	ck_assert_int_eq(swarm_describe(service, &json, &wrong, &err), 0);
	ck_assert_msg(container_parse(json.data, json.len, &options, &container, &err) == 0, "%s",
		      err.msg);
	got = describe(container);
	ck_assert_str_eq(got, services[_i].want);
	ck_assert_str_eq(container->deployment, "abc");
	ck_assert(container->is_stack);
	ck_assert_str_eq(wrong == NULL ? "" : wrong,
			 services[_i].wrong == NULL ? "" : services[_i].wrong);
	container_free(container);
	node_free(service);
}
END_TEST

#define WITHOUT_ID "{\"ID\":\"\",\"Spec\":{\"Name\":\"a\",\"TaskTemplate\":{\"ContainerSpec\":{}}}}"
static const char *const bad[] = {"{}", "[]", "7", "{\"ID\":\"x\",\"Spec\":{\"Name\":\"abc_web\"}}",
				  WITHOUT_ID};

START_TEST(what_is_none)
{
	buf_auto struct buf json = BUF_INIT;
	char *wrong = NULL;
	struct node *service;

	ck_assert_int_eq(node_parse_json(bad[_i], strlen(bad[_i]), &service, NULL), 0);
	ck_assert_int_eq(swarm_describe(service, &json, &wrong, NULL), MF_EDATA);
	ck_assert_ptr_null(wrong);
	node_free(service);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *tc = tcase_create("swarm_service");

	tcase_add_loop_test(tc, a_service_is_a_container, 0, COUNT(services));
	tcase_add_loop_test(tc, what_is_none, 0, COUNT(bad));
	return unit_run("swarm_service", tc);
}
