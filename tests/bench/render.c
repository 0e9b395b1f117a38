/*
 * How long the model takes by itself, with no daemon and no process around it: the table filled, a
 * snapshot, a full rendering, and the snapshot after a change of one environment, both at once and
 * when others have used the processor's caches meanwhile, as after a rest.
 *
 *	render ENVIRONMENTSxVERSIONSxINSTANCES ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/templates.h"
#include "model.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/output.h"
#include "wire.h"

enum { CACHES = 128 << 20 }; /* more than the processor has */

struct times {
	int64_t *us;
	size_t count;
};

static void put(void *ctx, const char *key, const struct buf *value)
{
	table_put(ctx, key, buf_str(value), value->len, 1);
}

static int compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static double median_ms(struct times *times)
{
	int64_t middle;

	qsort(times->us, times->count, sizeof(*times->us), compare_int64);
	middle = times->us[times->count / 2];
	return (double)middle / 1000;
}

static void on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	(void)ctx;
	(void)fprintf(stderr, "render: %s: %s\n", group, why->msg);
}

/* Environment 0 gets another version, back and forth. */
static struct snapshot *change(struct table *table, const struct model *model, size_t round)
{
	buf_auto struct buf value = BUF_INIT;

	model_add_env(model, 0, "env-00000", round % 2 == 0 ? "1.1" : "1.0", &value);
	table_put(table, "environments/env-00000", value.data, value.len, 1);
	return table_snapshot(table, (int64_t)round + 2);
}

static void cool_down(void)
{
	static volatile char bytes[CACHES];

	for (size_t i = 0; i < CACHES; i += 64)
		bytes[i]++;
}

static struct snapshot *time_change(struct table *table, const struct model *model, size_t round,
				    struct snapshot *old, int64_t *ret_us)
{
	int64_t start = wire_now_us();
	struct snapshot *newer = change(table, model, round);

	snapshot_unref(old);
	*ret_us = wire_now_us() - start;
	return newer;
}

static bool measure(const struct model *model, struct times *changes, struct times *colds,
		    struct times *renders)
{
	struct settings *settings = settings_new("bench");
	struct template_set *templates = templates_open();
	struct table *table = table_new();
	struct snapshot *snapshot;
	int64_t start = wire_now_us(), filled;
	size_t rounds = changes->count, bytes = 0;
	bool good = true;

	model_list(model, put, table);
	filled = wire_now_us();
	snapshot = table_snapshot(table, 1);
	(void)printf("fill_ms=%.3f first_snapshot_ms=%.3f ", (double)(filled - start) / 1000,
		     (double)(wire_now_us() - filled) / 1000);
	for (size_t i = 0; i < rounds && good; i++) {
		struct output_set set = {0};
		struct mf_err err;

		cool_down();
		snapshot = time_change(table, model, 2 * i, snapshot, &colds->us[i]);
		snapshot = time_change(table, model, 2 * i + 1, snapshot, &changes->us[i]);
		start = wire_now_us();
		good = output_render(templates, snapshot, settings, on_bad, NULL, &set, &err) == 0;
		renders->us[i] = wire_now_us() - start;
		bytes = 0;
		for (size_t j = 0; j < set.count; j++)
			bytes += set.outputs[j].bytes.len;
		output_set_fini(&set);
	}
	(void)printf("bytes=%zu ", bytes);
	snapshot_unref(snapshot);
	table_free(table);
	template_set_free(templates);
	settings_free(settings);
	return good;
}

int main(int argc, char **argv)
{
	struct times changes = {0}, colds = {0}, renders = {0};
	struct model model = {.port = 8080};
	int64_t rounds;
	bool good;

	if (argc != 3 || !model_parse(argv[1], &model) ||
	    !str_parse_int(argv[2], 1, 100000, &rounds)) {
		(void)fputs("usage: render ENVSxVERSIONSxINSTANCES ROUNDS\n", stderr);
		return 64;
	}
	changes.count = colds.count = renders.count = (size_t)rounds;
	changes.us = mem_alloc(changes.count * sizeof(*changes.us));
	colds.us = mem_alloc(colds.count * sizeof(*colds.us));
	renders.us = mem_alloc(renders.count * sizeof(*renders.us));
	good = measure(&model, &changes, &colds, &renders);
	if (good)
		(void)printf("change_ms=%.3f cold_ms=%.3f render_ms=%.3f\n", median_ms(&changes),
			     median_ms(&colds), median_ms(&renders));
	free(changes.us);
	free(colds.us);
	free(renders.us);
	return good ? 0 : 1;
}
