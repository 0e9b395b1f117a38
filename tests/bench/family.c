/*
 * A family of environments for the bench: a parent with ten services, and children that differ in
 * one of them, as differences or with all services repeated; and changes of the parent, or of one
 * child, from etcd's acknowledgement to the first answer of a child that only the new state can
 * give.
 *
 *	family ENDPOINT PREFIX PORT fill extends|repeats CHILDREN
 *	family ENDPOINT PREFIX ROUTER parent|child CHILDREN TRIALS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "kv.h"
#include "model.h"
#include "router.h"

enum { SERVICES = 10, DIFFERS = SERVICES - 1, PAUSE_US = 100000 };

static struct kv kv;

/* Of version 1.0 or 1.1. */
static uint32_t address_of(unsigned service, unsigned version)
{
	return (127U << 24) + (9U << 16) + (service << 8) + version + 1;
}

static void put(const char *key, const struct buf *value)
{
	kv_put(&kv, key, value);
	if (kv.ops == KV_MAX_OPS && !kv_commit(&kv))
		exit(1);
}

static void put_instance(unsigned service, unsigned version, int64_t port)
{
	mem_auto_free char *key = mem_printf("backends/svc-%u/1.%u/a", service, version);
	uint32_t address = address_of(service, version);
	buf_auto struct buf value = BUF_INIT;

	buf_printf(&value, "%u.%u.%u.%u:%lld", address >> 24, address >> 16 & 255,
		   address >> 8 & 255, address & 255, (long long)port);
	put(key, &value);
}

/* All ten services: of the first and the last one these versions, of the others 1.0. */
static void put_whole(const char *name, unsigned first, unsigned last)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	buf_auto struct buf value = BUF_INIT;

	buf_printf(&value, "{\"name\":\"%s\",\"services\":[", name);
	for (unsigned i = 0; i < SERVICES; i++)
		buf_printf(&value,
			   "%s{\"name\":\"svc-%u\",\"version\":\"1.%u\",\"route\":\"/%.*s\"}",
			   i == 0 ? "" : ",", i,
			   i == 0	  ? first
			   : i == DIFFERS ? last
					  : 0,
			   i == 0 ? 0 : 1, &"0123456789"[i]);
	buf_add_str(&value, "]}");
	put(key, &value);
}

static void put_difference(const char *name, unsigned service, unsigned version)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	buf_auto struct buf value = BUF_INIT;

	buf_printf(&value,
		   "{\"name\":\"%s\",\"extends\":[\"parent\"],\"services\":[{\"name\":\"svc-%u\","
		   "\"version\":\"1.%u\"}]}",
		   name, service, version);
	put(key, &value);
}

static void put_child(unsigned number, bool extends)
{
	mem_auto_free char *name = mem_printf("child-%u", number);

	if (extends)
		put_difference(name, DIFFERS, 1);
	else
		put_whole(name, 0, 1);
}

static int fill(int64_t port, bool extends, int64_t children)
{
	kv_del_all(&kv);
	if (!kv_commit(&kv))
		return 1;
	for (unsigned i = 0; i < SERVICES; i++)
		for (unsigned version = 0; version < 2; version++)
			put_instance(i, version, port);
	put_whole("parent", 0, 0);
	for (unsigned i = 0; i < children; i++)
		put_child(i, extends);
	return kv_commit(&kv) ? 0 : 1;
}

static int change(bool is_parents, int64_t children, int64_t trials)
{
	int64_t *us = mem_alloc((size_t)trials * sizeof(*us));
	size_t seen = 0;

	for (unsigned i = 0; i < trials; i++) {
		unsigned version = (i + 1) % 2;
		uint32_t wanted = address_of(0, version);
		mem_auto_free char *name =
		    mem_printf("child-%u", is_parents ? i * 97 % (unsigned)children : 0);
		mem_auto_free char *host = mem_printf(WIRE_HOST_FORMAT, name);
		int64_t acknowledged, at;

		wire_sleep_us(PAUSE_US + rand() % 5000);
		if (is_parents)
			put_whole("parent", version, 0);
		else
			put_difference(name, 0, version);
		if (!kv_commit(&kv))
			return 1;
		acknowledged = wire_now_us();
		at = router_await(host, (struct range){wanted, wanted}, true);
		if (at >= 0)
			us[seen++] = at - acknowledged;
	}
	(void)printf("trials=%lld lost=%zu ", (long long)trials, (size_t)trials - seen);
	router_print("", us, seen);
	(void)putchar('\n');
	free(us);
	return 0;
}

static int usage(void)
{
	(void)fputs("usage: family ENDPOINT PREFIX PORT fill extends|repeats CHILDREN\n"
		    "       family ENDPOINT PREFIX ROUTER parent|child CHILDREN TRIALS\n",
		    stderr);
	return 64;
}

int main(int argc, char **argv)
{
	int64_t port, children, trials;
	bool is_parents;

	if (argc != 7 || !kv_init(&kv, argv[1], argv[2]))
		return usage();
	if (strcmp(argv[4], "fill") == 0 && str_parse_int(argv[3], 1, 65535, &port) &&
	    str_parse_int(argv[6], 0, 100000, &children))
		return fill(port, strcmp(argv[5], "extends") == 0, children);
	is_parents = strcmp(argv[4], "parent") == 0;
	if ((is_parents || strcmp(argv[4], "child") == 0) && router_init(argv[3]) &&
	    str_parse_int(argv[5], 1, 100000, &children) &&
	    str_parse_int(argv[6], 1, 100000, &trials))
		return change(is_parents, children, trials);
	return usage();
}
