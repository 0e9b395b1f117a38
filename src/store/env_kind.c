/* Environments as items of files.  Knows nothing of the files themselves. */
#include "store/env_kind.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/env.h"

static int parse_file(const char *text, size_t len, void ***ret_items, size_t *ret_count,
		      item_bad_fn *on_bad, void *ctx, struct mf_err *err)
{
	struct env **envs;
	int code = env_parse_file(text, len, &envs, ret_count, on_bad, ctx, err);

	if (code != 0)
		return code;
	*ret_items = mem_alloc(*ret_count * sizeof(**ret_items));
	for (size_t i = 0; i < *ret_count; i++)
		(*ret_items)[i] = envs[i];
	free(envs);
	return 0;
}

static const char *get_name(const void *item)
{
	return ((const struct env *)item)->name;
}

/* As they are written to etcd. */
static bool is_equal(const void *item, const void *other)
{
	buf_auto struct buf a = BUF_INIT, b = BUF_INIT;

	env_format_json(item, "", "", &a);
	env_format_json(other, "", "", &b);
	return strcmp(a.data, b.data) == 0;
}

static void *ref(void *item)
{
	return env_ref(item);
}

static void unref(void *item)
{
	env_unref(item);
}

const struct item_kind env_kind = {
    .noun = "environment",
    .gone = "deleted",
    .parse = parse_file,
    .name = get_name,
    .is_equal = is_equal,
    .ref = ref,
    .unref = unref,
};
