/*
 * Templates and JSON views: data up to the first newline or NUL, then the template, which is also
 * every partial of one or two letters, on two levels.
 */
#include "fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "render/escape.h"
#include "render/template.h"

static int load(void *ctx, const char *name, int level, struct buf *ret_text, int *ret_level,
		struct mf_err *err)
{
	if (strlen(name) > 2 || level > 1)
		return mf_err_set(err, MF_ENOINPUT, "no template \"%s\"", name);
	buf_add_str(ret_text, ctx);
	*ret_level = level;
	return 0;
}

static void render(struct template_set *set, const struct view *root, template_escape_fn *escape)
{
	buf_auto struct buf out = BUF_INIT;
	struct mf_err err = {0};
	const struct template *t;
	int rc = template_set_find(set, "p", &t, &err);

	if (rc == 0)
		rc = template_render(set, t, root, escape, &out, &err);
	if (rc < 0)
		FUZZ_CHECK(out.len == 0 && rc == err.code &&
			   strstr(err.msg, "template ") == err.msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static template_escape_fn *const escapes[] = {escape_html, escape_haproxy, escape_word};
	buf_auto struct buf text = BUF_INIT;
	buf_auto struct buf printed = BUF_INIT;
	struct template_set *set;
	struct view_json *json;
	struct mf_err err;
	struct view root;
	size_t split = 0;

	while (split < size && data[split] != '\n' && data[split] != '\0')
		split++;
	if (split == size || view_json_parse((const char *)data, split, &json, &err) < 0)
		return 0;
	view_json_root(json, &root);
	view_print_json(&root, &printed);
	buf_add(&text, data + split + 1, size - split - 1);
	set = template_set_new(load, (void *)(uintptr_t)buf_str(&text));
	render(set, &root, escapes[size % 3]);
	template_set_free(set);
	view_json_free(json);
	return 0;
}
