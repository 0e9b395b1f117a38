/* `env apply`: the environments of one file, as they are in it. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/env.h"
#include "model/table.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/env_change.h"
#include "operator/input.h"

int env_file_load(const char *path, struct env_file *ret_file, struct mf_err *err)
{
	struct env_file file = {0};
	struct mf_err bad = {0};
	buf_auto struct buf text = BUF_INIT;
	int code = input_read(path, &text, err);

	if (code != 0)
		return code;
	code = env_parse_file(buf_str(&text), text.len, &file.envs, &file.count, input_keep_first,
			      &bad, err);
	if (code == 0 && bad.code != 0) {
		*err = bad;
		code = err->code;
	}
	if (code != 0) {
		env_file_fini(&file);
		return input_refuse(path, err);
	}
	*ret_file = file;
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
	struct snapshot *snapshot;

	for (size_t i = 0; i < applied->count; i++) {
		int code = change_check_owner(change, applied->envs[i]->name, err);

		if (code != 0)
			return code;
	}
	for (size_t i = 0; i < applied->count; i++)
		(void)change_put(change, applied->envs[i]);
	snapshot = change_snapshot(change);
	for (size_t i = 0; i < applied->count; i++)
		change_warn_of_aside(snapshot_find_env(snapshot, applied->envs[i]->name));
	snapshot_unref(snapshot);
	return 0;
}

int env_change_apply(struct call *call, struct mf_err *err)
{
	const char *path = call->options.file;
	struct env_file applied = {0};
	int code = env_file_load(path, &applied, err);

	if (code != 0)
		return code;
	if (applied.count > CHANGE_MAX_KEYS) {
		(void)mf_err_set(err, MF_EDATA, "more than %d environments", CHANGE_MAX_KEYS);
		code = input_refuse(path, err);
	} else {
		code = change_run(call, &change_of_envs, decide, &applied, err);
	}
	env_file_fini(&applied);
	return code;
}
