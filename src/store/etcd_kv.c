/*
 * Lists, transactions and leases: what callers ask, put into requests, and etcd's answers read.
 * Knows nothing of endpoints or retries, only which calls may be repeated.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/etcd.h"
#include "store/etcd_call.h"
#include "store/etcd_internal.h"
#include "store/etcd_wire.h"
#include "sys/loop.h"

/* --- list ------------------------------------------------------------------------------------- */

enum {
	REVOKE_MS =
	    3000, /* whoever revokes is about to stop, and the lease ends by itself anyway */
	LIST_LIMIT_MAX = 1000,		  /* etcd counts all keys that are left for each page */
	LIST_SLICE = 64,		  /* pairs in one turn of the loop */
	LIST_PAGE_BIG = 2 * 1024 * 1024,  /* from here on pages get smaller ... */
	LIST_PAGE_MAX = 24 * 1024 * 1024, /* ... and this is refused, unless it is one pair */
	LIST_RESTARTS = 10,
};

struct list {
	struct etcd_list_events events;
	void *ctx;
	char *prefix;
	struct buf text;	    /* of a page, */
	struct etcd_page page;	    /* and what of it is not delivered yet */
	struct buf next_text;	    /* the page behind it, ... */
	struct etcd_page next_page; /* ... once it has come */
	bool has_next, is_last;	    /* it has; or there is none behind this one */
	struct mf_err err;	    /* nothing more can be had of it */
	struct etcd_call *call;
	struct loop_timer *timer;
	struct buf key, value;
	struct buf start, end;	 /* of what is asked for */
	const char *until;	 /* the part left out before which that ends; NULL: none */
	int64_t limit, revision; /* revision 0: the first page is to come */
	unsigned restarts;
};

static void list_free(void *ctx)
{
	struct list *list = ctx;

	loop_timer_free(list->timer);
	buf_fini(&list->text);
	buf_fini(&list->next_text);
	buf_fini(&list->key);
	buf_fini(&list->value);
	buf_fini(&list->start);
	buf_fini(&list->end);
	free(list->prefix);
	free(list);
}

static void list_ask(struct list *list, struct etcd_call *call)
{
	buf_auto struct buf body = BUF_INIT;
	buf_auto struct buf wire = BUF_INIT;

	etcd_json_list(&body, &list->start, &list->end, list->limit, list->revision);
	etcd_wire_list(&wire, &list->start, &list->end, list->limit, list->revision);
	etcd_call_continue(call, &body, &wire);
}

static void start_behind(struct list *list, const char *part)
{
	buf_clear(&list->start);
	etcd_json_add_range_end(&list->start, part);
}

/*
 * What begins in a part that is left out begins behind it, and all ends before the next one: of
 * keys in between etcd would count each, for each page.
 */
static void narrow(struct list *list)
{
	const char *const *part = list->events.without;

	buf_clear(&list->end);
	list->until = NULL;
	for (; part != NULL && *part != NULL && list->until == NULL; part++) {
		if (str_has_prefix(buf_str(&list->start), *part))
			start_behind(list, *part);
		else if (strcmp(buf_str(&list->start), *part) < 0)
			list->until = *part;
	}
	if (list->until != NULL)
		etcd_json_add_range_start(&list->end, list->until);
	else
		etcd_json_add_range_end(&list->end, list->prefix);
}

static void begin(struct list *list)
{
	buf_clear(&list->start);
	etcd_json_add_range_start(&list->start, list->prefix);
	narrow(list);
}

