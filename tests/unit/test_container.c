/* Containers: what their inspect replies come to. */
#include "register/container.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/backend.h"
#include "register/check_kind.h"
#include "sys/file.h"

#include "unit.h"

#define ID "83021f7b637b899695404ee8d2f097fd22d27b5fdc4a7dfdd8de9a3941a0c75f"

static const struct container_options plain = {.node = "n1", .address = "10.0.0.5", .weight = 100};
static const struct container_options trusting = {
    .node = "n1", .address = "10.0.0.5", .weight = 100, .trusts_env = true, .trusts_id = true};

/* One line for the state, one for each instance, one for the remarks. */
static char *describe(const struct container *c)
{
	static const char *const states[] = {"down", "paused", "starting", "up", "unhealthy"};
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s %s", c->name, states[c->state]);
	for (size_t i = 0; i < c->instance_count; i++) {
		const struct announcement *in = &c->instances[i].want;

		buf_printf(&b, "\n%s %s %s %s:%u %u", in->service, in->version, in->id, in->address,
			   in->port, in->weight);
		for (size_t j = 0; in->tags != NULL && in->tags[j] != NULL; j++)
			buf_printf(&b, " #%s", in->tags[j]);
		for (size_t j = 0; j < in->attribute_count; j++)
			buf_printf(&b, " %s=%s", in->attributes[j].name, in->attributes[j].value);
		if (in->check_count != 0)
			buf_printf(&b, " %s every %lld%s", in->checks[0]->kind->name,
				   (long long)in->checks[0]->interval_ms,
				   in->is_initially_up ? " at once" : "");
		if (in->env != NULL)
			buf_printf(&b, " env %s", in->env);
	}
	if (c->remarks != NULL)
		buf_printf(&b, "\n%c %s", c->is_wrong ? '!' : '?', c->remarks);
	return buf_take(&b);
}

static void expect(const char *json, size_t len, const struct container_options *options,
		   const char *want)
{
	struct container *container;
	struct mf_err err;
	char *got;

	ck_assert_msg(container_parse(json, len, options, &container, &err) == 0, "%s", err.msg);
	got = describe(container);
	ck_assert_str_eq(got, want);
	free(got);
	container_free(container);
}

/* --- real replies ---------------------------------------------------------------------------- */

static const struct {
	const char *file;
	struct container_options options;
	const char *want;
} replies[] = {
    /* on 127.0.0.1:32771, on all addresses with a port of its own for each family; 7000 only
       exposed */
    {"two-networks",
     {.node = "n1", .address = "10.0.0.5", .weight = 100},
     "aa starting\nalpha-8080 2 n1-aa-8080 127.0.0.1:32771 100\n"
     "alpha-9000 2 n1-aa-9000 10.0.0.5:32769 100\n"
     "? port 8080: published on 127.0.0.1, where only this host reaches it; 2 ports, so the port "
     "is part of the service's name; mayfly.port chooses one"},
    {"two-networks",
     {.node = "n1", .address = "fd00::5", .weight = 7},
     "aa starting\nalpha-8080 2 n1-aa-8080 127.0.0.1:32771 7\n"
     "alpha-9000 2 n1-aa-9000 fd00::5:32768 7\n"
     "? port 8080: published on 127.0.0.1, where only this host reaches it; 2 ports, so the port "
     "is part of the service's name; mayfly.port chooses one"},
    {"two-networks",
     {.node = "n1", .weight = 100},
     "aa starting\nalpha-8080 2 n1-aa-8080 127.0.0.1:32771 100\n"
     "! port 8080: published on 127.0.0.1, where only this host reaches it; port 9000: this node's "
     "address is not known: say --ip; "
     "2 ports, so the port is part of the service's name; mayfly.port chooses one"},
    {"two-networks",
     {.node = "n1", .is_internal = true, .network = "n2", .weight = 100},
     "aa starting\nalpha-7000 2 n1-aa-7000 172.31.250.18:7000 100\n"
     "alpha-8080 2 n1-aa-8080 172.31.250.18:8080 100\n"
     "alpha-9000 2 n1-aa-9000 172.31.250.18:9000 100\n"
     "? 3 ports, so the port is part of the service's name; mayfly.port chooses one"},
    {"host",
     {.node = "n1", .address = "10.0.0.5", .weight = 100},
     "hh up\n? has neither mayfly.service nor SERVICE_NAME"},
    {"host",
     {.node = "n1", .address = "10.0.0.5", .takes_all = true, .weight = 100},
     "hh up\nweb 1.2 n1-hh-82 10.0.0.5:82 100"}, /* -p 82:82 says which of 81 and 82 counts */
};

