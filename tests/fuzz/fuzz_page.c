/*
 * A page of a list: whatever JSON jansson takes for a list's answer is read with the same pairs;
 * and what gRPC answers.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fuzz.h"
#include "store/etcd_page.h"
#include "store/etcd_wire.h"

static size_t read_pairs(const struct etcd_page *whole, const char *text)
{
	buf_auto struct buf key = BUF_INIT;
	buf_auto struct buf value = BUF_INIT;
	struct etcd_page page = *whole;
	struct etcd_kv kv;
	struct mf_err err;
	bool skip;
	size_t count = 0, at = page.at;

	while (etcd_page_has_next(&page)) {
		if (etcd_page_next(&page, text, &key, &value, &kv, &skip, &err) != 0)
			return SIZE_MAX;
		FUZZ_CHECK(page.at > at && page.at <= page.end);
		FUZZ_CHECK(kv.key[0] != '\0' || skip);
		FUZZ_CHECK(kv.value[kv.value_len] == '\0' && kv.mod_revision > 0);
		at = page.at;
		count++;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text =
	    malloc(size + (size == 0)); /* exactly as long, so that a step beyond is seen */
	buf_auto struct buf last = BUF_INIT;
	struct etcd_page page;
	size_t count;
	json_t *json;

	FUZZ_CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	if (etcd_page_read(text, size, &page)) {
		FUZZ_CHECK(page.at <= page.end && page.end <= size);
		count = read_pairs(&page, text);
		(void)etcd_page_last_key(&page, text, &last);
		json =
		    json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
		if (json != NULL && count != SIZE_MAX)
			FUZZ_CHECK(json_array_size(json_object_get(json, "kvs")) == count);
		json_decref(json);
	}
	if (etcd_wire_read(text, size, &page)) {
		FUZZ_CHECK(page.at <= page.end && page.end <= size && page.revision > 0);
		(void)read_pairs(&page, text);
		(void)etcd_page_last_key(&page, text, &last);
	}
	free(text);
	return 0;
}