static void deliver(struct list *list, size_t most)
{
	struct etcd_kv kv;
	bool skip;

	for (size_t n = 0; n < most && etcd_page_has_next(&list->page); n++) {
		if (etcd_call_is_cancelled(list->call))
			return;
		if (etcd_page_next(&list->page, buf_str(&list->text), &list->key, &list->value, &kv,
				   &skip, &list->err) != 0)
			return;
		if (!skip)
			list->events.on_kv(list->ctx, &kv);
	}
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
static bool is_advancing(const struct list *list, const struct buf *last)
{
	size_t common = last->len < list->start.len ? last->len : list->start.len;
	int order = common == 0 ? 0 : memcmp(last->data, list->start.data, common);

	return order > 0 || (order == 0 && last->len >= list->start.len);
}

/* Ask for the page behind this one; false: there is none, or none can be had. */
static bool ask_next(struct list *list)
{
	buf_auto struct buf last = BUF_INIT;

	if (!list->page.more && list->until != NULL) {
		start_behind(list, list->until);
		narrow(list);
		list_ask(list, list->call);
		return true;
	}
	/* Of a last pair that is none it is said when its turn comes. */
	if (!list->page.more || !etcd_page_has_next(&list->page) ||
	    !etcd_page_last_key(&list->page, buf_str(&list->text), &last))
		return false;
	if (!is_advancing(list, &last)) {
		(void)mf_err_set(&list->err, MF_EDATA, "a page that leads nowhere");
		return false;
	}
	buf_clear(&list->start);
	buf_add(&list->start, last.data, last.len + 1); /* the next key: with its NUL */
	narrow(list);
	list_adapt(list, list->text.len);
	list_ask(list, list->call);
	return true;
}

static void list_end(struct list *list)
{
	if (list->err.code != 0)
		(void)mf_err_wrap(&list->err, "list %s", list->prefix);
	log_debug("listed", LOG_STR("prefix", list->prefix), LOG_INT("revision", list->revision),
		  LOG_STR("by", list->page.is_wire ? "gRPC" : "JSON"));
	list->events.on_done(list->ctx, list->revision, list->err.code == 0 ? NULL : &list->err);
	etcd_cancel(list->call);
}

/* The page that has come is the one to be delivered, and the one behind it is asked for. */
static void turn_page(struct list *list)
{
	struct buf text = list->text;

	list->text = list->next_text;
	list->next_text = text;
	list->page = list->next_page;
	list->has_next = false;
	if (list->revision == 0) {
		list->revision = list->page.revision;
		list->events.on_begin(list->ctx);
	}
	if (etcd_call_is_cancelled(list->call))
		return;
	if (list->page.revision <= 0)
		(void)mf_err_set(&list->err, MF_EDATA, "no revision in the answer");
	list->is_last = list->err.code != 0 || !ask_next(list);
}

/* Some of a page in each turn of the loop, while the next one is on its way. */
static void on_slice(void *ctx)
{
	struct list *list = ctx;

	if (list->err.code == 0 && !etcd_page_has_next(&list->page) && list->has_next)
		turn_page(list);
	if (list->err.code == 0)
		deliver(list, LIST_SLICE);
	if (etcd_call_is_cancelled(list->call))
		return;
	if (list->err.code == 0 && (etcd_page_has_next(&list->page) || list->has_next))
		loop_timer_set(list->timer, 0);
	else if (list->is_last || list->has_next)
		list_end(list);
}

/* It is kept, and the call with it, until all before it has been delivered. */
static void on_list_page(struct list *list, struct etcd_call *call, const struct etcd_reply *reply)
{
	etcd_call_keep(call);
	buf_clear(&list->next_text);
	buf_add(&list->next_text, reply->text, reply->len);
	list->next_page = *reply->page;
	list->has_next = true;
	loop_timer_set(list->timer, 0);
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
		list->page = (struct etcd_page){0};
		begin(list);
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
	buf_auto struct buf wire = BUF_INIT;
	struct etcd_request request = {.path = "/v3/kv/range",
				       .what = what,
				       .keys = prefix,
				       .body = &body,
				       .wire = &wire,
				       .max_body = LIST_PAGE_MAX,
				       .wants_page = true,
				       .endpoint = ETCD_ANY};

	list->events = *events;
	list->ctx = ctx;
	list->prefix = mem_dup_str(prefix);
	list->limit = LIST_LIMIT_MAX;
	list->timer = loop_timer_new(etcd_loop(etcd), on_slice, list);
	begin(list);
	etcd_json_list(&body, &list->start, &list->end, list->limit, 0);
	etcd_wire_list(&wire, &list->start, &list->end, list->limit, 0);
	list->call = etcd_call_start(etcd, &request, on_list_reply, list_free, list);
	return list->call;
}

/* --- count ------------------------------------------------------------------------------------ */

struct count {
	etcd_count_fn *on_done;
	void *ctx;
};

static void on_count_reply(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			   enum etcd_fault_kind fault, const struct mf_err *err)
{
	const struct count *count = ctx;
	int64_t n;

	(void)call;
	if (err != NULL)
		count->on_done(count->ctx, -1, fault == ETCD_FAULT_COMPACTED ? NULL : err);
	else /* JSON of protobuf leaves a zero out */
		count->on_done(count->ctx, node_int_at(reply->json, "count", &n) ? n : 0, NULL);
}

struct etcd_call *etcd_count(struct etcd *etcd, const char *prefix, int64_t revision,
			     etcd_count_fn *on_done, void *ctx)
{
	struct count *count = MEM_NEW(count);
	mem_auto_free char *what = mem_printf("count %s", prefix);
	buf_auto struct buf body = BUF_INIT;
	struct etcd_request request = {.path = "/v3/kv/range",
				       .what = what,
				       .keys = prefix,
				       .body = &body,
				       .endpoint = ETCD_ANY};

	count->on_done = on_done;
	count->ctx = ctx;
	etcd_json_count(&body, prefix, revision);
	return etcd_call_start(etcd, &request, on_count_reply, free, count);
}

/* --- one key ---------------------------------------------------------------------------------- */

struct get {
	struct etcd_list_events events;
	void *ctx;
};

static int deliver_one(const struct get *get, const struct etcd_reply *reply, struct mf_err *err)
{
	struct etcd_page page = *reply->page;
	buf_auto struct buf key = BUF_INIT, value = BUF_INIT;
	struct etcd_kv kv;
	bool skip;

	get->events.on_begin(get->ctx);
	if (!etcd_page_has_next(&page))
		return 0;
	if (etcd_page_next(&page, reply->text, &key, &value, &kv, &skip, err) != 0)
		return err->code;
	if (!skip)
		get->events.on_kv(get->ctx, &kv);
	return 0;
}

static void on_get_reply(void *ctx, struct etcd_call *call, const struct etcd_reply *reply,
			 enum etcd_fault_kind fault, const struct mf_err *err)
{
	const struct get *get = ctx;
	struct mf_err why;

	(void)call;
	(void)fault;
	if (err != NULL)
		get->events.on_done(get->ctx, 0, err);
	else if (deliver_one(get, reply, &why) != 0)
		get->events.on_done(get->ctx, 0, &why);
	else
		get->events.on_done(get->ctx, reply->page->revision, NULL);
}

struct etcd_call *etcd_get(struct etcd *etcd, const char *key,
			   const struct etcd_list_events *events, void *ctx)
{
	struct get *get = MEM_NEW(get);
	mem_auto_free char *what = mem_printf("get %s", key);
	buf_auto struct buf body = BUF_INIT, start = BUF_INIT, end = BUF_INIT;
	struct etcd_request request = {.path = "/v3/kv/range",
				       .what = what,
				       .keys = key,
				       .body = &body,
				       .max_body = LIST_PAGE_MAX,
				       .wants_page = true,
				       .endpoint = ETCD_ANY};

	get->events = *events;
	get->ctx = ctx;
	buf_add_str(&start, key);
	etcd_json_list(&body, &start, &end, 1, 0);
	return etcd_call_start(etcd, &request, on_get_reply, free, get);
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
		txn->on_done(txn->ctx, node_is_true(node_find(reply->json, "succeeded")),
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
	request.keys = op_count == 0 ? NULL : ops[0].key;
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