START_TEST(real_replies)
{
	mem_auto_free char *path = mem_printf("tests/data/docker/%s.json", replies[_i].file);
	buf_auto struct buf json = BUF_INIT;
	struct mf_err err;

	ck_assert_msg(file_read(path, 1 << 20, &json, &err) == 0, "%s", err.msg);
	expect(json.data, json.len, &replies[_i].options, replies[_i].want);
}
END_TEST

/* --- words ----------------------------------------------------------------------------------- */

/* A container with the port 80 published as 32000, and these members of Config. */
static char *make_reply(const char *config)
{
	return mem_printf("{\"Id\":\"" ID "\",\"Name\":\"/c\",\"State\":{\"Running\":true},"
			  "\"Image\":\"sha256:0123456789abcdef\",\"HostConfig\":{\"NetworkMode\":"
			  "\"bridge\"},\"Config\":{%s},\"NetworkSettings\":{\"Ports\":{\"80/tcp\":"
			  "[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"32000\"}]},\"Networks\":"
			  "{\"bridge\":{\"IPAddress\":\"172.17.0.2\"}}}}",
			  config);
}

#define ENV(...)    "\"Image\":\"team/web:1.2\",\"Env\":[" __VA_ARGS__ "]"
#define LABELS(...) ",\"Labels\":{" __VA_ARGS__ "}"
#define AT	    "n1-c-80 10.0.0.5:32000 100"
#define UP(rest)    "c up\n" rest

