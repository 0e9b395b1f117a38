/*
 * Fuzzes what comes out of etcd: each parser of a value, and the table with a history of changes.
 * Of the input's lines "KEY=VALUE" is a put, "KEY" a deletion, "<" and ">" the ends of a listing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "model/backend.h"
#include "model/env.h"
#include "model/service.h"
#include "model/table.h"

static void read_values(const char *value, size_t len)
{
	struct env *env;
	struct instance *instance;
	struct service *service;
	struct mf_err err;

	if (env_parse_json("dev", value, len, 1, &env, &err) == 0)
		env_unref(env);
	else
		FUZZ_CHECK(err.code == MF_EDATA && strchr(err.msg, '\n') == NULL);
	if (service_parse("a", value, len, &service, &err) == 0)
		service_unref(service);
	if (instance_parse("a", "1", "x", value, len, &instance, &err) == 0) {
		buf_auto struct buf again = BUF_INIT;

		instance_format(instance, NULL, &again);
		instance_unref(instance);
		FUZZ_CHECK(instance_parse("a", "1", "x", again.data, again.len, &instance, NULL) ==
			   0);
		instance_unref(instance);
	}
}

static void check_snapshot(const struct snapshot *s)
{
	for (size_t i = 0; i < s->env_count; i++) {
		FUZZ_CHECK(i == 0 || strcmp(s->envs[i - 1]->name, s->envs[i]->name) < 0);
		for (size_t j = 0; j < s->envs[i]->service_count; j++)
			FUZZ_CHECK(snapshot_find_backend(s, s->envs[i]->services[j].name,
							 s->envs[i]->services[j].version) != NULL);
	}
	for (size_t i = 0; i < s->backend_count; i++)
		for (size_t j = 1; j < s->backends[i]->instance_count; j++)
			FUZZ_CHECK(strcmp(s->backends[i]->instances[j - 1]->server,
					  s->backends[i]->instances[j]->server) < 0);
	for (size_t i = 1; i < s->prefix_count; i++)
		FUZZ_CHECK(strcmp(s->prefixes[i - 1].key, s->prefixes[i].key) < 0);
	FUZZ_CHECK(s->problem_count <= s->problem_total);
	for (size_t i = 0; i < s->problem_count; i++)
		FUZZ_CHECK(strpbrk(s->problems[i].object, "\n\r\x1b") == NULL);
}

static void take_line(struct table *table, const char *line, int64_t created)
{
	const char *value = strchr(line, '=');
	mem_auto_free char *key = NULL;

	if (strcmp(line, "<") == 0) {
		table_begin_full(table);
	} else if (strcmp(line, ">") == 0) {
		table_end_full(table);
	} else if (value == NULL) {
		table_del(table, line);
	} else {
		key = mem_dup_bytes(line, (size_t)(value - line));
		table_put(table, key, value + 1, strlen(value + 1), created);
	}
}

static void read_history(const char *text, size_t len)
{
	struct table *table = table_new();
	struct snapshot *old = table_snapshot(table, 0);
	int64_t revision = 0;

	table_set_shown(table, 20);
	for (size_t start = 0; start < len;) {
		const char *end = memchr(text + start, '\n', len - start);
		size_t n = end == NULL ? len - start : (size_t)(end - text) - start;
		mem_auto_free char *line = mem_dup_bytes(text + start, n);
		struct snapshot *s;

		take_line(table, line, ++revision);
		s = table_snapshot(table, revision);
		check_snapshot(s);
		snapshot_unref(old);
		old = s;
		start += n + 1;
	}
	table_free(table);
	check_snapshot(old);
	snapshot_unref(old);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_values(text, size);
	read_history(text, size);
	return 0;
}
