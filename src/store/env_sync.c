/*
 * Wanted environments against those in etcd, and the transactions between the two.  Knows nothing
 * of where the wanted ones come from.
 */
#include "store/env_sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/node.h"
#include "store/etcd.h"
#include "sys/loop.h"

#define RETRY_MIN_MS  ((int64_t)200)
#define RETRY_MAX_MS  ((int64_t)5000)
#define REPAIR_MS     ((int64_t)300000) /* between listings that repair what a watch has missed */
#define TXN_MAX_BYTES ((size_t)1 << 20) /* etcd takes requests of 1.5 MiB */

struct wanted {
	struct buf json;
	char *source;
	char *refused;	  /* etcd does not take this value: its words */
	bool is_too_long; /* and never will */
};

/* A key as etcd has it; one that was deleted stays, so that an older event is known as such. */
struct stored {
	char *value; /* NULL: deleted */
	size_t len;
	int64_t mod_revision;
	char *owner, *source; /* "" when there is no origin */
};

/* One operation of the transaction that is under way. */
struct change {
	char *name, *key;
	struct buf json;      /* empty: delete */
	int64_t mod_revision; /* 0: must not be there */
	const char *what;
};

struct env_sync {
	struct loop *loop;
	struct etcd *etcd;
	char *prefix; /* "/mayfly/environments/" */
	char *owner;
	bool force, no_follow;
	const struct env_sync_events *events;
	void *ctx;

	struct strmap *wanted; /* name -> struct wanted */
	struct strmap
	    *dropped; /* names that were wanted once; values are borrowed and mean nothing */
	bool is_committed;

	struct strmap *stored;	 /* name -> struct stored; NULL: not listed */
	struct strmap *incoming; /* the same, while listing */
	struct etcd_call *call;	 /* the listing or transaction under way */
	struct etcd_watch *watch;
	bool is_watch_down;
	struct loop_timer *timer; /* for the next listing after a failure */
	struct loop_timer *repair_timer;
	int64_t retry_ms;

	struct change changes[ETCD_MAX_OPS];
	size_t change_count, change_max;
	size_t change_bytes;
	struct strmap *kept; /* names that etcd does not let us delete: its words */

	struct problems *problems;
	bool is_told, is_told_good;
	bool is_apart; /* deletions first: a full etcd takes them, and nothing else */
	bool is_denied;
};

static void decide(struct env_sync *s);
static void start_list(struct env_sync *s);

static void free_wanted(void *value)
{
	struct wanted *w = value;

	buf_fini(&w->json);
	free(w->source);
	free(w->refused);
	free(w);
}

static void free_stored(void *value)
{
	struct stored *e = value;

	free(e->value);
	free(e->owner);
	free(e->source);
	free(e);
}

static void tell_state(struct env_sync *s, const struct mf_err *why)
{
	bool is_good = why == NULL;

	if (s->is_told && s->is_told_good == is_good)
		return;
	s->is_told = true;
	s->is_told_good = is_good;
	s->events->on_state(s->ctx, why);
}

/* --- what etcd says ------------------------------------------------------------------------- */

static char *origin_member(const struct node *root, const char *member)
{
	const struct node *origin = root == NULL ? NULL : node_find(root, "origin");
	const struct node *node = origin == NULL ? NULL : node_find(origin, member);

	return mem_dup_str(node == NULL || node->kind != NODE_SCALAR ? "" : node->text);
}

/* An environment that is not valid still has its owner; a text that is no JSON has none. */
static struct stored *stored_new(const char *value, size_t len, int64_t mod_revision)
{
	struct stored *e = MEM_NEW(e);
	struct node *root = NULL;

	if (node_parse_json(value, len, &root, NULL) != 0)
		root = NULL;
	e->value = mem_dup_bytes(value, len);
	e->len = len;
	e->mod_revision = mod_revision;
	e->owner = origin_member(root, "owner");
	e->source = origin_member(root, "source");
	node_free(root);
	return e;
}

static struct stored *stored_new_deleted(int64_t revision)
{
	struct stored *e = MEM_NEW(e);

	e->mod_revision = revision;
	return e;
}

/* The last part of a key; NULL for one deeper down, which is nobody's environment. */
static const char *name_of(const struct env_sync *s, const char *key)
{
	const char *name;

	if (!str_has_prefix(key, s->prefix))
		return NULL;
	name = key + strlen(s->prefix);
	return name[0] == '\0' || strchr(name, '/') != NULL ? NULL : name;
}

static void on_list_begin(void *ctx)
{
	struct env_sync *s = ctx;

	strmap_free(s->incoming);
	s->incoming = strmap_new(free_stored);
}

static void on_list_kv(void *ctx, const struct etcd_kv *kv)
{
	struct env_sync *s = ctx;
	const char *name = name_of(s, kv->key);

	if (name != NULL)
		strmap_set(s->incoming, name,
			   stored_new(kv->value, kv->value_len, kv->mod_revision));
}

