/* mayfly snapshot: all that people want of Mayfly, into a file and back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/change_write.h"
#include "operator/command.h"
#include "operator/rollout.h"
#include "store/etcd.h"
#include "sys/file.h"

#define FORMAT	    1
#define FILE_MAX    ((size_t)256 << 20)
#define BATCH_BYTES ((size_t)512 << 10)

/* What is in it, and what messages call it.  Leases, and what reports, are not. */
static const struct change_kind parts[] = {
    {"config/", "config", "deleted"}, {"environments/", "environment", "deleted"},
    {"names/", "name", "deleted"},    {"services/", "service", "deleted"},
    {"states/", "state", "deleted"},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* A switch that turns itself off: it would be an old one, or an end to one that is meant. */
#define SWITCH_KEY "config/mayfly/allow-removal"

static const struct change_kind *find_part(const char *key)
{
	for (size_t i = 0; i < PARTS; i++)
		if (str_has_prefix(key, parts[i].below) && key[strlen(parts[i].below)] != '\0')
			return &parts[i];
	return NULL;
}

/* --- what there is ---------------------------------------------------------------------------- */

struct there {
	struct strmap *parts[PARTS]; /* struct change_stored, by the key behind the part's word */
	int64_t revision;
};

static void init_there(struct there *there)
{
	for (size_t i = 0; i < PARTS; i++)
		there->parts[i] = strmap_new(change_stored_free);
}

static void fini_there(struct there *there)
{
	for (size_t i = 0; i < PARTS; i++)
		strmap_free(there->parts[i]);
}

static void on_begin(void *ctx)
{
	fini_there(ctx);
	init_there(ctx);
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	const struct there *there = ctx;
	const struct change_kind *part = find_part(key);

	if (part == NULL || kv->lease != 0 || strcmp(key, SWITCH_KEY) == 0)
		return;
	strmap_set(there->parts[part - parts], key + strlen(part->below), change_stored_new(kv));
}

static int take_there(struct call *call, struct there *there, struct mf_err *err)
{
	static const struct ask_list events = {on_begin, on_kv};

	return ask_list(call, "", &events, there, &there->revision, err);
}

/* --- save ------------------------------------------------------------------------------------- */

/* A value that is no text is {"base64": ...}. */
static void add_value(struct buf *text, const struct change_stored *stored)
{
	if (str_is_utf8(stored->value, stored->len)) {
		str_add_json_string(text, stored->value, stored->len);
		return;
	}
	buf_add_str(text, "{\"base64\":\"");
	str_add_base64(text, stored->value, stored->len);
	buf_add_str(text, "\"}");
}

/* A key a line, so that two of them can be compared by eye. */
static size_t format(const struct there *there, struct buf *text)
{
	buf_auto struct buf at = BUF_INIT;
	size_t count = 0;

	str_add_time(&at, time(NULL), -1);
	buf_printf(text, "{\"snapshot\":%d,\"revision\":%" PRId64 ",\"time\":\"%s\",\"keys\":{",
		   FORMAT, there->revision, buf_str(&at));
	for (size_t i = 0; i < PARTS; i++) {
		void *cursor = NULL, *stored;
		const char *name;

		while (strmap_next(there->parts[i], &cursor, &name, &stored)) {
			mem_auto_free char *key = mem_printf("%s%s", parts[i].below, name);

			buf_add_str(text, count++ == 0 ? "\n" : ",\n");
			str_add_json_string(text, key, strlen(key));
			buf_add_char(text, ':');
			add_value(text, stored);
		}
	}
	buf_add_str(text, "\n}}\n");
	return count;
}

/* Among the settings there are passwords. */
static int check_private(const char *path, struct mf_err *err)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return mf_err_set(err, MF_EPERM,
				  "%s: is there, and others can read it: chmod 600 or delete it",
				  path);
	return 0;
}

static int run_save(struct call *call, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT, said = BUF_INIT;
	const char *path = call->argv[0];
	struct there there = {.revision = 0};
	size_t count = 0;
	int code = check_private(path, err);

	init_there(&there);
	if (code == 0)
		code = take_there(call, &there, err);
	if (code == 0)
		count = format(&there, &text);
	if (code == 0)
		code = file_replace(path, buf_str(&text), text.len, S_IRUSR | S_IWUSR, NULL, err);
	buf_printf(&said, "%zu keys at revision %" PRId64 " saved\n", count, there.revision);
	fini_there(&there);
	return code != 0 ? code : file_print(&said, err);
}

