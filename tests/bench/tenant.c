/*
 * A tenant who does its worst within its role: it may write environments and instances of its own,
 * and does so as fast as etcd takes it, for a time; then it deletes all of that.
 *
 *	tenant ENDPOINT PREFIX ENVIRONMENTSxVERSIONSxINSTANCES PORT DEED TIME
 *
 * Prints commits=N keys=N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "kv.h"
#include "model.h"

enum {
	SLOTS = 1000,	    /* environments, or versions, that it has at one time */
	JUNK = 60000,	    /* broken instances */
	HOSTS = 64,	    /* that an environment may have */
	HUGE_SERVICES = 500 /* nearly all that an environment may have */
};

static struct kv kv;
static struct model model;

static void put(const char *key, const char *value)
{
	buf_auto struct buf b = BUF_INIT;

	buf_add_str(&b, value);
	kv_put(&kv, key, &b);
}

typedef char *make_key_fn(unsigned i);

static char *make_env_key(unsigned slot)
{
	return mem_printf("environments/tenant-%u", slot);
}

static char *make_version_key(unsigned i)
{
	return mem_printf("backends/tenant/%u/a", i);
}

static char *make_junk_key(unsigned i)
{
	return mem_printf("backends/tenant/junk/i-%u", i);
}

static void del(make_key_fn *make_key, unsigned i)
{
	mem_auto_free char *key = make_key(i);

	kv_del(&kv, key);
}

/* --- deeds: each is one transaction -----------------------------------------------------------*/

/* A version that was never there, the environment that names it, and the end of an older one. */
static void do_versions(unsigned i)
{
	mem_auto_free char *version_key = make_version_key(i);
	mem_auto_free char *key = make_env_key(i % SLOTS);
	mem_auto_free char *value = mem_printf(
	    "{\"name\":\"tenant-%u\",\"services\":[{\"name\":\"tenant\",\"version\":\"%u\"}]}",
	    i % SLOTS, i);
	buf_auto struct buf instance = BUF_INIT;

	model_add_instance(&model, model_extra_address(MODEL_FRESH, i % 60000), -1, &instance);
	kv_put(&kv, version_key, &instance);
	put(key, value);
	if (i >= SLOTS)
		del(make_version_key, i - SLOTS);
}

static void do_junk(unsigned i)
{
	for (unsigned k = 0; k < 100; k++) {
		mem_auto_free char *key = make_junk_key((i * 100 + k) * 7919 % JUNK);
		mem_auto_free char *value = mem_printf("junk %u", i);

		put(key, value);
	}
}

/* Half of what it has goes at once, and is there again behind that. */
static void do_mass(unsigned i)
{
	for (unsigned k = 0; k < KV_MAX_OPS; k++) {
		unsigned slot = (i / 2 * KV_MAX_OPS + k) % SLOTS;
		mem_auto_free char *key = make_env_key(slot);
		mem_auto_free char *value =
		    mem_printf("{\"name\":\"tenant-%u\",\"services\":[\"svc-0\",\"svc-1\"]}", slot);

		if (i % 2 == 0)
			put(key, value);
		else
			del(make_env_key, slot);
	}
}

typedef void add_host_fn(struct buf *value, unsigned i, unsigned k);

static void put_hosts(unsigned i, add_host_fn *add_host)
{
	mem_auto_free char *key = make_env_key(i % SLOTS);
	buf_auto struct buf value = BUF_INIT;

	buf_printf(&value, "{\"name\":\"tenant-%u\",\"services\":[\"svc-0\"],\"hosts\":[",
		   i % SLOTS);
	for (unsigned k = 0; k < HOSTS; k++) {
		buf_add_str(&value, k == 0 ? "" : ",");
		add_host(&value, i, k);
	}
	buf_add_str(&value, "]}");
	kv_put(&kv, key, &value);
}

static void add_name(struct buf *value, unsigned i, unsigned k)
{
	buf_printf(value, "\"www-env-%05u.t%u.example.com\"",
		   (i * HOSTS + k) % (unsigned)model.envs, i % 10);
}

/* The hosts of all others, and of many that are not there. */
static void do_names(unsigned i)
{
	put_hosts(i, add_name);
}

static void add_label(struct buf *value, unsigned i, unsigned k)
{
	buf_printf(value, "\"www.h%u-%u-%u.example.com\"", i % SLOTS, k, i / SLOTS);
}

/* All hosts have one first label. */
static void do_label(unsigned i)
{
	put_hosts(i, add_label);
}

static void do_huge(unsigned i)
{
	mem_auto_free char *key = make_env_key(i % (SLOTS / 10));
	buf_auto struct buf value = BUF_INIT;

	buf_printf(&value, "{\"name\":\"tenant-%u\",\"services\":[", i % (SLOTS / 10));
	for (unsigned k = 0; k < HUGE_SERVICES; k++)
		buf_printf(&value, "%s{\"name\":\"huge-%u\",\"version\":\"%u\"}", k == 0 ? "" : ",",
			   k, i);
	buf_add_str(&value, "]}");
	kv_put(&kv, key, &value);
}

static const struct deed {
	const char *name;
	void (*act)(unsigned i);
} deeds[] = {
    {"versions", do_versions}, {"junk", do_junk},   {"mass", do_mass},
    {"names", do_names},       {"label", do_label}, {"huge", do_huge},
};

/* --- the run -----------------------------------------------------------------------------------*/

static void commit(void)
{
	if (!kv_commit(&kv))
		exit(1);
}

static void tidy_up(make_key_fn *make_key, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		del(make_key, i);
		if (kv.ops == KV_MAX_OPS)
			commit();
	}
	commit();
}

static void run(const struct deed *deed, int64_t time_ms)
{
	int64_t end = wire_now_us() + time_ms * 1000;
	size_t keys = 0;
	unsigned i = 0;

	for (; wire_now_us() < end; i++) {
		deed->act(i);
		keys += kv.ops;
		commit();
	}
	tidy_up(make_env_key, 0, SLOTS);
	if (deed->act == do_versions)
		tidy_up(make_version_key, i < SLOTS ? 0 : i - SLOTS, i);
	if (deed->act == do_junk)
		tidy_up(make_junk_key, 0, JUNK);
	(void)printf("commits=%u keys=%zu\n", i, keys);
}

int main(int argc, char **argv)
{
	int64_t time_ms;

	if (argc == 7 && kv_init(&kv, argv[1], argv[2]) && model_parse(argv[3], &model) &&
	    str_parse_int(argv[4], 1, 65535, &model.port) && str_parse_duration(argv[6], &time_ms))
		for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
			if (strcmp(deeds[i].name, argv[5]) == 0) {
				run(&deeds[i], time_ms);
				kv_fini(&kv);
				return 0;
			}
	(void)fputs("usage: tenant ENDPOINT PREFIX ENVSxVERSIONSxINSTANCES PORT DEED TIME\n"
		    "DEED: versions, junk, mass, names, label or huge\n",
		    stderr);
	return 64;
}
