/*
 * Whole replies of etcd, or of something between: the first byte is the status.  What to do about
 * an error is known, and its message is fit for the log.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "store/etcd_json.h"

static void check_fault(const struct etcd_fault *fault)
{
	FUZZ_CHECK(fault->kind != ETCD_FAULT_NONE);
	FUZZ_CHECK(memchr(fault->message, '\0', sizeof(fault->message)) != NULL);
	FUZZ_CHECK(strpbrk(fault->message, "\n\r\x1b") == NULL);
	FUZZ_CHECK(etcd_fault_code(fault->kind, true) < 0 &&
		   etcd_fault_code(fault->kind, false) < 0);
}

static void read_kvs(const struct node *kvs)
{
	buf_auto struct buf key = BUF_INIT, value = BUF_INIT;
	struct etcd_kv kv;
	struct mf_err err;
	bool skip;

	for (size_t i = 0; kvs != NULL && i < kvs->child_count; i++)
		if (etcd_json_get_kv(&kvs->children[i], &key, &value, &kv, &skip, &err) == 0)
			FUZZ_CHECK(skip || (kv.key[0] != '\0' && kv.value[kv.value_len] == '\0'));
}

static void read_object(const struct node *object)
{
	int64_t number = -1;

	(void)etcd_json_revision(object);
	if (etcd_json_get_int(object, "TTL", &number))
		FUZZ_CHECK(number != -1 || node_find(object, "TTL") != NULL);
	read_kvs(node_find(object, "kvs"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 400, 401, 403, 404, 408, 409, 429, 500, 501, 502, 503};
	const char *text = (const char *)data + 1;
	struct node *object = NULL;
	struct etcd_fault fault;
	struct mf_err err;
	int status;

	if (size < 1)
		return 0;
	status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
	if (etcd_fault_read_text(status, text, size - 1, &object, &fault))
		check_fault(&fault);
	else
		FUZZ_CHECK(status == 200);
	node_free(object);
	for (int is_stream = 0; is_stream < 2; is_stream++) {
		if (etcd_json_parse(text, size - 1, is_stream != 0, &object, &err) != 0)
			continue;
		read_object(object);
		if (etcd_fault_read(status, object, &fault))
			check_fault(&fault);
		node_free(object);
	}
	return 0;
}