/* --- the file --------------------------------------------------------------------------------- */

/* The bytes of a value; false: it is none. */
static bool take_value(const struct node *node, struct buf *ret)
{
	const char *text = node_text(node);
	const char *base64 = node_text_at(node, "base64", NULL);

	if (text != NULL) {
		buf_add_str(ret, text);
		return true;
	}
	return base64 != NULL && str_decode_base64(ret, base64, strlen(base64));
}

static int check_file(const struct node *root, struct mf_err *err)
{
	const struct node *keys = node_find(root, "keys");
	int64_t format;

	if (!node_int_at(root, "snapshot", &format) || format != FORMAT || keys == NULL ||
	    keys->kind != NODE_MAP)
		return mf_err_set(err, MF_EDATA, "is no snapshot that this version can read");
	for (size_t i = 0; i < keys->child_count; i++) {
		const struct node *child = &keys->children[i];
		buf_auto struct buf value = BUF_INIT;

		if (find_part(child->key) == NULL)
			return mf_err_set(err, MF_EDATA, "key %s: does not belong into a snapshot",
					  child->key);
		if (!take_value(child, &value))
			return mf_err_set(err, MF_EDATA, "key %s: must be a text", child->key);
	}
	return 0;
}

static int load(const char *path, struct node **ret_root, struct mf_err *err)
{
	static const struct json_bounds bounds = {.max_bytes = FILE_MAX, .max_depth = 4};
	buf_auto struct buf text = BUF_INIT;
	struct node *root;

	if (file_read(path, FILE_MAX, &text, err) != 0)
		return err->code;
	if (json_parse(buf_str(&text), text.len, &bounds, &root, err) != 0)
		return mf_err_wrap(err, "%s", path);
	if (check_file(root, err) != 0) {
		node_free(root);
		return mf_err_wrap(err, "%s", path);
	}
	*ret_root = root;
	return 0;
}

/* --- restore ---------------------------------------------------------------------------------- */

struct restoring {
	struct call *call;
	const struct node *keys;
	struct there there;
	struct change batch;
	size_t bytes;
	bool is_overtaken; /* somebody else was first: it is read again */
	int64_t newest;
	size_t count;	     /* of what differs */
	struct outcome said; /* of all batches that are written */
};

static int write_batch(struct restoring *r, struct mf_err *err)
{
	bool has_succeeded = true;
	int code = 0;

	r->count += r->batch.count;
	if (r->batch.count > 0 && !r->call->options.dry_run)
		code = change_write(&r->batch, &has_succeeded, err);
	if (code == 0 && has_succeeded)
		outcome_move(&r->said, &r->batch.said);
	if (code == 0 && has_succeeded && r->batch.count > 0)
		code = change_trim(&r->batch, err);
	if (r->batch.newest > r->newest)
		r->newest = r->batch.newest;
	r->is_overtaken = r->is_overtaken || !has_succeeded;
	change_clear(&r->batch);
	r->bytes = 0;
	return code;
}

/* envwatch goes by its files, whatever is restored.  value NULL: it is deleted. */
static void warn_if_kept(const char *name, const struct change_stored *stored,
			 const struct buf *value)
{
	mem_auto_free char *owner = NULL, *now = NULL, *other = NULL, *then = NULL;

	env_find_origin(stored == NULL ? "" : stored->value, stored == NULL ? 0 : stored->len,
			&owner, &now);
	env_find_origin(value == NULL ? "" : buf_str(value), value == NULL ? 0 : value->len, &other,
			&then);
	if (now[0] != '\0')
		log_warn("envwatch keeps an environment from its file, and will put that back",
			 LOG_STR("environment", name), LOG_STR("file", now));
	else if (then[0] != '\0')
		log_warn("envwatch had an environment from a file: it stays only as it is there",
			 LOG_STR("environment", name), LOG_STR("file", then));
}

/* value NULL: it is deleted. */
static int add(struct restoring *r, const struct change_kind *part, const char *name,
	       const struct buf *value, struct mf_err *err)
{
	struct change *batch = &r->batch;
	const struct change_stored *stored = strmap_find(r->there.parts[part - parts], name);
	size_t bytes = (value == NULL ? 0 : value->len) + (stored == NULL ? 0 : 2 * stored->len);

	if (batch->count > 0 &&
	    (batch->stored != r->there.parts[part - parts] || r->bytes + bytes > BATCH_BYTES ||
	     batch->count == CHANGE_MAX_KEYS / 2) &&
	    write_batch(r, err) != 0)
		return err->code;
	batch->stored = r->there.parts[part - parts];
	batch->kind = part;
	change_add(batch, name, value, NULL);
	r->bytes += bytes;
	if (strcmp(part->word, change_of_envs.word) == 0)
		warn_if_kept(name, stored, value);
	return 0;
}

