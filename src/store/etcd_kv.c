/*
 * Lists, transactions and leases: what callers ask, put into requests, and etcd's answers read.
 * Knows nothing of endpoints or retries, only which calls may be repeated.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/etcd.h"
#include "store/etcd_internal.h"

/* --- list ------------------------------------------------------------------------------------- */

enum {
	REVOKE_MS =
	    3000, /* whoever revokes is about to stop, and the lease ends by itself anyway */
	LIST_LIMIT_MAX = 1000,
	LIST_PAGE_BIG = 2 * 1024 * 1024,  /* from here on pages get smaller ... */
	LIST_PAGE_MAX = 24 * 1024 * 1024, /* ... and this is refused, unless it is one pair */
	LIST_RESTARTS = 10,
};

struct list {
	struct etcd_list_events events;
	void *ctx;
	char *prefix;
	struct buf key, value, after; /* after: the last key of the page before */
	int64_t limit, revision;      /* revision 0: the first page is to come */
	unsigned restarts;
};

static void list_free(void *ctx)
{
	struct list *list = ctx;

	buf_fini(&list->key);
	buf_fini(&list->value);
	buf_fini(&list->after);
	free(list->prefix);
	free(list);
}

static void list_ask(struct list *list, struct etcd_call *call)
{
	buf_auto struct buf body = BUF_INIT;

	etcd_json_list(&body, list->prefix, list->after.len == 0 ? NULL : &list->after, list->limit,
		       list->revision);
	etcd_call_continue(call, &body);
}

static int list_page(struct list *list, struct etcd_call *call, const json_t *kvs,
		     struct mf_err *err)
{
	const json_t *item;
	struct etcd_kv kv;
	size_t i;
	bool skip;

	json_array_foreach(kvs, i, item)
	{
		if (etcd_json_get_kv(item, &list->key, &list->value, &kv, &skip, err) != 0)
			return err->code;
		if (!skip)
			list->events.on_kv(list->ctx, &kv);
		if (etcd_call_is_cancelled(call))
			return 0;
	}
	return 0;
}

static void list_adapt(struct list *list, size_t page_len)
{
	if (page_len > LIST_PAGE_BIG && list->limit > 1)
		list->limit /= 2;
	else if (page_len < LIST_PAGE_BIG / 4 && list->limit < LIST_LIMIT_MAX)
		list->limit *= 2;
	if (list->limit > LIST_LIMIT_MAX)
		list->limit = LIST_LIMIT_MAX;
}

/* Else a gateway that always says `more` would be asked for ever. */
static bool is_advancing(const struct list *list)
{
	size_t common = list->key.len < list->after.len ? list->key.len : list->after.len;
	int order = common == 0 ? 0 : memcmp(list->key.data, list->after.data, common);

	return order > 0 || (order == 0 && list->key.len > list->after.len);
}

static void on_list_page(struct list *list, struct etcd_call *call, const struct etcd_reply *reply)
{
	const json_t *kvs = json_object_get(reply->json, "kvs");
	bool more = etcd_json_get_bool(reply->json, "more") && json_array_size(kvs) > 0;
	struct mf_err err = {0};

	if (list->revision == 0) {
		list->revision = reply->revision;
		list->events.on_begin(list->ctx);
		if (etcd_call_is_cancelled(call))
			return;
	}
	if (reply->revision <= 0)
		(void)mf_err_set(&err, MF_EDATA, "list %s: no revision in the answer",
				 list->prefix);
	else if (list_page(list, call, kvs, &err) != 0)
		(void)mf_err_wrap(&err, "list %s", list->prefix);
	else if (more && !is_advancing(list))
		(void)mf_err_set(&err, MF_EDATA, "list %s: a page that leads nowhere",
				 list->prefix);
	if (etcd_call_is_cancelled(call))
		return;
	if (err.code != 0 || !more) {
		list->events.on_done(list->ctx, list->revision, err.code == 0 ? NULL : &err);
		return;
	}
	buf_clear(&list->after);
	buf_add(&list->after, list->key.data, list->key.len);
	list_adapt(list, reply->len);
	list_ask(list, call);
}

static void on_list_reply(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			  enum etcd_fault_kind fault, const struct mf_err *err)
{
	struct list *list = ctx;

	if (err == NULL) {
		on_list_page(list, call, reply);
	} else if (fault == ETCD_FAULT_LONG && list->limit > 1) {
		list->limit = list->limit / 8 > 0 ? list->limit / 8 : 1;
		list_ask(list, call);
	} else if (fault == ETCD_FAULT_COMPACTED && list->restarts < LIST_RESTARTS) {
		list->restarts++;
		list->revision = 0;
		buf_clear(&list->after);
		list_ask(list, call);
	} else {
		list->events.on_done(list->ctx, 0, err);
	}
}

struct etcd_call *etcd_list(struct etcd *etcd, const char *prefix,
			    const struct etcd_list_events *events, void *ctx)
{
	struct list *list = MEM_NEW(list);
	mem_auto_free char *what = mem_printf("list %s", prefix);
	buf_auto struct buf body = BUF_INIT;
	struct etcd_request request = {.path = "/v3/kv/range",
				       .what = what,
				       .body = &body,
				       .max_body = LIST_PAGE_MAX,
				       .endpoint = ETCD_ANY};

	list->events = *events;
	list->ctx = ctx;
	list->prefix = mem_dup_str(prefix);
	list->limit = LIST_LIMIT_MAX;
	etcd_json_list(&body, prefix, NULL, list->limit, 0);
	return etcd_call_start(etcd, &request, on_list_reply, list_free, list);
}