/* Whether the stored entry is older than the event, so that the event counts. */
static bool is_news(const struct env_sync *s, const char *name, int64_t revision)
{
	const struct stored *e = strmap_find(s->stored, name);

	return e == NULL || e->mod_revision < revision;
}

static void on_watch_put(void *ctx, const struct etcd_kv *kv)
{
	struct env_sync *s = ctx;
	const char *name = name_of(s, kv->key);

	if (name != NULL && is_news(s, name, kv->mod_revision))
		strmap_set(s->stored, name, stored_new(kv->value, kv->value_len, kv->mod_revision));
}

static void on_watch_del(void *ctx, const char *key, int64_t revision)
{
	struct env_sync *s = ctx;
	const char *name = name_of(s, key);

	if (name != NULL && is_news(s, name, revision))
		strmap_set(s->stored, name, stored_new_deleted(revision));
}

static void on_watch_commit(void *ctx, int64_t revision)
{
	(void)revision;
	decide(ctx);
}

static void on_watch_state(void *ctx, const struct mf_err *why)
{
	struct env_sync *s = ctx;

	s->is_watch_down = why != NULL;
	if (why != NULL)
		tell_state(s, why);
	else
		decide(s);
}

static void on_watch_lost(void *ctx, const struct mf_err *why)
{
	struct env_sync *s = ctx;

	log_info("environments are listed again", LOG_STR("reason", why->msg));
	start_list(s);
}

static void start_watch(struct env_sync *s, int64_t revision)
{
	static const struct etcd_watch_events events = {
	    .on_put = on_watch_put,
	    .on_del = on_watch_del,
	    .on_commit = on_watch_commit,
	    .on_state = on_watch_state,
	    .on_lost = on_watch_lost,
	};

	s->is_watch_down = false;
	if (!s->no_follow)
		s->watch = etcd_watch_start(s->etcd, s->prefix, revision + 1, &events, s);
}

/* --- listing -------------------------------------------------------------------------------- */

static void retry_later(struct env_sync *s, const struct mf_err *why)
{
	loop_timer_set(s->timer, s->retry_ms);
	s->retry_ms = s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
	tell_state(s, why);
}

/* What etcd refused it may take now. */
static void forget_refusals(struct env_sync *s)
{
	const char *name;
	void *cursor = NULL, *value;

	s->is_denied = false;
	strmap_free(s->kept);
	s->kept = strmap_new(free);
	while (strmap_next(s->wanted, &cursor, &name, &value)) {
		struct wanted *w = value;

		if (!w->is_too_long) {
			free(w->refused);
			w->refused = NULL;
		}
	}
}

static void on_list_done(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct env_sync *s = ctx;

	s->call = NULL;
	if (err != NULL) {
		retry_later(s, err);
		return;
	}
	strmap_free(s->stored);
	s->stored = s->incoming;
	s->incoming = NULL;
	loop_timer_set(s->repair_timer, REPAIR_MS);
	forget_refusals(s);
	start_watch(s, revision);
	decide(s);
}

/* From now on nothing is known of etcd until the listing is complete. */
static void start_list(struct env_sync *s)
{
	static const struct etcd_list_events events = {on_list_begin, on_list_kv, on_list_done};

	etcd_watch_stop(s->watch);
	s->watch = NULL;
	etcd_cancel(s->call);
	loop_timer_clear(s->timer);
	strmap_free(s->stored);
	s->stored = NULL;
	on_list_begin(s);
	s->call = etcd_list(s->etcd, s->prefix, &events, s);
}

static void on_time(void *ctx)
{
	start_list(ctx);
}

/* What is under way goes first. */
static void on_repair_time(void *ctx)
{
	struct env_sync *s = ctx;

	if (s->call != NULL || loop_timer_is_set(s->timer))
		loop_timer_set(s->repair_timer, RETRY_MAX_MS);
	else
		start_list(s);
}

/* --- writing -------------------------------------------------------------------------------- */

static void drop_changes(struct env_sync *s)
{
	for (size_t i = 0; i < s->change_count; i++) {
		free(s->changes[i].name);
		free(s->changes[i].key);
		buf_fini(&s->changes[i].json);
	}
	s->change_count = 0;
	s->change_bytes = 0;
}

