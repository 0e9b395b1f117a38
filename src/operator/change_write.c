/* Transactions of a change.  Decides nothing about what is changed. */
#include "operator/change_write.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/history.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/change.h"
#include "store/etcd.h"
#include "store/history_trim.h"
#include "sys/loop.h"

char *change_make_who(const struct settings *settings)
{
	const struct passwd *user = getpwuid(getuid());
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	return mem_printf("%s@%s",
			  settings->etcd.user != NULL ? settings->etcd.user
			  : user != NULL	      ? user->pw_name
						      : "?",
			  host);
}

/* What is there before it; false: nothing, or it has no history. */
static bool make_entry(const struct change *change, size_t i, const char *who, struct etcd_op *ret)
{
	const char *prefix = change->call->settings->etcd.prefix;
	mem_auto_free char *below = mem_printf("%s/environments/", prefix);
	const char *key = change->ops[i].key, *name = key + strlen(below);
	const struct change_stored *stored =
	    str_has_prefix(key, below) ? change_find(change, name) : NULL;
	struct history was = {who, change->call->words, time(NULL), NULL, 0};
	buf_auto struct buf value = BUF_INIT;

	if (stored == NULL)
		return false;
	was.value = stored->value;
	was.len = stored->len;
	history_format(&was, &value);
	ret->key = history_make_key(prefix, name, stored->revision);
	ret->value_len = value.len;
	ret->value = buf_take(&value);
	ret->lease = 0;
	return true;
}

static int write_all(struct change *change, const struct etcd_op *history, size_t history_count,
		     bool *ret_succeeded, struct mf_err *err)
{
	struct call *call = change->call;
	struct etcd_op ops[ETCD_MAX_OPS];
	size_t count = change->count;
	bool is_together = count + history_count <= ETCD_MAX_OPS;

	memcpy(ops, change->ops, count * sizeof(*ops));
	if (is_together) {
		for (size_t i = 0; i < history_count; i++)
			ops[count + i] = history[i];
		return ask_txn(call, change->ifs, count, ops, count + history_count, ret_succeeded,
			       &change->newest, err);
	}
	if (ask_txn(call, change->ifs, count, history, history_count, ret_succeeded, NULL, err) !=
	    0)
		return err->code;
	return !*ret_succeeded ? 0
			       : ask_txn(call, change->ifs, count, ops, count, ret_succeeded,
					 &change->newest, err);
}

/* As envwatch has it (store/env_sync.h): who may change an environment and not write its history
 * changes it all the same. */
static int write_without(struct change *change, const struct etcd_op *history, size_t history_count,
			 bool *ret_succeeded, struct mf_err *err)
{
	size_t root = strlen(change->call->settings->etcd.prefix);

	if (write_all(change, NULL, 0, ret_succeeded, err) != 0)
		return err->code;
	for (size_t i = 0; i < history_count && *ret_succeeded; i++)
		log_warn("the history lacks this change: to write there is not permitted",
			 LOG_STR("key", history[i].key + root + 1));
	return 0;
}

int change_write(struct change *change, bool *ret_succeeded, struct mf_err *err)
{
	mem_auto_free char *who = change_make_who(change->call->settings);
	struct etcd_op history[ETCD_MAX_OPS];
	size_t count = 0;
	int code;

	for (size_t i = 0; i < change->count; i++)
		count += make_entry(change, i, who, &history[count]);
	code = write_all(change, history, count, ret_succeeded, err);
	if (code == MF_EPERM && count > 0)
		code = write_without(change, history, count, ret_succeeded, err);
	for (size_t i = 0; i < count; i++) {
		free((char *)history[i].key);
		free((char *)history[i].value);
	}
	return code;
}

static void on_idle(void *ctx)
{
	loop_stop(ctx);
}

/* One that is made anew may have a history that was to go. */
static bool may_have_history(const struct change *change, const char *name)
{
	return change->count == 1 || change_find(change, name) != NULL;
}

int change_trim(struct change *change, struct mf_err *err)
{
	struct call *call = change->call;
	mem_auto_free char *below = mem_printf("%s/environments/", call->settings->etcd.prefix);
	struct history_trim *trim;
	int code = 0;

	if (call->options.dry_run || change->count == 0)
		return 0;
	trim = history_trim_new(call->loop, call->etcd, call->settings->etcd.prefix, 0, on_idle,
				call->loop);
	for (size_t i = 0; i < change->count; i++) {
		const char *key = change->ops[i].key;

		if (str_has_prefix(key, below) && may_have_history(change, key + strlen(below)))
			history_trim_add(trim, key + strlen(below), change->ops[i].value == NULL);
	}
	history_trim_start(trim);
	if (!history_trim_is_idle(trim))
		code = loop_run(call->loop, err);
	history_trim_free(trim);
	return code;
}
