/* Keys and values of the history of environments.  Asks nobody. */
#include "model/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "model/node.h"

#define DIGITS 20

char *history_make_prefix(const char *prefix, const char *env)
{
	return mem_printf("%s/history/%s/", prefix, env);
}

char *history_make_key(const char *prefix, const char *env, int64_t revision)
{
	return mem_printf("%s/history/%s/%0*" PRId64, prefix, env, DIGITS, revision);
}

bool history_parse_revision(const char *text, int64_t *ret_revision)
{
	return strlen(text) == DIGITS && str_parse_int(text, 1, INT64_MAX, ret_revision);
}

void history_format(const struct history *history, struct buf *ret_json)
{
	buf_auto struct buf at = BUF_INIT;

	str_add_time(&at, history->at, -1);
	json_open(ret_json, NULL, '{');
	json_put(ret_json, "who", history->who);
	json_put(ret_json, "with", history->with);
	json_put(ret_json, "at", buf_str(&at));
	if (str_is_utf8(history->value, history->len)) {
		mem_auto_free char *value = mem_dup_bytes(history->value, history->len);

		json_put(ret_json, "value", value);
	}
	json_close(ret_json, '}');
}

int history_parse(const char *json, size_t len, struct history *ret_history, struct node **ret_node,
		  struct mf_err *err)
{
	/* A value grows by what is escaped in it. */
	static const struct json_bounds bounds = {.max_bytes = 2 * NODE_MAX_BYTES + (1 << 16),
						  .max_depth = 8};
	struct history history = {.at = 0};
	struct node *node;
	int code = json_parse(json, len, &bounds, &node, err);

	if (code != 0)
		return code;
	if (!str_parse_time(node_text_at(node, "at", ""), &history.at)) {
		node_free(node);
		return mf_err_set(err, MF_EDATA, "at: must be a time");
	}
	history.who = node_text_at(node, "who", "");
	history.with = node_text_at(node, "with", "");
	history.value = node_text_at(node, "value", NULL);
	history.len = history.value == NULL ? 0 : strlen(history.value);
	*ret_history = history;
	*ret_node = node;
	return 0;
}
