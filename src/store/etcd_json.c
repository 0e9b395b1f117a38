/*
 * etcd's JSON, written and read.  Knows what requests and replies look like and what an error
 * means; nothing of connections, endpoints or retries.
 */
#include "store/etcd_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define REPLY_MAX ((size_t)64 << 20)

enum { REPLY_MAX_DEPTH = 16 };

/* --- requests --------------------------------------------------------------------------------- */

static void add_bytes(struct buf *b, const char *name, const void *bytes, size_t len)
{
	buf_printf(b, "\"%s\":\"", name);
	str_add_base64(b, bytes, len);
	buf_add_char(b, '"');
}

void etcd_json_add_range_end(struct buf *b, const char *prefix)
{
	size_t len = strlen(prefix);

	while (len > 0 && (unsigned char)prefix[len - 1] == 0xff)
		len--;
	if (len == 0) {
		buf_add_char(b, '\0');
		return;
	}
	buf_add(b, prefix, len);
	b->data[b->len - 1] = (char)((unsigned char)prefix[len - 1] + 1);
}

void etcd_json_add_range_start(struct buf *b, const char *prefix)
{
	buf_add(b, prefix, prefix[0] == '\0' ? 1 : strlen(prefix));
}

/* key and range_end */
static void add_range(struct buf *b, const struct buf *start, const struct buf *end)
{
	add_bytes(b, "key", start->data, start->len);
	buf_add_char(b, ',');
	add_bytes(b, "range_end", end->data, end->len);
}

void etcd_json_list(struct buf *b, const struct buf *start, const struct buf *end, int64_t limit,
		    int64_t revision)
{
	buf_add_char(b, '{');
	add_range(b, start, end);
	buf_printf(b, ",\"limit\":\"%" PRId64 "\",\"revision\":\"%" PRId64 "\"}", limit, revision);
}

void etcd_json_count(struct buf *b, const char *prefix, int64_t revision)
{
	buf_auto struct buf start = BUF_INIT, end = BUF_INIT;

	etcd_json_add_range_start(&start, prefix);
	etcd_json_add_range_end(&end, prefix);
	buf_add_char(b, '{');
	add_range(b, &start, &end);
	buf_printf(b, ",\"revision\":\"%" PRId64 "\",\"count_only\":true}", revision);
}

void etcd_json_probe(struct buf *b, const char *prefix)
{
	buf_add_char(b, '{');
	add_bytes(b, "key", prefix, prefix[0] == '\0' ? 1 : strlen(prefix));
	buf_add_str(b, ",\"keys_only\":true}");
}

static void add_if(struct buf *b, const struct etcd_if *condition)
{
	static const struct {
		const char *target, *member;
	} names[] = {
	    [ETCD_IF_CREATED] = {"CREATE", "create_revision"},
	    [ETCD_IF_MOD] = {"MOD", "mod_revision"},
	    [ETCD_IF_LEASE] = {"LEASE", "lease"},
	};

	buf_add_char(b, '{');
	add_bytes(b, "key", condition->key, strlen(condition->key));
	buf_printf(b, ",\"target\":\"%s\",\"result\":\"EQUAL\",\"%s\":\"%" PRId64 "\"}",
		   names[condition->compare].target, names[condition->compare].member,
		   condition->n);
}

static void add_op(struct buf *b, const struct etcd_op *op)
{
	buf_add_str(b, op->value == NULL ? "{\"request_delete_range\":{" : "{\"request_put\":{");
	add_bytes(b, "key", op->key, strlen(op->key));
	if (op->value != NULL) {
		buf_add_char(b, ',');
		add_bytes(b, "value", op->value, op->value_len);
		buf_printf(b, ",\"lease\":\"%" PRId64 "\"", op->lease);
	}
	buf_add_str(b, "}}");
}

void etcd_json_txn(struct buf *b, const struct etcd_if *ifs, size_t if_count,
		   const struct etcd_op *ops, size_t op_count)
{
	buf_add_str(b, "{\"compare\":[");
	for (size_t i = 0; i < if_count; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		add_if(b, &ifs[i]);
	}
	buf_add_str(b, "],\"success\":[");
	for (size_t i = 0; i < op_count; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		add_op(b, &ops[i]);
	}
	buf_add_str(b, "]}");
}