static const struct {
	const char *config, *want;
} words[] = {
    {ENV(), UP("? has neither mayfly.service nor SERVICE_NAME")},
    {ENV("\"SERVICE_NAME=\""), UP("? has neither mayfly.service nor SERVICE_NAME")},
    {ENV("\"SERVICE_NAME=a\""), UP("a 1.2 " AT)},
    {ENV("\"SERVICE_name=a\""), UP("a 1.2 " AT)},
    {ENV() LABELS("\"SERVICE_NAME\":\"a\""), UP("a 1.2 " AT)},
    /* which wins */
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"SERVICE_NAME\":\"b\""), UP("a 1.2 " AT)},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_80_NAME=b\""), UP("b 1.2 " AT)},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"SERVICE_80_NAME\":\"b\""), UP("b 1.2 " AT)},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_80_NAME=b\"") LABELS("\"mayfly.service\":\"c\""),
     UP("c 1.2 " AT)},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_VERSION=2\",\"SERVICE_80_VERSION=3\""), UP("a 3 " AT)},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_80_VERSION=3\"") LABELS("\"mayfly.version\":\"4\""),
     UP("a 4 " AT)},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_81_VERSION=3\""), UP("a 1.2 " AT)},
    {ENV("\"SERVICE_81_NAME=a\""), UP("? port 80: no SERVICE_80_NAME")},
    /* ignored */
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_IGNORE=1\""), UP("? is to be ignored")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_IGNORE=false\""), UP("a 1.2 " AT)},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_80_IGNORE=true\""),
     UP("? no TCP port is published: publish one, or use --internal")},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.ignore\":\"yes\""), UP("? is to be ignored")},
    /* what else it says */
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_TAGS=x,,y\\\\,z\",\"SERVICE_REGION=eu\","
	 "\"SERVICE_80_Region=us\",\"SERVICE_81_ROLE=db\""),
     UP("a 1.2 " AT " #x #y,z region=us")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_PORT=1\""),
     UP("a 1.2 " AT "\n! SERVICE_PORT cannot be an attribute")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_ID=x1\""), UP("a 1.2 x1 10.0.0.5:32000 100")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_ID=x/1\""), UP("! port 80: id \"x/1\": not allowed: \"/\"")},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.weight\":\"0\",\"mayfly.env\":\"pr-42\""),
     UP("a 1.2 n1-c-80 10.0.0.5:32000 0 env pr-42")},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.weight\":\"257\""),
     UP("! port 80: weight: \"257\": must be a whole number from 0 to 256")},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.env\":\"PR\""),
     UP("! port 80: env \"PR\": not allowed: \"P\": write lower case")},
    {ENV("\"SERVICE_NAME=a b\""), UP("! port 80: service \"a b\": not allowed: a space")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_VERSION=.1\""),
     UP("! port 80: version \".1\": must start with a letter, a digit or \"_\"")},
    /* ports */
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.port\":\"80\""), UP("a 1.2 " AT)},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.port\":\"80/udp\""),
     UP("! mayfly.port=80/udp: no TCP port")},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.port\":\"90\""), UP("! port 90: is not published")},
    /* checks */
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_CHECK_HTTP=/health\",\"SERVICE_CHECK_INTERVAL=3s\""),
     UP("a 1.2 " AT " http every 3000")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_80_CHECK_TCP=true\",\"SERVICE_CHECK_INITIAL_STATUS="
	 "passing\""),
     UP("a 1.2 " AT " tcp every 10000 at once")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_CHECK_TCP=false\""), UP("a 1.2 " AT)},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_CHECK_HTTP=/\"") LABELS("\"mayfly.check\":\"tcp\""),
     UP("a 1.2 " AT " tcp every 10000")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_CHECK_SCRIPT=rm x\""),
     UP("! port 80: check: runs a program here: only with --trust-checks")},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.check\":\"http://10.0.0.9/\""),
     UP("! port 80: check: asks another host: only with --trust-checks")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_CHECK_HTTP=/\",\"SERVICE_CHECK_TEXT=ok\""),
     UP("a 1.2 " AT " http every 10000")},
    /* words that are not as they are meant */
    {ENV("\"SERVICE_NAME=MyApp\""), UP("myapp 1.2 " AT "\n? service MyApp is registered as myapp")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_CHECK_HTPP=/x\""),
     UP("a 1.2 " AT "\n! SERVICE_CHECK_HTPP is ignored: not known; did you mean "
	"SERVICE_CHECK_HTTP?")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_80_CHECK_LIVENESS=5s\""),
     UP("a 1.2 " AT "\n! SERVICE_80_CHECK_LIVENESS is ignored: not known")},
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.wieght\":\"7\",\"mayfly.check_fal\":\"7\""),
     UP("a 1.2 " AT "\n! mayfly.wieght is ignored: not known; did you mean mayfly.weight?; "
	"mayfly.check_fal is ignored: not known; did you mean mayfly.check_fall?")},
    {ENV() LABELS("\"mayfly.sevice\":\"a\""),
     UP("! has neither mayfly.service nor SERVICE_NAME; mayfly.sevice is ignored: not known; did "
	"you mean mayfly.service?")},
    {ENV("\"SERVICE_CHECK_OTHER=1\""), UP("? has neither mayfly.service nor SERVICE_NAME")},
};

START_TEST(what_it_says)
{
	mem_auto_free char *json = make_reply(words[_i].config);

	expect(json, strlen(json), &trusting, words[_i].want);
}
END_TEST

