/* One small file, replaced as a whole and checked when it is read. */
#include "report/checkpoint.h"

#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/node.h"
#include "model/settings.h"
#include "sys/file.h"

#define CHECKPOINT_LONGEST ((size_t)4096)

int checkpoint_store(const char *state_dir, const struct checkpoint *applied, struct mf_err *err)
{
	mem_auto_free char *path = mem_printf("%s/applied.json", state_dir);
	buf_auto struct buf text = BUF_INIT;

	buf_printf(&text,
		   "{\"revision\": %lld, \"environments\": %zu, \"instances\": %zu, "
		   "\"time\": \"",
		   (long long)applied->revision, applied->envs, applied->instances);
	str_add_time(&text, time(NULL), -1);
	buf_add_str(&text, "\"}\n");
	if (file_make_dirs(state_dir, 0755, err) != 0)
		return err->code;
	return file_replace(path, text.data, text.len, 0644, NULL, err);
}

static int read_number(const struct node *map, const char *key, int64_t *ret, struct mf_err *err)
{
	const struct node *node = map->kind == NODE_MAP ? node_find(map, key) : NULL;

	if (node == NULL || node->kind != NODE_SCALAR ||
	    !str_parse_int(node->text, 0, INT64_MAX, ret))
		return mf_err_set(err, MF_EDATA, "%s: must be a number", key);
	return 0;
}

static int parse(const struct buf *text, struct checkpoint *ret_applied, struct mf_err *err)
{
	int64_t revision, envs, instances;
	struct node *node;
	int code = node_parse_json(buf_str(text), text->len, &node, err);

	if (code != 0)
		return code;
	if ((code = read_number(node, "revision", &revision, err)) == 0 &&
	    (code = read_number(node, "environments", &envs, err)) == 0 &&
	    (code = read_number(node, "instances", &instances, err)) == 0)
		*ret_applied = (struct checkpoint){revision, (size_t)envs, (size_t)instances};
	node_free(node);
	return code;
}

bool checkpoint_load(const struct settings *settings, struct checkpoint *ret_applied)
{
	mem_auto_free char *path = mem_printf("%s/applied.json", settings->state_dir);
	buf_auto struct buf text = BUF_INIT;
	struct mf_err err;

	if (file_read(path, CHECKPOINT_LONGEST, &text, &err) != 0) {
		if (err.code != MF_ENOINPUT)
			log_warn("cannot read the checkpoint", LOG_STR("error", err.msg));
		return false;
	}
	if (parse(&text, ret_applied, &err) == 0)
		return true;
	log_warn("the checkpoint cannot be read: what was applied is unknown",
		 LOG_STR("file", path), LOG_STR("error", err.msg));
	return false;
}