static int put_all(struct restoring *r, struct mf_err *err)
{
	for (size_t i = 0; i < r->keys->child_count; i++) {
		const struct node *child = &r->keys->children[i];
		const struct change_kind *part = find_part(child->key);
		bool is_switch = strcmp(child->key, SWITCH_KEY) == 0;
		const char *name = child->key + strlen(part->below);
		const struct change_stored *stored =
		    strmap_find(r->there.parts[part - parts], name);
		buf_auto struct buf value = BUF_INIT;

		(void)take_value(child, &value);
		if (!is_switch &&
		    (stored == NULL || stored->len != value.len ||
		     memcmp(stored->value, buf_str(&value), value.len) != 0) &&
		    add(r, part, name, &value, err) != 0)
			return err->code;
	}
	return 0;
}

static int delete_others(struct restoring *r, struct mf_err *err)
{
	struct strmap *wanted = strmap_new(NULL);
	int code = 0;

	for (size_t i = 0; i < r->keys->child_count; i++)
		strmap_set(wanted, r->keys->children[i].key, r);
	for (size_t i = 0; i < PARTS && code == 0; i++) {
		void *cursor = NULL, *stored;
		const char *name;

		while (code == 0 && strmap_next(r->there.parts[i], &cursor, &name, &stored)) {
			mem_auto_free char *key = mem_printf("%s%s", parts[i].below, name);

			if (strmap_find(wanted, key) == NULL)
				code = add(r, &parts[i], name, NULL, err);
		}
	}
	strmap_free(wanted);
	return code;
}

/* Once over all keys.  What is written by then stays, also when more cannot be. */
static int restore(struct restoring *r, struct mf_err *err)
{
	int code;

	r->is_overtaken = false;
	init_there(&r->there);
	code = take_there(r->call, &r->there, err);
	if (code == 0)
		code = put_all(r, err);
	if (code == 0 && r->call->options.is_exact)
		code = delete_others(r, err);
	if (code == 0)
		code = write_batch(r, err);
	change_clear(&r->batch);
	r->bytes = 0;
	fini_there(&r->there);
	return code;
}

static int finish(struct restoring *r, struct mf_err *err)
{
	const struct rollout rollout = {.revision = r->newest};
	struct call *call = r->call;

	if (outcome_print(&r->said, call, r->newest, "All is as in the snapshot.\n", err) != 0)
		return err->code;
	if (call->options.dry_run && r->count > 0)
		call->status = CALL_STATUS_DRY;
	if (!call->options.is_waiting || call->options.dry_run || r->newest == 0)
		return 0;
	return rollout_wait(call, &rollout, rollout_deadline(call), err);
}

static int run_restore(struct call *call, struct mf_err *err)
{
	struct restoring *r;
	struct node *root = NULL;
	int code, attempts = 0;

	if (load(call->argv[0], &root, err) != 0)
		return err->code;
	r = MEM_NEW(r);
	r->call = r->batch.call = call;
	r->keys = node_find(root, "keys");
	do
		code = restore(r, err);
	while (code == 0 && r->is_overtaken && ++attempts < CHANGE_ATTEMPTS);
	if (code == 0 && r->is_overtaken)
		code = mf_err_set(err, MF_ETIMEOUT,
				  "others wrote the same keys first, %d times: not all is restored",
				  CHANGE_ATTEMPTS);
	if (code == 0)
		code = finish(r, err);
	else
		(void)outcome_print(&r->said, call, 0, NULL, NULL);
	outcome_clear(&r->said);
	free(r);
	node_free(root);
	return code;
}

static const struct command commands[] = {
    {"save", NULL, "FILE", 1, 1, TAKES_ETCD,
     "write environments, settings of services, config, names and states to a file",
     .run = run_save},
    {"restore", NULL, "FILE", 1, 1, TAKES_WRITE | TAKES_ETCD | TAKES_EXACT,
     "put what differs from such a file", .run = run_restore},
    {0},
};
const struct noun noun_snapshot = {"snapshot", NULL, commands};