static const struct {
	const char *config, *want;
} untrusted[] = {
    {ENV("\"SERVICE_NAME=a\"") LABELS("\"mayfly.env\":\"prod\",\"mayfly.id\":\"n2-b-80\""),
     UP("a 1.2 " AT "\n! mayfly.id=n2-b-80 is ignored: only with --trust-id; mayfly.env=prod is "
	"ignored: only with --trust-env")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_ID=x\""),
     UP("a 1.2 " AT "\n! SERVICE_ID=x is ignored: only with --trust-id")},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_80_ID=x\",\"SERVICE_ID=y\""),
     UP("a 1.2 " AT "\n! SERVICE_80_ID=x is ignored: only with --trust-id")},
    {ENV("\"SERVICE_NAME=team-b\""),
     UP("! port 80: service team-b is not among those allowed here: a, team-a-*")},
    {ENV("\"SERVICE_NAME=team-a-web\""), UP("team-a-web 1.2 " AT)},
};

START_TEST(what_it_may_not_say)
{
	static char *patterns[] = {(char *)"a", (char *)"team-a-*", NULL};
	struct container_options options = plain;
	mem_auto_free char *json = make_reply(untrusted[_i].config);

	options.allow_services = patterns;
	expect(json, strlen(json), &options, untrusted[_i].want);
}
END_TEST

/* --- deployments ------------------------------------------------------------------------------ */

#define COMPOSE(project, service, more)                                                            \
	LABELS("\"com.docker.compose.project\":\"" project                                         \
	       "\",\"com.docker.compose.service\":\"" service "\"" more)
#define NUMBER(n) ",\"com.docker.compose.container-number\":\"" n "\""
#define STACK(name, service, task)                                                                 \
	LABELS("\"com.docker.stack.namespace\":\"" name                                            \
	       "\",\"com.docker.swarm.service.name\":\"" service                                   \
	       "\",\"com.docker.swarm.task.name\":\"" task "\"")
#define OF(rest) " deployment=abc name=" rest

static const struct {
	const char *config, *want;
} deployed[] = {
    {ENV() COMPOSE("abc", "apples", NUMBER("2")), UP("apples abc " AT OF("2.apples.abc"))},
    {ENV() STACK("abc", "abc_apples", "abc_apples.3.k7q0"),
     UP("apples abc " AT OF("3.apples.abc"))},
    /* a global service has no slots; a service's name need not begin with the stack's */
    {ENV() STACK("abc", "abc_apples", "abc_apples.x2nq.k7q0"),
     UP("apples abc " AT OF("apples.abc"))},
    {ENV() STACK("abc", "apples", "apples.1.k7q0"), UP("apples abc " AT OF("1.apples.abc"))},
    /* what the container says comes first */
    {ENV()
	 COMPOSE("abc", "apples", NUMBER("1") ",\"mayfly.service\":\"a\",\"mayfly.version\":\"7\""),
     UP("a 7 " AT OF("1.apples.abc"))},
    {ENV("\"SERVICE_NAME=a\",\"SERVICE_DEPLOYMENT=x\"") COMPOSE("abc", "apples", NUMBER("1")),
     UP("a abc " AT OF("1.apples.abc"))},
    {ENV() COMPOSE("abc", "apples", ",\"mayfly.ignore\":\"1\""), UP("? is to be ignored")},
    /* what is no copy of a service */
    {ENV() COMPOSE("abc", "apples", ",\"com.docker.compose.oneoff\":\"True\""),
     UP("? was started by `docker-compose run`")},
    {ENV() COMPOSE("", "apples", ""),
     UP("? has neither mayfly.service nor SERVICE_NAME, and is of no deployment")},
    {ENV() COMPOSE("abc", "", ""),
     UP("? has neither mayfly.service nor SERVICE_NAME, and is of no deployment")},
    /* names that cannot be, and numbers */
    {ENV() COMPOSE("a b", "apples", ""),
     UP("! port 80: deployment: \"a b\": not allowed: a space")},
    {ENV() COMPOSE("abc", "../x", ""), UP("! port 80: service: \"../x\": not allowed: \"/\"")},
    {ENV() COMPOSE("abc", "apples", NUMBER("99999999999999999999")),
     UP("apples abc " AT OF("apples.abc"))},
};

