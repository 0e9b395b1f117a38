/* Read, decide, compare and write; again when that was too late.  Knows no command. */
#include "operator/change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/settings.h"
#include "model/table.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/change_write.h"
#include "operator/named.h"
#include "operator/rollout.h"

const struct change_kind change_of_envs = {"environments/", "environment", "deleted"};

/* --- what is there ---------------------------------------------------------------------------- */

void change_stored_free(void *value)
{
	struct change_stored *stored = value;

	free(stored->value);
	free(stored->owner);
	free(stored->source);
	free(stored);
}

struct change_stored *change_stored_new(const struct etcd_kv *kv)
{
	struct change_stored *stored = MEM_NEW(stored);

	stored->value = mem_dup_bytes(kv->value, kv->value_len);
	stored->len = kv->value_len;
	stored->create_revision = kv->create_revision;
	stored->revision = kv->mod_revision;
	return stored;
}

struct listing {
	size_t below_len;
	struct strmap *stored;
};

static void on_list_begin(void *ctx)
{
	struct listing *listing = ctx;

	strmap_free(listing->stored);
	listing->stored = strmap_new(change_stored_free);
}

static void on_listed(void *ctx, const char *key, const struct etcd_kv *kv)
{
	const struct listing *listing = ctx;

	strmap_set(listing->stored, key + listing->below_len, change_stored_new(kv));
}

int change_list(struct call *call, const char *below, struct strmap **ret_stored,
		struct mf_err *err)
{
	static const struct ask_list events = {on_list_begin, on_listed};
	struct listing listing = {.below_len = strlen(below)};
	int64_t revision;
	int code = ask_list(call, below, &events, &listing, &revision, err);

	if (code == 0)
		*ret_stored = listing.stored;
	else
		strmap_free(listing.stored);
	return code;
}

static void forget(struct change *change)
{
	strmap_free(change->stored);
	table_free(change->table);
}

static void on_begin(void *ctx)
{
	struct change *change = ctx;

	forget(change);
	change->stored = strmap_new(change_stored_free);
	change->table = table_new();
	table_set_settings(change->table, change->call->settings, NULL);
	table_begin_full(change->table);
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct change *change = ctx;
	struct change_stored *stored = change_stored_new(kv);

	env_find_origin(kv->value, kv->value_len, &stored->owner, &stored->source);
	strmap_set(change->stored, key + strlen(change->kind->below), stored);
	table_put(change->table, key, kv->value, kv->value_len, kv->create_revision);
}

static int take(struct change *change, struct mf_err *err)
{
	static const struct ask_list events = {on_begin, on_kv};
	int code =
	    ask_list(change->call, change->kind->below, &events, change, &change->revision, err);

	if (code == 0)
		table_end_full(change->table);
	return code;
}

const struct change_stored *change_find(const struct change *change, const char *name)
{
	return strmap_find(change->stored, name);
}

int change_check_known(const struct change *change, const char *name, struct mf_err *err)
{
	return change_find(change, name) != NULL
		   ? 0
		   : named_refuse_key(change->kind->word, name, change->stored, err);
}

const char *change_owner(const struct change *change)
{
	const char *owner = change->call->options.owner;

	return owner == NULL ? CHANGE_OWNER : owner;
}

int change_check_owner(const struct change *change, const char *name, struct mf_err *err)
{
	const struct change_stored *stored = change_find(change, name);

	if (stored == NULL || stored->owner[0] == '\0' || change->call->options.force ||
	    strcmp(stored->owner, change_owner(change)) == 0)
		return 0;
	return mf_err_set(err, MF_EPERM,
			  "%s %s: belongs to \"%s\"%s%s: --force changes it all the same",
			  change->kind->word, name, stored->owner,
			  stored->source[0] == '\0' ? "" : ", from ", stored->source);
}

/* --- what is to be done ----------------------------------------------------------------------- */

void change_add(struct change *change, const char *name, const struct buf *value, const char *what)
{
	const struct change_stored *stored = change_find(change, name);
	char *key =
	    mem_printf("%s/%s%s", change->call->settings->etcd.prefix, change->kind->below, name);
	struct etcd_op *op = &change->ops[change->count];

	assert(change->count < CHANGE_MAX_KEYS);
	change->ifs[change->count++] = stored == NULL
					   ? (struct etcd_if){ETCD_IF_CREATED, key, 0}
					   : (struct etcd_if){ETCD_IF_MOD, key, stored->revision};
	*op = (struct etcd_op){.key = key};
	if (value != NULL) {
		op->value = mem_dup_bytes(buf_str(value), value->len);
		op->value_len = value->len;
	}
	outcome_add(&change->said, change->kind->word, name,
		    what != NULL     ? what
		    : value == NULL  ? change->kind->gone
		    : stored == NULL ? "created"
				     : "changed");
}

/* It stays as it is, which may not be everywhere yet. */
void change_keep(struct change *change, const char *name)
{
	const struct change_stored *stored = change_find(change, name);

	if (stored != NULL && stored->revision > change->newest)
		change->newest = stored->revision;
	outcome_add(&change->said, change->kind->word, name, OUTCOME_UNCHANGED);
}

