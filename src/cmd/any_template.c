/* `cfgrender --template`: a template and its data from anywhere.  Knows no model and no settings.
 */
#include "cmd/any_template.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/templates.h"
#include "sys/file.h"

static int read_input(const char *path, struct buf *ret_text, struct mf_err *err)
{
	char piece[8192];
	size_t n;

	if (strcmp(path, "-") != 0)
		return file_read(path, TEMPLATE_MAX_BYTES, ret_text, err);
	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0) {
		buf_add(ret_text, piece, n);
		if (ret_text->len > TEMPLATE_MAX_BYTES)
			return mf_err_set(err, MF_EDATA, "standard input: longer than %zu bytes",
					  TEMPLATE_MAX_BYTES);
	}
	return 0;
}

static int read_data(const char *data, struct buf *ret_text, struct mf_err *err)
{
	if (data == NULL)
		data = "{}";
	if (strchr("{[\"", data[strspn(data, " \t\r\n")]) == NULL)
		return read_input(data, ret_text, err);
	buf_add_str(ret_text, data);
	return 0;
}

int any_template_render(const struct any_template *r, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT, data = BUF_INIT, out = BUF_INIT;
	struct template_set *set = templates_open_partials(r->partials);
	const struct template *tmpl;
	struct view_json *json = NULL;
	struct view root;
	int code;

	code = read_input(r->template, &text, err);
	if (code == 0)
		code = read_data(r->data, &data, err);
	if (code == 0 && (code = view_json_parse(buf_str(&data), data.len, &json, err)) != 0)
		mf_err_wrap(err, "--data");
	if (code == 0)
		code = template_set_add(set, r->template, buf_str(&text), text.len, &tmpl, err);
	if (code == 0) {
		view_json_root(json, &root);
		code = template_render(set, tmpl, &root, r->escape, &out, err);
	}
	if (code == 0)
		code = file_print(&out, err);
	view_json_free(json);
	template_set_free(set);
	return code;
}