START_TEST(of_a_deployment)
{
	struct container_options options = plain;
	mem_auto_free char *json = make_reply(deployed[_i].config);

	options.takes_deployments = true;
	expect(json, strlen(json), &options, deployed[_i].want);
}
END_TEST

START_TEST(without_the_option_a_deployment_is_nothing)
{
	mem_auto_free char *json =
	    make_reply(ENV("\"SERVICE_NAME=a\"") COMPOSE("abc", "apples", ""));

	expect(json, strlen(json), &plain, UP("a 1.2 " AT));
}
END_TEST

/* --- images ---------------------------------------------------------------------------------- */

static const struct {
	const char *image, *want;
} images[] = {
    {"web", "web latest"},
    {"web:1.2", "web 1.2"},
    {"registry:5000/team/web", "web latest"},
    {"registry:5000/team/web:1.2", "web 1.2"},
    {"web@sha256:fedcba9876543210", "web sha256-fedcba987654"},
    {"web:1.2@sha256:fedcba9876543210", "web 1.2"},
    {"web@sha256:short", "web latest"},
};

START_TEST(version_of_the_image)
{
	static const struct container_options all = {
	    .node = "n1", .address = "10.0.0.5", .takes_all = true, .weight = 100};
	mem_auto_free char *config = mem_printf("\"Image\":\"%s\"", images[_i].image);
	mem_auto_free char *json = make_reply(config);
	mem_auto_free char *want = mem_printf("c up\n%s " AT, images[_i].want);

	expect(json, strlen(json), &all, want);
}
END_TEST

START_TEST(image_by_its_id)
{
	static const char *const ids[] = {"sha256:0123456789abcdef", "0123456789ab"};
	mem_auto_free char *config =
	    mem_printf("\"Image\":\"%s\",\"Env\":[\"SERVICE_NAME=a\"]", ids[_i]);
	mem_auto_free char *json = make_reply(config);

	expect(json, strlen(json), &plain, UP("a sha256-0123456789ab " AT));
}
END_TEST

/* --- networks -------------------------------------------------------------------------------- */

#define OWN                                                                                        \
	"{\"Id\":\"" ID "\",\"Name\":\"/c\",\"State\":{\"Running\":true},\"HostConfig\":{"         \
	"\"NetworkMode\":\"%s\"},\"Config\":{\"Image\":\"web:1\",\"ExposedPorts\":{\"80/tcp\":{}," \
	"\"53/udp\":{}},\"Labels\":{\"mayfly.service\":\"a\"%s}},\"NetworkSettings\":{"            \
	"\"Networks\":{%s}}}"
#define NET4(name, address)                                                                        \
	"\"" name "\":{\"IPAddress\":\"" address "\",\"GlobalIPv6Address\":\"\"}"
#define NET6(name, address)                                                                        \
	"\"" name "\":{\"IPAddress\":\"\",\"GlobalIPv6Address\":\"" address "\"}"
#define TWO NET4("x", "10.1.0.2") "," NET4("y", "10.2.0.2")

