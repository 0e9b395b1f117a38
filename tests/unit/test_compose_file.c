/* Compose files as docker-compose resolves them: labels, hosts, ports and networks. */
#include "operator/compose_file.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strlist.h"

#include "unit.h"

static struct compose_file *parse(const char *text)
{
	struct compose_file *file = NULL;
	struct mf_err err;

	ck_assert_msg(compose_file_parse(text, strlen(text), &file, &err) == 0, "%s", err.msg);
	return file;
}

static const struct {
	const char *text, *want;
} labels[] = {
    {"services:\n  web: {image: x}\n", ""},
    {"services:\n  web: {image: x, x-mayfly: {route: /}}\n  redis: {x-mayfly: {protocol: tcp}}\n"
     "  api: {x-mayfly: {protocol: http, hosts: [a.example.com, b.example.com], version: '1.10'}}\n"
     "version: '3.9'\n",
     "version: \"3.9\"\nservices:\n  web:\n    labels:\n      \"mayfly.route\": \"/\"\n"
     "  redis:\n    labels:\n      \"mayfly.ignore\": \"true\"\n"
     "  api:\n    labels:\n      \"mayfly.hosts\": \"a.example.com,b.example.com\"\n"
     "      \"mayfly.version\": \"1.10\"\n"},
    /* a file without `services:` has services at the top, and so has what is laid over it */
    {"services:\n  web: {x-mayfly: {extends: prod}}\nversion: '1'\n",
     "web:\n  labels:\n    \"mayfly.extends\": \"prod\"\n"},
};

START_TEST(labels_of_x_mayfly)
{
	struct compose_file *file = parse(labels[_i].text);
	buf_auto struct buf yaml = BUF_INIT;

	compose_file_add_labels(file, &yaml);
	ck_assert_str_eq(buf_str(&yaml), labels[_i].want);
	compose_file_free(file);
}
END_TEST

START_TEST(hosts_of_both)
{
	struct compose_file *file =
	    parse("services:\n  web: {x-mayfly: {hosts: 'a.example.com, b.example.com'}}\n"
		  "  api: {labels: {mayfly.hosts: c.example.com}}\n");
	char *const *hosts = compose_file_hosts(file);

	ck_assert_uint_eq(strlist_count(hosts), 3);
	ck_assert_str_eq(hosts[1], "b.example.com");
	ck_assert_str_eq(hosts[2], "c.example.com");
	compose_file_free(file);
}
END_TEST

static const struct {
	const char *text, *want;
} bad[] = {
    {"", "has no services"},
    {"services: {}\n", "has no services"},
    {"services:\n  web: {x-mayfly: {rout: /}}\n",
     "service web: x-mayfly: unknown key \"rout\": did you mean \"route\"?"},
    {"services:\n  web: {x-mayfly: {protocol: udp}}\n",
     "service web: x-mayfly: protocol: \"udp\": must be http or tcp"},
    {"services:\n  web: {x-mayfly: {route: {path: /}}}\n", "service web: x-mayfly: route: "},
    {"services:\n  web: {x-mayfly: [route]}\n", "service web: x-mayfly: "},
};

START_TEST(what_cannot_be)
{
	struct compose_file *file = NULL;
	struct mf_err err;

	ck_assert_int_eq(compose_file_parse(bad[_i].text, strlen(bad[_i].text), &file, &err),
			 MF_EDATA);
	ck_assert_ptr_null(file);
	ck_assert_msg(strncmp(err.msg, bad[_i].want, strlen(bad[_i].want)) == 0, "%s", err.msg);
}
END_TEST

#define PS                                                                                         \
	"abc 0.0.0.0:8080->80/tcp, :::8080->80/tcp\nxyz 0.0.0.0:32768->80/tcp\n "                  \
	"127.0.0.1:9000->1/tcp\n"

static const struct {
	const char *ports, *want;
} ports[] = {
    {"['80']", NULL},
    {"['8081:80/tcp', '80:80']", NULL},
    {"['8080:80/tcp']", "service web: port 8080 is published by the project abc: "},
    {"['127.0.0.1:32768:80']", "service web: port 32768 is published by the project xyz: "},
    {"[{published: 8080, target: 80}]", "service web: port 8080 is published by the project abc: "},
    {"[{published: '9000', target: 80}]",
     "service web: port 9000 is published by a container of no project: "},
    {"[{target: 8080}]", NULL},
    {"[{published: 99999}, 'x:y']", NULL},
    {"8080", NULL},
};

START_TEST(fixed_ports)
{
	mem_auto_free char *text = mem_printf("services:\n  web: {ports: %s}\n", ports[_i].ports);
	struct compose_file *file = parse(text);
	struct mf_err err = {0};
	int code = compose_file_check_ports(file, "pr-1", PS, &err);

	ck_assert_int_eq(code, ports[_i].want == NULL ? 0 : MF_EDATA);
	if (ports[_i].want != NULL)
		ck_assert_msg(strncmp(err.msg, ports[_i].want, strlen(ports[_i].want)) == 0, "%s",
			      err.msg);
	ck_assert_int_eq(compose_file_check_ports(file, "pr-1", "", &err), 0);
	compose_file_free(file);
}
END_TEST

/* What it has itself is its own. */
START_TEST(ports_of_its_own)
{
	struct compose_file *file = parse("services:\n  web: {ports: ['8080:80']}\n");

	ck_assert_int_eq(compose_file_check_ports(file, "abc", PS, NULL), 0);
	ck_assert_int_eq(compose_file_check_ports(file, "ab", PS, NULL), MF_EDATA);
	compose_file_free(file);
}
END_TEST

static const struct {
	const char *networks, *want;
} networks[] = {
    {"{}", NULL},
    {"{default: {ipam: {}}}", NULL},
    {"{default: {name: abc_default}}", NULL}, /* as docker compose writes each */
    {"{default: {name: front}}", "network front: "},
    {"{back: {external: true}}", "network back: "},
};

START_TEST(shared_networks)
{
	mem_auto_free char *text =
	    mem_printf("services:\n  web: {image: x}\nnetworks: %s\n", networks[_i].networks);
	struct compose_file *file = parse(text);
	mem_auto_free char *found = compose_file_find_shared(file, "abc");

	if (networks[_i].want == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_ptr_nonnull(strstr(found, networks[_i].want));
	compose_file_free(file);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *tc = tcase_create("compose_file");

	tcase_add_loop_test(tc, labels_of_x_mayfly, 0, COUNT(labels));
	tcase_add_test(tc, hosts_of_both);
	tcase_add_loop_test(tc, what_cannot_be, 0, COUNT(bad));
	tcase_add_loop_test(tc, fixed_ports, 0, COUNT(ports));
	tcase_add_test(tc, ports_of_its_own);
	tcase_add_loop_test(tc, shared_networks, 0, COUNT(networks));
	return unit_run("compose_file", tc);
}
