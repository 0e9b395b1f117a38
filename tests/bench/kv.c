/*
 * Writes requests of etcd's API (v3, rpc.proto: TxnRequest) by hand.  Knows nothing of the model.
 */
#include "kv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

bool kv_init(struct kv *kv, const char *endpoint, const char *prefix)
{
	*kv = (struct kv){.prefix = prefix};
	return wire_init(&kv->wire, endpoint);
}

void kv_fini(struct kv *kv)
{
	wire_fini(&kv->wire);
	buf_fini(&kv->body);
	buf_fini(&kv->reply);
}

static void begin_op(struct kv *kv, const char *operation, const char *key)
{
	mem_auto_free char *whole = mem_printf("%s/%s", kv->prefix, key);

	buf_add_str(&kv->body, kv->ops++ == 0 ? "{\"success\":[" : ",");
	buf_printf(&kv->body, "{\"%s\":{\"key\":\"", operation);
	str_add_base64(&kv->body, whole, strlen(whole));
	buf_add_char(&kv->body, '"');
}

void kv_put(struct kv *kv, const char *key, const struct buf *value)
{
	begin_op(kv, "requestPut", key);
	buf_add_str(&kv->body, ",\"value\":\"");
	str_add_base64(&kv->body, buf_str(value), value->len);
	buf_add_str(&kv->body, "\"}}");
}

void kv_del(struct kv *kv, const char *key)
{
	begin_op(kv, "requestDeleteRange", key);
	buf_add_str(&kv->body, "}}");
}

void kv_del_all(struct kv *kv)
{
	mem_auto_free char *end = mem_printf("%s0", kv->prefix); /* '0' follows '/' */

	begin_op(kv, "requestDeleteRange", "");
	buf_add_str(&kv->body, ",\"rangeEnd\":\"");
	str_add_base64(&kv->body, end, strlen(end));
	buf_add_str(&kv->body, "\"}}");
}

bool kv_commit(struct kv *kv)
{
	int status;

	if (kv->ops == 0)
		return true;
	buf_add_str(&kv->body, "]}");
	status = wire_post(&kv->wire, "/v3/kv/txn", &kv->body, &kv->reply);
	buf_clear(&kv->body);
	kv->ops = 0;
	if (status == 200)
		return true;
	(void)fprintf(stderr, "etcd: status %d: %s\n", status, buf_str(&kv->reply));
	return false;
}