/* False: the transaction is full. */
static bool add_change(struct env_sync *s, const char *name, const struct buf *json,
		       const struct stored *e, const char *what)
{
	size_t bytes = (json == NULL ? 0 : json->len) + 1024; /* the key, twice, and its frame */
	struct change *c = &s->changes[s->change_count];

	if (s->change_count != 0 &&
	    (s->change_count >= s->change_max || s->change_bytes + bytes > TXN_MAX_BYTES))
		return false;
	*c = (struct change){
	    .name = mem_dup_str(name),
	    .key = mem_printf("%s%s", s->prefix, name),
	    .json = BUF_INIT,
	    .mod_revision = e == NULL || e->value == NULL ? 0 : e->mod_revision,
	    .what = what,
	};
	if (json != NULL)
		buf_add(&c->json, json->data, json->len);
	s->change_count++;
	s->change_bytes += bytes;
	return true;
}

static void note_change(struct env_sync *s, const struct change *c, int64_t revision)
{
	const struct wanted *w = strmap_find(s->wanted, c->name);

	if (c->json.len != 0) {
		strmap_set(s->stored, c->name, stored_new(c->json.data, c->json.len, revision));
	} else {
		strmap_set(s->stored, c->name, stored_new_deleted(revision));
		(void)strmap_del(s->dropped, c->name);
	}
	log_info(c->what, LOG_STR("environment", c->name),
		 LOG_STR("source", w == NULL ? "" : w->source), LOG_INT("revision", revision));
}

static void set_aside(struct env_sync *s, const struct change *c, const struct mf_err *err)
{
	struct wanted *w = strmap_find(s->wanted, c->name);

	s->is_denied = s->is_denied || err->code == MF_EPERM;
	if (c->json.len == 0) {
		strmap_set(s->kept, c->name, mem_dup_str(err->msg));
	} else if (w != NULL && w->json.len == c->json.len &&
		   memcmp(w->json.data, c->json.data, c->json.len) == 0) {
		free(w->refused);
		w->refused = mem_dup_str(err->msg);
	}
}

/* What etcd refuses alone is set aside, so that it stops no other. */
static void on_txn_refused(struct env_sync *s, const struct mf_err *err)
{
	if (s->change_count > 1)
		s->change_max = 1;
	else
		set_aside(s, &s->changes[0], err);
	drop_changes(s);
	decide(s);
}

static void on_txn_done(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct env_sync *s = ctx;

	s->call = NULL;
	if (err != NULL && (err->code == MF_EDATA || err->code == MF_EPERM)) {
		on_txn_refused(s, err);
		return;
	}
	if (err != NULL) { /* it may have been done: read before anything else is written */
		s->is_apart = true;
		retry_later(s, err);
		return;
	}
	if (!succeeded) {
		log_debug("another writer was first: reading again");
		s->change_max = 1; /* so that one contested key does not hold up the others */
		start_list(s);
		return;
	}
	s->retry_ms = RETRY_MIN_MS;
	for (size_t i = 0; i < s->change_count; i++)
		note_change(s, &s->changes[i], revision);
	drop_changes(s);
	decide(s);
}

static void start_txn(struct env_sync *s)
{
	struct etcd_if ifs[ETCD_MAX_OPS];
	struct etcd_op ops[ETCD_MAX_OPS];

	for (size_t i = 0; i < s->change_count; i++) {
		const struct change *c = &s->changes[i];

		ifs[i] = (struct etcd_if){
		    .compare = c->mod_revision == 0 ? ETCD_IF_CREATED : ETCD_IF_MOD,
		    .key = c->key,
		    .n = c->mod_revision,
		};
		ops[i] = (struct etcd_op){
		    .key = c->key,
		    .value = c->json.len == 0 ? NULL : c->json.data,
		    .value_len = c->json.len,
		};
	}
	s->call = etcd_txn(s->etcd, ifs, s->change_count, ops, s->change_count, on_txn_done, s);
}

/* --- deciding ------------------------------------------------------------------------------- */

static void add_problem(const struct env_sync *s, const char *name, const char *words)
{
	mem_auto_free char *object = mem_printf("environments/%s", name);

	problems_put(s->problems, object, "%s", words);
}

/* What is to be done for a wanted environment: the words for it; NULL: nothing. */
static const char *decide_wanted(const struct env_sync *s, const char *name, const struct wanted *w)
{
	const struct stored *e = strmap_find(s->stored, name);
	mem_auto_free char *words = NULL;

	if (e != NULL && e->value != NULL && e->len == w->json.len &&
	    memcmp(e->value, w->json.data, e->len) == 0)
		return NULL;
	if (w->refused != NULL) {
		add_problem(s, name, w->refused);
		return NULL;
	}
	if (e == NULL || e->value == NULL || strcmp(e->owner, s->owner) == 0)
		return "environment put";
	if (e->owner[0] == '\0')
		return "environment taken over";
	if (s->force)
		return "environment taken from its owner";
	words = mem_printf("belongs to \"%s\" and is left alone", e->owner);
	add_problem(s, name, words);
	return NULL;
}