void etcd_json_watch(struct buf *b, const char *prefix, int64_t start_revision)
{
	buf_auto struct buf start = BUF_INIT, end = BUF_INIT;

	etcd_json_add_range_start(&start, prefix);
	etcd_json_add_range_end(&end, prefix);
	buf_add_str(b, "{\"create_request\":{");
	add_range(b, &start, &end);
	buf_printf(
	    b, ",\"start_revision\":\"%" PRId64 "\",\"progress_notify\":true,\"fragment\":true}}",
	    start_revision);
}

void etcd_json_int(struct buf *b, const char *name, int64_t n)
{
	buf_printf(b, "{\"%s\":\"%" PRId64 "\"}", name, n);
}

void etcd_json_authenticate(struct buf *b, const char *user, const char *password)
{
	json_open(b, NULL, '{');
	json_put(b, "name", user);
	json_put(b, "password", password);
	json_close(b, '}');
}

/* --- replies ---------------------------------------------------------------------------------- */

int etcd_json_parse(const char *text, size_t len, bool is_stream, struct node **ret_object,
		    struct mf_err *err)
{
	const struct json_bounds bounds = {REPLY_MAX, REPLY_MAX_DEPTH, is_stream};
	struct node *root;

	if (json_parse(text, len, &bounds, &root, err) != 0)
		return MF_EDATA;
	if (root->kind != NODE_MAP) {
		node_free(root);
		return mf_err_set(err, MF_EDATA, "no JSON object");
	}
	*ret_object = root;
	return 0;
}

bool etcd_json_get_int(const struct node *object, const char *name, int64_t *ret)
{
	if (node_find(object, name) != NULL)
		return node_int_at(object, name, ret);
	*ret = 0;
	return true;
}

int64_t etcd_json_revision(const struct node *reply)
{
	int64_t revision = 0;

	(void)etcd_json_get_int(node_find(reply, "header"), "revision", &revision);
	return revision;
}

static bool get_bytes(const struct node *object, const char *name, struct buf *ret)
{
	const struct node *member = node_find(object, name);
	const char *text = node_text(member);

	buf_clear(ret);
	buf_reserve(ret, 0);
	return member == NULL || (text != NULL && str_decode_base64(ret, text, strlen(text)));
}

bool etcd_json_get_key(const struct node *object, struct buf *key)
{
	return get_bytes(object, "key", key) && key->len > 0;
}

int etcd_json_get_kv(const struct node *object, struct buf *key, struct buf *value,
		     struct etcd_kv *ret_kv, bool *ret_skip, struct mf_err *err)
{
	struct etcd_kv kv = {0};

	if (!etcd_json_get_key(object, key) ||
	    (value != NULL && !get_bytes(object, "value", value)))
		return mf_err_set(err, MF_EDATA, "a pair that is none: key or value");
	if (!etcd_json_get_int(object, "create_revision", &kv.create_revision) ||
	    !etcd_json_get_int(object, "mod_revision", &kv.mod_revision) ||
	    !etcd_json_get_int(object, "lease", &kv.lease) || kv.mod_revision <= 0)
		return mf_err_set(err, MF_EDATA, "a pair that is none: revision or lease");
	kv.key = key->data;
	kv.value = value == NULL ? "" : value->data;
	kv.value_len = value == NULL ? 0 : value->len;
	*ret_skip = strlen(key->data) != key->len;
	*ret_kv = kv;
	return 0;
}

/* --- faults ----------------------------------------------------------------------------------- */

enum { ANY = -1 };

/* The first that fits holds.  grpc: google.rpc.Code; part: of etcd's message. */
static const struct {
	int grpc, status;
	const char *part;
	enum etcd_fault_kind kind;
} faults[] = {
    {16, ANY, NULL, ETCD_FAULT_TOKEN},
    {ANY, 401, NULL, ETCD_FAULT_TOKEN},
    {ANY, ANY, "invalid auth token", ETCD_FAULT_TOKEN},
    {ANY, ANY, "revision in auth token is old", ETCD_FAULT_TOKEN},
    {ANY, ANY, "revision of auth store is old", ETCD_FAULT_TOKEN},
    {ANY, ANY, "user name is empty", ETCD_FAULT_TOKEN},
    {ANY, ANY, "authentication is not enabled", ETCD_FAULT_NO_AUTH},
    {ANY, ANY, "authentication failed", ETCD_FAULT_DENIED},
    {ANY, ANY, "permission denied", ETCD_FAULT_DENIED},
    {7, ANY, NULL, ETCD_FAULT_DENIED},
    {ANY, 403, NULL, ETCD_FAULT_DENIED},
    {ANY, ANY, "CommonName of client", ETCD_FAULT_DENIED}, /* a certificate that has one */
    {ANY, ANY, "no leader", ETCD_FAULT_REFUSED},
    {ANY, ANY, "not leader", ETCD_FAULT_REFUSED},
    {ANY, ANY, "not supported for learner", ETCD_FAULT_REFUSED},
    {ANY, ANY, "not capable", ETCD_FAULT_REFUSED},
    {ANY, 415, NULL, ETCD_FAULT_REFUSED}, /* HTTP/2, and gRPC alone */
    {ANY, ANY, "required revision has been compacted", ETCD_FAULT_COMPACTED},
    {11, ANY, NULL, ETCD_FAULT_COMPACTED},
    {8, ANY, "larger than max", ETCD_FAULT_LONG},
    {8, ANY, NULL, ETCD_FAULT_FULL},
    {ANY, 429, NULL, ETCD_FAULT_FULL},
    {5, ANY, NULL, ETCD_FAULT_MISSING},
    {3, ANY, NULL, ETCD_FAULT_BAD},
    {9, ANY, NULL, ETCD_FAULT_BAD},
    {12, ANY, NULL, ETCD_FAULT_BAD},
};

