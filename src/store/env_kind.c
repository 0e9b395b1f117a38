/* Environments as items of files.  Knows nothing of the files themselves. */
#include "store/env_kind.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/lineage.h"
#include "model/table.h"

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

/* --- all environments of some files ------------------------------------------------------------
 */

static void put_env(struct table *table, const struct env *env)
{
	mem_auto_free char *key = mem_printf("environments/%s", env->name);
	buf_auto struct buf json = BUF_INIT;

	env_format_json(env, "", "", &json);
	table_put(table, key, json.data, json.len, 0);
}

/* Of a parent that is in none of the files nothing is known: it is taken for one without services.
 */
static void put_stranger(struct table *table, const char *name)
{
	mem_auto_free char *key = mem_printf("environments/%s", name);
	mem_auto_free char *json = mem_printf("{\"name\":\"%s\",\"services\":[]}", name);

	table_put(table, key, json, strlen(json), 0);
}

/* Whether all that it extends is in the files. */
static bool is_known(const struct env *composed, const struct strmap *names)
{
	for (size_t i = 0; i < composed->lineage_count; i++)
		if (strmap_find(names, composed->lineage[i]) == NULL)
			return false;
	return true;
}

static void say_strangers(struct table *table, const struct env *env, const struct strmap *names,
			  item_say_fn *say, void *ctx)
{
	for (size_t i = 0; i < env->parent_count; i++) {
		mem_auto_free char *reason = NULL;

		if (strmap_find(names, env->parents[i]) != NULL)
			continue;
		put_stranger(table, env->parents[i]);
		reason = mem_printf("extends %s, which is in none of these files", env->parents[i]);
		say(ctx, env->name, false, reason);
	}
}

/* A host that is in no snapshot is what a prefix has. */
static const struct env *find_host(const struct snapshot *s, const char *host)
{
	const struct env *owner = snapshot_find_claim(s->hosts, s->host_count, host);
	mem_auto_free char *label = mem_dup_bytes(host, strcspn(host, "."));

	return owner != NULL ? owner : snapshot_find_claim(s->prefixes, s->prefix_count, label);
}

static void say_if_lost(const struct env *env, const char *word, const char *key,
			const struct env *owner, item_say_fn *say, void *ctx)
{
	mem_auto_free char *reason = NULL;

	if (owner == NULL || strcmp(owner->name, env->name) == 0)
		return;
	reason = mem_printf("%s %s: environment %s claims it, too, and comes first", word, key,
			    owner->name);
	say(ctx, env->name, true, reason);
}

/* What it claims and another has. */
static void say_claims(const struct env *env, const struct snapshot *s, item_say_fn *say, void *ctx)
{
	for (size_t i = 0; i < env->host_count; i++)
		say_if_lost(env, "host", env->hosts[i], find_host(s, env->hosts[i]), say, ctx);
	say_if_lost(env, "prefix", env->prefix,
		    snapshot_find_claim(s->prefixes, s->prefix_count, env->prefix), say, ctx);
	say_if_lost(env, "header", env->header,
		    snapshot_find_claim(s->headers, s->header_count, env->header), say, ctx);
}

static void judge(void *const *items, size_t count, item_say_fn *say, void *ctx)
{
	struct table *table = table_new();
	struct strmap *names = strmap_new(NULL);
	struct snapshot *snapshot;

	for (size_t i = 0; i < count; i++) {
		strmap_set(names, get_name(items[i]), items[i]);
		put_env(table, items[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (strmap_find(names, get_name(items[i])) == items[i]) /* else it is there twice */
			say_strangers(table, items[i], names, say, ctx);
	snapshot = table_snapshot(table, 0);
	for (size_t i = 0; i < count; i++) {
		const char *name = get_name(items[i]);
		const struct env *composed = snapshot_find_env(snapshot, name);
		const char *notes = table_env_notes(table, name);

		if (strmap_find(names, name) != items[i])
			continue;
		if (composed->aside != NULL)
			say(ctx, name, true, composed->aside);
		else if (notes != NULL && is_known(composed, names))
			say(ctx, name, false, notes);
		say_claims(items[i], snapshot, say, ctx);
	}
	snapshot_unref(snapshot);
	strmap_free(names);
	table_free(table);
}

/* --- what comes to nothing ----------------------------------------------------------------------
 */

struct family_of_files {
	struct strmap *names;	  /* struct env */
	struct strmap *strangers; /* the same: parents that are in none of the files */
};

static const struct env *find_among(void *ctx, const char *name, const char **ret_why)
{
	const struct family_of_files *family = ctx;
	const struct env *env = strmap_find(family->names, name);
	struct env *stranger = env != NULL ? NULL : strmap_find(family->strangers, name);

	*ret_why = "";
	if (env != NULL || stranger != NULL)
		return env != NULL ? env : stranger;
	stranger = MEM_NEW(stranger);
	stranger->name = name;
	strmap_set(family->strangers, name, stranger);
	return stranger;
}

static void refuse(void *const *items, size_t count, item_say_fn *say, void *ctx)
{
	struct family_of_files family = {strmap_new(NULL), strmap_new(free)};
	struct lineage lineage;
	struct mf_err err;

	for (size_t i = 0; i < count; i++)
		strmap_set(family.names, get_name(items[i]), items[i]);
	for (size_t i = 0; i < count; i++) {
		const struct env *env = items[i];

		if (env->parent_count > 0 &&
		    lineage_make(env, find_among, &family, &lineage, &err) != 0)
			say(ctx, env->name, true, err.msg);
	}
	strmap_free(family.names);
	strmap_free(family.strangers);
}

static void *ref(void *item)
{
	return env_ref(item);
}

static void unref(void *item)
{
	env_unref(item);
}

#define KIND(...)                                                                                  \
	{                                                                                          \
		.noun = "environment", .gone = "deleted", .parse = parse_file, .name = get_name,   \
		.is_equal = is_equal, .judge = judge, .ref = ref, .unref = unref, __VA_ARGS__      \
	}

const struct item_kind env_kind = KIND(.refuse = NULL);
const struct item_kind env_kind_to_put = KIND(.refuse = refuse);