static bool is_deletable(const struct env_sync *s, const char *name, const struct stored *e)
{
	if (e->value == NULL || strcmp(e->owner, s->owner) != 0 ||
	    strmap_find(s->wanted, name) != NULL)
		return false;
	return strmap_find(s->dropped, name) != NULL ||
	       s->events->may_delete(s->ctx, name, e->source);
}

static bool collect_deletions(struct env_sync *s)
{
	const char *name;
	void *cursor = NULL, *value;
	bool has_room = true;

	while (strmap_next(s->stored, &cursor, &name, &value)) {
		const char *words = strmap_find(s->kept, name);

		if (!is_deletable(s, name, value))
			continue;
		if (words != NULL)
			add_problem(s, name, words);
		else if (has_room)
			has_room = add_change(s, name, NULL, value, "environment deleted");
	}
	return has_room;
}

/* Collect what differs, up to a transaction's worth. */
static void collect(struct env_sync *s)
{
	const char *name, *what;
	void *cursor = NULL, *value;
	bool has_room = collect_deletions(s);

	if (s->is_apart && s->change_count != 0)
		has_room = false;
	while (strmap_next(s->wanted, &cursor, &name, &value)) {
		const struct wanted *w = value;

		what = decide_wanted(s, name, w);
		if (what != NULL && has_room)
			has_room =
			    add_change(s, name, &w->json, strmap_find(s->stored, name), what);
	}
}

static void decide(struct env_sync *s)
{
	if (!s->is_committed || s->stored == NULL || s->call != NULL || loop_timer_is_set(s->timer))
		return;
	drop_changes(s);
	collect(s);
	(void)problems_end(s->problems);
	if (s->change_count != 0) {
		start_txn(s);
		return;
	}
	s->change_max = ETCD_MAX_OPS;
	s->is_apart = false;
	s->retry_ms = RETRY_MIN_MS;
	if (!s->is_watch_down)
		tell_state(s, NULL);
}

/* --- from outside --------------------------------------------------------------------------- */

void env_sync_put(struct env_sync *s, const struct env *env, const char *source)
{
	struct wanted *w = MEM_NEW(w);

	env_format_json(env, s->owner, source, &w->json);
	w->source = mem_dup_str(source);
	w->is_too_long = w->json.len > NODE_MAX_BYTES;
	if (w->is_too_long)
		w->refused = mem_printf("longer than %zu bytes as JSON", NODE_MAX_BYTES);
	strmap_set(s->wanted, env->name, w);
	(void)strmap_del(s->dropped, env->name);
}

void env_sync_del(struct env_sync *s, const char *name)
{
	strmap_set(s->dropped, name, s);
	(void)strmap_del(s->wanted, name);
}

void env_sync_commit(struct env_sync *s)
{
	s->is_committed = true;
	decide(s);
}

bool env_sync_is_denied(const struct env_sync *s)
{
	return s->is_denied;
}

int env_sync_check_owner(const char *owner, struct mf_err *err)
{
	size_t len = strlen(owner);

	if (len == 0 || len > ENV_MAX_OWNER)
		return mf_err_set(err, MF_EDATA, "must have 1 to %d bytes", ENV_MAX_OWNER);
	for (const char *p = owner; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return mf_err_set(err, MF_EDATA, "not allowed: a control character");
	return str_is_utf8(owner, len) ? 0 : mf_err_set(err, MF_EDATA, "must be UTF-8");
}

struct env_sync *env_sync_new(struct loop *loop, struct etcd *etcd,
			      const struct env_sync_options *options,
			      const struct env_sync_events *events, void *ctx)
{
	struct env_sync *s = MEM_NEW(s);

	s->loop = loop;
	s->etcd = etcd;
	s->prefix = mem_printf("%s/environments/", options->prefix);
	s->owner = mem_dup_str(options->owner);
	s->force = options->force;
	s->no_follow = options->no_follow;
	s->events = events;
	s->ctx = ctx;
	s->wanted = strmap_new(free_wanted);
	s->dropped = strmap_new(NULL);
	s->problems = problems_new(s->events->on_problem, s->ctx);
	s->kept = strmap_new(free);
	s->change_max = ETCD_MAX_OPS;
	s->retry_ms = RETRY_MIN_MS;
	s->timer = loop_timer_new(loop, on_time, s);
	s->repair_timer = loop_timer_new(loop, on_repair_time, s);
	start_list(s);
	return s;
}

void env_sync_free(struct env_sync *s)
{
	if (s == NULL)
		return;
	etcd_cancel(s->call);
	etcd_watch_stop(s->watch);
	loop_timer_free(s->timer);
	loop_timer_free(s->repair_timer);
	drop_changes(s);
	strmap_free(s->wanted);
	strmap_free(s->dropped);
	strmap_free(s->stored);
	strmap_free(s->incoming);
	problems_free(s->problems);
	strmap_free(s->kept);
	free(s->prefix);
	free(s->owner);
	free(s);
}