static const struct {
	const char *mode, *labels, *networks, *network, *want;
} nets[] = {
    {"x", "", NET4("x", "10.1.0.2"), NULL, "a 1 n1-c-80 10.1.0.2:80 100"},
    {"x", "", NET6("x", "fd00::2"), NULL, "a 1 n1-c-80 fd00::2:80 100"},
    {"x", "", TWO, NULL,
     "! port 80: is in the networks x and y: choose by the label mayfly.network or --network"},
    {"x", "", TWO, "y", "a 1 n1-c-80 10.2.0.2:80 100"},
    {"x", "", TWO, "10.1.0.0/16", "a 1 n1-c-80 10.1.0.2:80 100"},
    {"x", "", TWO, "10.2.0.2/31", "a 1 n1-c-80 10.2.0.2:80 100"},
    {"x", "", TWO, "10.2.0.0/31", "! port 80: has no address in the network 10.2.0.0/31"},
    {"x", "", TWO, "z", "! port 80: has no address in the network z"},
    {"x", "", TWO "," NET6("w", "fd00::2"), "fd00::/8", "a 1 n1-c-80 fd00::2:80 100"},
    {"x", ",\"mayfly.network\":\"x\"", TWO, "y", "a 1 n1-c-80 10.1.0.2:80 100"},
    {"none", "", "\"none\":{\"IPAddress\":\"\"}", NULL, "! port 80: has no address of its own"},
    {"container:abc", "", "", NULL,
     "! port 80: shares another container's network: register that one"},
    {"host", "", "\"host\":{}", NULL, "a 1 n1-c-80 10.0.0.5:80 100"},
};

START_TEST(own_address)
{
	const struct container_options options = {.node = "n1",
						  .address = "10.0.0.5",
						  .is_internal = true,
						  .network = nets[_i].network,
						  .weight = 100};
	mem_auto_free char *json =
	    mem_printf(OWN, nets[_i].mode, nets[_i].labels, nets[_i].networks);
	mem_auto_free char *want = mem_printf("c up\n%s", nets[_i].want);

	expect(json, strlen(json), &options, want);
}
END_TEST

START_TEST(the_label_of_a_network_is_enough)
{
	mem_auto_free char *json = mem_printf(OWN, "x", ",\"mayfly.network\":\"x\"", TWO);

	expect(json, strlen(json), &plain, "c up\na 1 n1-c-80 10.1.0.2:80 100");
}
END_TEST

START_TEST(network_option)
{
	ck_assert_int_eq(container_check_network("front", NULL), 0);
	ck_assert_int_eq(container_check_network("10.0.0.0/8", NULL), 0);
	ck_assert_int_eq(container_check_network("fd00::/8", NULL), 0);
	ck_assert_int_eq(container_check_network("", NULL), MF_EDATA);
	ck_assert_int_eq(container_check_network("10.0.0.0/33", NULL), MF_EDATA);
	ck_assert_int_eq(container_check_network("front/8", NULL), MF_EDATA);
}
END_TEST

/* --- states ---------------------------------------------------------------------------------- */

static const struct {
	const char *state, *stop_signal;
	enum container_state want;
	int want_signal;
} states[] = {
    {"\"Running\":false", "\"\"", CONTAINER_DOWN, 15},
    {"\"Running\":true,\"Restarting\":true", "\"SIGQUIT\"", CONTAINER_DOWN, 3},
    {"\"Running\":true,\"Dead\":true", "\"int\"", CONTAINER_DOWN, 2},
    {"\"Running\":true,\"Paused\":true", "\"10\"", CONTAINER_PAUSED, 10},
    {"\"Running\":true", "\"SIGRTMIN+3\"", CONTAINER_UP, 37},
    {"\"Running\":true,\"Health\":{\"Status\":\"none\"}", "\"RTMIN+99\"", CONTAINER_UP, 15},
    {"\"Running\":true,\"Health\":{\"Status\":\"starting\"}", "\"x\"", CONTAINER_STARTING, 15},
    {"\"Running\":true,\"Health\":{\"Status\":\"healthy\"}", "null", CONTAINER_UP, 15},
    {"\"Running\":true,\"Health\":{\"Status\":\"unhealthy\"}", "65", CONTAINER_UNHEALTHY, 15},
};

