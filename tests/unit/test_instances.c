/* The words of an endpoint and the name that an instance gets by itself. */
#include "store/instances.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/name.h"
#include "unit.h"

static const struct named {
	const char *node, *address;
	unsigned port;
	const char *endpoint, *id;
} named[] = {
    {"host", "10.0.0.5", 8080, "10.0.0.5:8080", "host-10.0.0.5-8080"},
    {"host.example.com", "fd00::5", 1, "[fd00::5]:1", "host.example.com-fd00::5-1"},
    {"my host/1\n", "::1", 65535, "[::1]:65535", "my-host-1--::1-65535"},
    {"h\xc3\xb6st", "10.0.0.5", 80, "10.0.0.5:80", "h--st-10.0.0.5-80"},
};

START_TEST(names)
{
	const struct named *t = &named[_i];
	buf_auto struct buf endpoint = BUF_INIT;
	mem_auto_free char *id = instances_make_id(t->node, t->address, t->port);
	struct mf_err err;

	instances_add_endpoint(&endpoint, t->address, t->port);
	ck_assert_str_eq(endpoint.data, t->endpoint);
	ck_assert_str_eq(id, t->id);
	ck_assert_int_eq(name_check(NAME_INSTANCE, id, strlen(id), &err), 0);
}
END_TEST

START_TEST(long_node)
{
	char node[1025];
	mem_auto_free char *id = NULL;
	struct mf_err err;

	for (size_t i = 0; i < sizeof(node) - 1; i++)
		node[i] = 'x';
	node[sizeof(node) - 1] = '\0';
	id = instances_make_id(node, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
	ck_assert_int_eq(name_check(NAME_INSTANCE, id, strlen(id), &err), 0);
	ck_assert_ptr_nonnull(strstr(id, "-65535"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("instances");

	tcase_add_loop_test(tc, names, 0, (int)(sizeof(named) / sizeof(named[0])));
	tcase_add_test(tc, long_node);
	return unit_run("instances", tc);
}