static enum etcd_fault_kind kind_of(int grpc, int status, const char *message)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if ((faults[i].grpc == ANY || faults[i].grpc == grpc) &&
		    (faults[i].status == ANY || faults[i].status == status) &&
		    (faults[i].part == NULL || strstr(message, faults[i].part) != NULL))
			return faults[i].kind;
	return status >= 300 && status < 500 ? ETCD_FAULT_BAD : ETCD_FAULT_AWAY;
}

void etcd_fault_set(struct etcd_fault *fault, int grpc_code, int status, const char *message)
{
	buf_auto struct buf b = BUF_INIT;

	fault->kind = kind_of(grpc_code, status, message);
	if (status == 415)
		message = ETCD_NO_HTTP;
	if (message[0] == '\0')
		buf_printf(&b, "HTTP status %d", status);
	else
		str_add_escaped(&b, message, strnlen(message, sizeof(fault->message)));
	(void)snprintf(fault->message, sizeof(fault->message), "%s", b.data);
}

bool etcd_fault_read(int status, const struct node *reply, struct etcd_fault *ret_fault)
{
	const struct node *error = node_find(reply, "error");
	bool is_object = error != NULL && error->kind == NODE_MAP;
	const struct node *shape = is_object ? error : reply;
	const char *message = node_text_at(shape, "message", "");
	int64_t code = 0;

	if (status == 200 && !is_object && node_text_at(reply, "error", "")[0] == '\0')
		return false;
	if (message[0] == '\0')
		message = node_text_at(shape, "error", "");
	if (!etcd_json_get_int(shape, "grpc_code", &code) || code == 0)
		(void)etcd_json_get_int(shape, "code", &code);
	etcd_fault_set(ret_fault, code > 0 && code < 100 ? (int)code : 0, status, message);
	return true;
}

bool etcd_fault_read_text(int status, const char *text, size_t len, struct node **ret_object,
			  struct etcd_fault *ret_fault)
{
	mem_auto_free char *line = NULL, *message = NULL;

	/* A stream's reply has a line end and may have more lines: the first is what was asked. */
	if (etcd_json_parse(text, len, true, ret_object, NULL) == 0)
		return etcd_fault_read(status, *ret_object, ret_fault);
	line = mem_dup_bytes(text, len);
	line[strcspn(line, "\r\n")] = '\0';
	message = mem_printf("HTTP status %d: %s", status, line);
	if (status == 200)
		etcd_fault_set(ret_fault, 0, 502, "an answer that is no JSON object");
	else
		etcd_fault_set(ret_fault, 0, status, line[0] == '\0' ? line : message);
	return true;
}

int etcd_fault_code(enum etcd_fault_kind kind, bool is_write)
{
	switch (kind) {
	case ETCD_FAULT_NONE:
		return 0;
	case ETCD_FAULT_TOKEN:
	case ETCD_FAULT_NO_AUTH:
	case ETCD_FAULT_DENIED:
		return MF_EPERM;
	case ETCD_FAULT_AWAY:
		return is_write ? MF_EUNKNOWN : MF_EUNAVAIL;
	case ETCD_FAULT_REFUSED:
	case ETCD_FAULT_FULL:
	case ETCD_FAULT_COMPACTED:
		return MF_EUNAVAIL;
	case ETCD_FAULT_MISSING:
		return MF_ENOINPUT;
	case ETCD_FAULT_LONG:
	case ETCD_FAULT_BAD:
		break;
	}
	return MF_EDATA;
}