/* Whose it is does not count. */
static bool is_there(const struct change *change, const struct env *env)
{
	const struct change_stored *stored = change_find(change, env->name);
	buf_auto struct buf before = BUF_INIT, after = BUF_INIT;
	struct env *old;

	if (stored == NULL ||
	    env_parse_json(env->name, stored->value, stored->len, 0, &old, NULL) != 0)
		return false;
	env_format_json(old, "", "", &before);
	env_format_json(env, "", "", &after);
	env_unref(old);
	return strcmp(buf_str(&before), buf_str(&after)) == 0;
}

bool change_put(struct change *change, const struct env *env)
{
	mem_auto_free char *key = mem_printf("%s%s", change->kind->below, env->name);
	buf_auto struct buf value = BUF_INIT;

	if (is_there(change, env)) {
		change_keep(change, env->name);
		return false;
	}
	env_format_json(env, change_owner(change), "", &value);
	table_put(change->table, key, buf_str(&value), value.len, 0);
	change_add(change, env->name, &value, NULL);
	return true;
}

bool change_put_value(struct change *change, const char *name, const char *value, const char *what)
{
	const struct change_stored *stored = change_find(change, name);
	mem_auto_free char *key = mem_printf("%s%s", change->kind->below, name);
	buf_auto struct buf text = BUF_INIT;

	if (stored != NULL && stored->len == strlen(value) &&
	    memcmp(stored->value, value, stored->len) == 0) {
		change_keep(change, name);
		return false;
	}
	buf_add_str(&text, value);
	table_put(change->table, key, value, text.len, 0);
	change_add(change, name, &text, what);
	return true;
}

void change_delete(struct change *change, const char *name)
{
	mem_auto_free char *end = mem_printf("/%s%s", change->kind->below, name);

	for (size_t i = 0; i < change->count; i++)
		if (str_has_suffix(change->ops[i].key, end))
			return;
	table_del(change->table, end + 1);
	change_add(change, name, NULL, NULL);
}

int change_delete_all(struct change *change, char *const *names, size_t count, struct mf_err *err)
{
	for (size_t i = 0; i < count; i++)
		if (change_check_known(change, names[i], err) != 0 ||
		    change_check_owner(change, names[i], err) != 0)
			return err->code;
	for (size_t i = 0; i < count; i++)
		change_delete(change, names[i]);
	return 0;
}

struct snapshot *change_snapshot(const struct change *change)
{
	return table_snapshot(change->table, change->revision);
}

void change_warn_of_aside(const struct env *env)
{
	if (env != NULL && env->aside != NULL)
		log_warn("environment is not in force", LOG_STR("environment", env->name),
			 LOG_STR("reason", env->aside));
}

char *change_find_aside(const struct change *change, const char *name)
{
	struct snapshot *snapshot = change_snapshot(change);
	const struct env *env = snapshot_find_env(snapshot, name);
	char *reason = env == NULL || env->aside == NULL ? NULL : mem_dup_str(env->aside);

	snapshot_unref(snapshot);
	return reason;
}

/* --- doing it --------------------------------------------------------------------------------- */

void change_clear(struct change *change)
{
	for (size_t i = 0; i < change->count; i++) {
		free((char *)change->ops[i].key);
		free((char *)change->ops[i].value);
	}
	change->count = 0;
	outcome_clear(&change->said);
}

static void fini(struct change *change)
{
	change_clear(change);
	forget(change);
}

/* What was written, or stands there already, is to be everywhere. */
static int wait_for_it(struct change *change, struct mf_err *err)
{
	mem_auto_free const char **names = mem_alloc((change->count + 1) * sizeof(*names));
	struct rollout rollout = {.revision = change->newest, .envs = names};
	bool is_of_envs = change->kind == &change_of_envs;

	for (size_t i = 0; i < change->count && is_of_envs; i++)
		names[rollout.env_count++] = strrchr(change->ops[i].key, '/') + 1;
	return rollout_wait(change->call, &rollout, rollout_deadline(change->call), err);
}

/* *ret_is_over: false when it is to be decided again. */
static int attempt(struct change *change, change_fn *decide, void *ctx, bool *ret_is_over,
		   struct mf_err *err)
{
	struct call *call = change->call;

	*ret_is_over = true;
	if (take(change, err) != 0 || decide(change, ctx, err) != 0)
		return err->code;
	if (change->count > 0 && call->options.dry_run)
		call->status = CALL_STATUS_DRY;
	else if (change->count > 0 && change_write(change, ret_is_over, err) != 0)
		return err->code;
	if (!*ret_is_over)
		return 0;
	if (outcome_print(&change->said, call, change->newest, NULL, err) != 0 ||
	    change_trim(change, err) != 0)
		return err->code;
	return call->options.is_waiting && !call->options.dry_run ? wait_for_it(change, err) : 0;
}

int change_run(struct call *call, const struct change_kind *kind, change_fn *decide, void *ctx,
	       struct mf_err *err)
{
	for (int i = 0; i < CHANGE_ATTEMPTS; i++) {
		struct change change = {.call = call, .kind = kind};
		bool is_over;
		int code = attempt(&change, decide, ctx, &is_over, err);

		fini(&change);
		if (code != 0 || is_over)
			return code;
	}
	return mf_err_set(err, MF_ETIMEOUT,
			  "others wrote the same keys first, %d times: nothing is changed",
			  CHANGE_ATTEMPTS);
}