/* --- transactions ----------------------------------------------------------------------------- */

struct txn {
	etcd_txn_fn *on_done;
	void *ctx;
};

static void on_txn_reply(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			 enum etcd_fault_kind fault, const struct mf_err *err)
{
	const struct txn *txn = ctx;

	(void)call;
	(void)fault;
	if (err != NULL)
		txn->on_done(txn->ctx, false, 0, err);
	else
		txn->on_done(txn->ctx, etcd_json_get_bool(reply->json, "succeeded"),
			     reply->revision, NULL);
}

struct etcd_call *etcd_txn(struct etcd *etcd, const struct etcd_if *ifs, size_t if_count,
			   const struct etcd_op *ops, size_t op_count, etcd_txn_fn *on_done,
			   void *ctx)
{
	struct txn *txn = MEM_NEW(txn);
	mem_auto_free char *what = NULL;
	buf_auto struct buf body = BUF_INIT;
	struct etcd_request request = {
	    .path = "/v3/kv/txn", .repeat = ETCD_REPEAT_ONCE, .body = &body, .endpoint = ETCD_ANY};
	struct mf_err err;

	txn->on_done = on_done;
	txn->ctx = ctx;
	if (if_count > ETCD_MAX_OPS || op_count > ETCD_MAX_OPS) {
		(void)mf_err_set(&err, MF_EDATA, "a transaction of more than %d operations",
				 ETCD_MAX_OPS);
		return etcd_call_fail(etcd, &err, on_txn_reply, free, txn);
	}
	what = mem_printf("write %s%s", op_count == 0 ? "nothing" : ops[0].key,
			  op_count > 1 ? " and more" : "");
	request.what = what;
	etcd_json_txn(&body, ifs, if_count, ops, op_count);
	return etcd_call_start(etcd, &request, on_txn_reply, free, txn);
}

/* --- leases ----------------------------------------------------------------------------------- */

struct lease {
	int64_t id; /* 0 until it is granted */
	bool is_revoke;
	int64_t deadline_ms;
	etcd_lease_fn *on_done;
	void *ctx;
};

static void on_lease_reply(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			   enum etcd_fault_kind fault, const struct mf_err *err)
{
	const struct lease *lease = ctx;
	int64_t id = lease->id, ttl = 0;
	struct mf_err bad;

	(void)call;
	if (fault == ETCD_FAULT_MISSING) {
		lease->on_done(lease->ctx, id, 0, NULL); /* revoked or lost: it is gone */
		return;
	}
	if (err == NULL && !lease->is_revoke &&
	    (!etcd_json_get_int(reply->json, "TTL", &ttl) ||
	     (id == 0 && (!etcd_json_get_int(reply->json, "ID", &id) || id == 0 || ttl <= 0)))) {
		(void)mf_err_set(&bad, MF_EDATA, "lease: no ID and TTL in the answer");
		err = &bad;
	}
	if (err != NULL)
		lease->on_done(lease->ctx, lease->id, 0, err);
	else
		lease->on_done(lease->ctx, id, ttl > 0 ? ttl : 0, NULL);
}

static struct etcd_call *start_lease(struct etcd *etcd, const char *path, const char *what,
				     const struct lease *model, struct buf *body)
{
	struct lease *lease = mem_alloc(sizeof(*lease));
	struct etcd_request request = {.path = path,
				       .what = what,
				       .repeat = ETCD_REPEAT_SAFE,
				       .body = body,
				       .endpoint = ETCD_ANY,
				       .deadline_ms = model->deadline_ms};

	*lease = *model;
	return etcd_call_start(etcd, &request, on_lease_reply, free, lease);
}

/* Repeating it is safe: a lease that nobody knows of has no keys and ends by itself. */
struct etcd_call *etcd_lease_grant(struct etcd *etcd, int64_t ttl, etcd_lease_fn *on_done,
				   void *ctx)
{
	struct lease lease = {.on_done = on_done, .ctx = ctx};
	buf_auto struct buf body = BUF_INIT;

	etcd_json_int(&body, "TTL", ttl);
	return start_lease(etcd, "/v3/lease/grant", "grant a lease", &lease, &body);
}

struct etcd_call *etcd_lease_keep_alive(struct etcd *etcd, int64_t id, int64_t deadline_ms,
					etcd_lease_fn *on_done, void *ctx)
{
	struct lease lease = {.id = id, .deadline_ms = deadline_ms, .on_done = on_done, .ctx = ctx};
	buf_auto struct buf body = BUF_INIT;

	etcd_json_int(&body, "ID", id);
	return start_lease(etcd, "/v3/lease/keepalive", "keep a lease alive", &lease, &body);
}

struct etcd_call *etcd_lease_revoke(struct etcd *etcd, int64_t id, etcd_lease_fn *on_done,
				    void *ctx)
{
	struct lease lease = {
	    .id = id, .is_revoke = true, .deadline_ms = REVOKE_MS, .on_done = on_done, .ctx = ctx};
	buf_auto struct buf body = BUF_INIT;

	etcd_json_int(&body, "ID", id);
	return start_lease(etcd, "/v3/lease/revoke", "revoke a lease", &lease, &body);
}