START_TEST(how_it_is)
{
	mem_auto_free char *json = mem_printf(
	    "{\"Id\":\"" ID "\",\"Name\":\"/c\",\"State\":{%s},\"Config\":{\"StopSignal\":%s}}",
	    states[_i].state, states[_i].stop_signal);
	struct container *container;
	struct mf_err err;

	ck_assert_int_eq(container_parse(json, strlen(json), &plain, &container, &err), 0);
	ck_assert_int_eq(container->state, states[_i].want);
	ck_assert_int_eq(container->stop_signal, states[_i].want_signal);
	container_free(container);
}
END_TEST

START_TEST(no_container)
{
	static const char *const texts[] = {"",
					    "{",
					    "[]",
					    "{}",
					    "{\"Id\":\"../x\",\"Name\":\"/c\",\"State\":{}}",
					    "{\"Id\":\"" ID "\",\"Name\":\"/c\"}",
					    "{\"Id\":\"" ID "\",\"State\":{}}"};
	struct container *container = NULL;
	struct mf_err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_int_eq(
		    container_parse(texts[i], strlen(texts[i]), &plain, &container, &err),
		    MF_EDATA);
	ck_assert_ptr_null(container);
}
END_TEST

/* An image that exposes all ports must not cost more than its first. */
START_TEST(very_many_ports)
{
	const struct container_options options = {
	    .node = "n1", .address = "10.0.0.5", .is_internal = true, .weight = 100};
	buf_auto struct buf json = BUF_INIT;
	struct container *container;
	struct mf_err err;

	buf_add_str(&json, "{\"Id\":\"" ID "\",\"Name\":\"/c\",\"State\":{\"Running\":true},"
			   "\"Config\":{\"Image\":\"web\",\"Env\":[\"SERVICE_NAME=a\"],"
			   "\"ExposedPorts\":{\"1/tcp\":{}");
	for (int i = 2; i < 65536; i++)
		buf_printf(&json, ",\"%d/tcp\":{}", i);
	buf_add_str(&json, "}},\"NetworkSettings\":{\"Networks\":{\"x\":{\"IPAddress\":"
			   "\"10.1.0.2\"}}}}");
	ck_assert_int_eq(container_parse(json.data, json.len, &options, &container, &err), 0);
	ck_assert_uint_eq(container->instance_count, 64);
	ck_assert_ptr_nonnull(strstr(container->remarks, "more than 64 ports"));
	container_free(container);
}
END_TEST

/* It would be in etcd, and in the memory of all that watch it. */
START_TEST(a_huge_label_is_ignored)
{
	mem_auto_free char *huge = mem_printf("%*s", 500000, "x");
	mem_auto_free char *config = mem_printf(
	    ENV("\"SERVICE_NAME=a\",\"SERVICE_TAGS=y\"") LABELS("\"mayfly.tags\":\"%s\""), huge);
	mem_auto_free char *json = make_reply(config);

	expect(json, strlen(json), &plain,
	       UP("a 1.2 " AT " #y\n! mayfly.tags is ignored: too long"));
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *tc = tcase_create("container");

	tcase_add_loop_test(tc, real_replies, 0, COUNT(replies));
	tcase_add_loop_test(tc, what_it_says, 0, COUNT(words));
	tcase_add_loop_test(tc, of_a_deployment, 0, COUNT(deployed));
	tcase_add_test(tc, without_the_option_a_deployment_is_nothing);
	tcase_add_loop_test(tc, what_it_may_not_say, 0,
			    (int)(sizeof(untrusted) / sizeof(untrusted[0])));
	tcase_add_loop_test(tc, version_of_the_image, 0, COUNT(images));
	tcase_add_loop_test(tc, image_by_its_id, 0, 2);
	tcase_add_loop_test(tc, own_address, 0, COUNT(nets));
	tcase_add_test(tc, the_label_of_a_network_is_enough);
	tcase_add_test(tc, network_option);
	tcase_add_loop_test(tc, how_it_is, 0, COUNT(states));
	tcase_add_test(tc, no_container);
	tcase_add_test(tc, very_many_ports);
	tcase_add_test(tc, a_huge_label_is_ignored);
	return unit_run("container", tc);
}
