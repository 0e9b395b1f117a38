/* `env apply`: the environments of one file, as they are in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/env.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/env_change.h"
#include "sys/file.h"

#define MAX_TEXT ((size_t)1 << 20)
#define PIECE	 ((size_t)1 << 14)

struct loading {
	struct env_file file;
	struct mf_err bad; /* the first one; code 0: none is */
};

static int read_stdin(struct buf *text, struct mf_err *err)
{
	char piece[PIECE];
	size_t len;

	while ((len = fread(piece, 1, sizeof(piece), stdin)) > 0) {
		if (text->len + len > MAX_TEXT)
			return mf_err_set(err, MF_EDATA, "longer than %zu bytes", MAX_TEXT);
		buf_add(text, piece, len);
	}
	return ferror(stdin) == 0 ? 0 : mf_err_set_sys(err, MF_ENOINPUT, "cannot be read");
}

static void on_bad(void *ctx, const struct mf_err *why)
{
	struct loading *loading = ctx;

	if (loading->bad.code == 0)
		loading->bad = *why;
}

int env_file_load(const char *path, struct env_file *ret_file, struct mf_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct loading loading = {.file.count = 0};
	buf_auto struct buf text = BUF_INIT;
	int code = is_stdin ? read_stdin(&text, err) : file_read(path, MAX_TEXT, &text, err);

	if (code == 0)
		code = env_parse_file(buf_str(&text), text.len, &loading.file.envs,
				      &loading.file.count, on_bad, &loading, err);
	else if (!is_stdin)
		return code;
	if (code == 0 && loading.bad.code != 0) {
		*err = loading.bad;
		code = err->code;
	}
	if (code != 0) {
		env_file_fini(&loading.file);
		return mf_err_wrap(err, "%s", is_stdin ? "standard input" : path);
	}
	*ret_file = loading.file;
	return 0;
}

void env_file_fini(struct env_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		env_unref(file->envs[i]);
	free(file->envs);
}

static int decide(struct change *change, void *ctx, struct mf_err *err)
{
	const struct env_file *applied = ctx;

	for (size_t i = 0; i < applied->count; i++) {
		int code = change_check_owner(change, applied->envs[i]->name, err);

		if (code != 0)
			return code;
	}
	for (size_t i = 0; i < applied->count; i++)
		(void)change_put(change, applied->envs[i]);
	for (size_t i = 0; i < applied->count; i++) {
		const char *name = applied->envs[i]->name;
		mem_auto_free char *aside = change_find_aside(change, name);

		if (aside != NULL)
			log_warn("environment is not in force", LOG_STR("environment", name),
				 LOG_STR("reason", aside));
	}
	return 0;
}

int env_change_apply(struct call *call, struct mf_err *err)
{
	const char *path = call->options.file;
	struct env_file applied;
	int code;

	if (path == NULL)
		return mf_err_set(err, MF_EUSAGE, "--file: say which, or - for standard input");
	if (env_file_load(path, &applied, err) != 0)
		return err->code;
	if (applied.count > CHANGE_MAX_KEYS)
		code =
		    mf_err_set(err, MF_EDATA, "%s: more than %d environments",
			       strcmp(path, "-") == 0 ? "standard input" : path, CHANGE_MAX_KEYS);
	else
		code = change_run(call, decide, &applied, err);
	env_file_fini(&applied);
	return code;
}
