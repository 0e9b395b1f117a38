/* Finding templates: in directories first, then among the built-in ones.  Compiles and renders
 * none. */
#include "cmd/templates.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "render/builtin.h"
#include "render/template.h"
#include "sys/file.h"

#define DEFAULT_PATH MAYFLY_SYSCONFDIR "/mayfly/templates"
#define SUFFIX	     ".mustache"

/* The level-th directory of the search path; false behind the last. */
static bool nth_dir(int level, struct buf *ret_dir)
{
	const char *p = getenv("MAYFLY_TEMPLATES");

	if (p == NULL || p[0] == '\0')
		p = DEFAULT_PATH;
	for (; level > 0; level--) {
		p = strchr(p, ':');
		if (p == NULL)
			return false;
		p++;
	}
	buf_add(ret_dir, p, strcspn(p, ":"));
	return true;
}

static int load_from_dir(const char *dir, const char *name, struct buf *ret_text,
			 struct mf_err *err)
{
	mem_auto_free char *path = mem_printf("%s/%s" SUFFIX, dir, name);

	return file_read(path, TEMPLATE_MAX_BYTES, ret_text, err);
}

/* A partial's name is a file's name: it does not climb. */
static int check_name(const char *name, struct mf_err *err)
{
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return mf_err_set(err, MF_EDATA, "template \"%.64s\": not a plain file name", name);
	return 0;
}

static int load_shipped(void *ctx, const char *name, int level, struct buf *ret_text,
			int *ret_level, struct mf_err *err)
{
	int at = level;

	(void)ctx;
	/* A path of its own: a target's template from the settings. */
	if (name[0] == '/') {
		*ret_level = 0;
		return file_read(name, TEMPLATE_MAX_BYTES, ret_text, err);
	}
	if (check_name(name, err) != 0)
		return err->code;
	for (;; at++) {
		buf_auto struct buf dir = BUF_INIT;
		int code;

		if (!nth_dir(at, &dir))
			break;
		code = load_from_dir(buf_str(&dir), name, ret_text, err);
		if (code == MF_ENOINPUT)
			continue;
		*ret_level = at;
		return code;
	}
	for (const struct builtin_template *t = builtin_templates; t->name != NULL; t++)
		if (strcmp(t->name, name) == 0 && level <= at) {
			buf_add(ret_text, t->text, t->len);
			*ret_level = at;
			return 0;
		}
	return mf_err_set(err, MF_ENOINPUT, "template %s: there is none of that name", name);
}

struct template_set *templates_open(void)
{
	return template_set_new(load_shipped, NULL);
}

static int load_partial(void *ctx, const char *name, int level, struct buf *ret_text,
			int *ret_level, struct mf_err *err)
{
	const char *dir = ctx;
	int code;

	(void)level;
	*ret_level = 0;
	if (dir == NULL)
		return 0;
	if (check_name(name, err) != 0)
		return err->code;
	code = load_from_dir(dir, name, ret_text, err);
	if (code == MF_ENOINPUT) {
		mem_auto_free char *path = mem_printf("%s/%s", dir, name);

		code = file_read(path, TEMPLATE_MAX_BYTES, ret_text, err);
	}
	return code == MF_ENOINPUT ? 0 : code;
}

struct template_set *templates_open_partials(const char *dir)
{
	return template_set_new(load_partial, (void *)(uintptr_t)dir);
}
