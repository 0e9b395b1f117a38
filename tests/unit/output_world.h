/*
 * What the tests of outputs share: settings and a model from text, rendered with the shipped
 * templates and one of the test.
 */
#ifndef MF_TESTS_OUTPUT_WORLD_H
#define MF_TESTS_OUTPUT_WORLD_H

#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/output.h"
#include "shipped.h"

#include "unit.h"

/* Templates of a test: found before the shipped ones. */
struct extra {
	const char *name, *text; /* name NULL: none */
};

static inline int load(void *ctx, const char *name, int level, struct buf *ret_text, int *ret_level,
		       struct mf_err *err)
{
	const struct extra *extra = ctx;

	if (extra->name != NULL && level == 0 && strcmp(name, extra->name) == 0) {
		buf_add_str(ret_text, extra->text);
		*ret_level = 0;
		return 0;
	}
	return load_shipped(name, level, ret_text, ret_level, err);
}

static inline void on_bad(void *ctx, const char *group, const struct mf_err *why)
{
	buf_printf(ctx, "%s: %s\n", group, why->msg);
}

/* Render with the shipped templates and one more; what was bad is added to ret_bad. */
static inline int render(const struct snapshot *snapshot, const struct settings *settings,
			 const struct extra *extra, struct buf *ret_bad, struct output_set *ret_set)
{
	struct template_set *templates = template_set_new(load, (void *)(uintptr_t)extra);
	int code = output_render(templates, snapshot, settings, on_bad, ret_bad, ret_set, NULL);

	template_set_free(templates);
	return code;
}

static inline const struct output *find(const struct output_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->outputs[i].name, name) == 0)
			return &set->outputs[i];
	return NULL;
}

static inline struct settings *make_settings(const char *yaml)
{
	struct settings *settings = settings_new("node1");
	struct mf_err err = {0};

	ck_assert_msg(settings_parse(settings, yaml, strlen(yaml), &err) == 0, "%s", err.msg);
	return settings;
}

/* A snapshot of lines "key value". */
static inline struct snapshot *make_snapshot(const char *model)
{
	struct table *table = table_new();
	struct snapshot *snapshot;
	char *lines = mem_dup_str(model), *rest = NULL;

	table_begin_full(table);
	for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, ' ');

		ck_assert_ptr_nonnull(value);
		*value++ = '\0';
		table_put(table, line, value, strlen(value), 1);
	}
	table_end_full(table);
	snapshot = table_snapshot(table, 7);
	table_free(table);
	free(lines);
	return snapshot;
}

static const char small_model[] =
    "environments/dev {\"name\":\"dev\",\"services\":[{\"name\":\"web\",\"version\":\"1\","
    "\"route\":\"/\"}]}\n"
    "backends/web/1/a 10.0.0.1:80\n";

static const struct extra no_extra = {NULL, NULL};

#endif
