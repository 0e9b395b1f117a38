/* A page of a list: what is read of it, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/etcd_page.h"
#include "unit.h"

#define PAIR(key, rest) "{\"key\":\"" key "\"" rest "}"
#define MOD		",\"mod_revision\":\"4\""

/* In memory of just that length, so that a step beyond is seen. */
static char *story_of(const char *json)
{
	size_t len = strlen(json);
	char *text = malloc(len + 1);
	buf_auto struct buf key = BUF_INIT;
	buf_auto struct buf value = BUF_INIT;
	struct buf story = BUF_INIT;
	struct etcd_page page;
	struct etcd_kv kv;
	struct mf_err err = {0};
	bool skip;

	ck_assert_ptr_nonnull(text);
	memcpy(text, json, len);
	if (!etcd_page_read(text, len, &page)) {
		free(text);
		buf_add_str(&story, "none");
		return buf_take(&story);
	}
	buf_printf(&story, "%lld%s", (long long)page.revision, page.more ? " more" : "");
	if (etcd_page_has_next(&page) && etcd_page_last_key(&page, text, &key))
		buf_printf(&story, " to %s:", key.data);
	while (etcd_page_has_next(&page)) {
		if (etcd_page_next(&page, text, &key, &value, &kv, &skip, &err) != 0) {
			buf_printf(&story, " %s", err.msg);
			continue;
		}
		buf_printf(&story, " %s=%s %zu %lld/%lld/%lld%s", kv.key, kv.value, kv.value_len,
			   (long long)kv.create_revision, (long long)kv.mod_revision,
			   (long long)kv.lease, skip ? " skip" : "");
	}
	free(text);
	return buf_take(&story);
}

static const struct {
	const char *json, *story;
} table[] = {
    {"{}", "0"},
    {"{\"header\":{\"cluster_id\":\"7\",\"revision\":\"9\"},\"count\":\"0\"}\n", "9"},
    {"{\"header\":{\"revision\":9},\"more\":true,\"kvs\":[]}", "9 more"},
    {"{\"kvs\":[" PAIR("L2E=", MOD) "]}", "0 to /a: /a= 0 0/4/0"},
    {" { \"kvs\" : [ " PAIR("L2E=", MOD ",\"value\":\"MQ==\"") " , " PAIR("L2I=",
									  MOD) " ] , "
									       "\"more\" : true } ",
     "0 more to /b: /a=1 1 0/4/0 /b= 0 0/4/0"},
    {"{\"kvs\":[" PAIR("L2E=", ",\"create_revision\":\"2\",\"mod_revision\":4,\"version\":\"1\","
			       "\"lease\":\"-8\"") "]}",
     "0 to /a: /a= 0 2/4/-8"},
    /* what is not known is stepped over, whatever is in it */
    {"{\"x\":{\"a\":[1,{\"b\":\"]}\\\"\"},null,-1.5e+3],\"c\":{}},\"kvs\":["
     "{\"y\":[[]],\"key\":\"L2E=\",\"mod_revision\":\"4\"}]}",
     "0 to /a: /a= 0 0/4/0"},
    {"{\"x\\\\\":\"\\\\\\\\\",\"kvs\":[" PAIR("L2E=", MOD) "]}", "0 to /a: /a= 0 0/4/0"},
    {"{\"kvs\":[" PAIR("L2EAYg==", MOD) "]}", "0 to /a: /a= 0 0/4/0 skip"},
    /* pairs that are none */
    {"{\"kvs\":[7," PAIR("L2E=", MOD) "]}", "0 to /a: a pair that is none: key or value"},
    {"{\"kvs\":[" PAIR("L2E", MOD) "]}", "0 a pair that is none: key or value"},
    {"{\"kvs\":[" PAIR("", MOD) "]}", "0 a pair that is none: key or value"},
    {"{\"kvs\":[{\"mod_revision\":\"4\"}]}", "0 a pair that is none: key or value"},
    {"{\"kvs\":[" PAIR("L2E=", MOD ",\"value\":\"M\\u003d==\"") "]}",
     "0 a pair that is none: key or value"},
    {"{\"kvs\":[" PAIR("L2E=", MOD ",\"value\":5") "]}", "0 a pair that is none: key or value"},
    {"{\"kvs\":[" PAIR("L2E=", "") "]}", "0 to /a: a pair that is none: revision or lease"},
    {"{\"kvs\":[" PAIR("L2E=", ",\"mod_revision\":\"4x\"") "]}",
     "0 to /a: a pair that is none: revision or lease"},
    {"{\"kvs\":[" PAIR("L2E=", ",\"mod_revision\":[4]") "]}",
     "0 to /a: a pair that is none: revision or lease"},
    {"{\"kvs\":[" PAIR("L2E=", MOD ",\"lease\":\"99999999999999999999999\"") "]}",
     "0 to /a: a pair that is none: revision or lease"},
    /* no page */
    {"", "none"},
    {"[]", "none"},
    {"{", "none"},
    {"{\"kvs\"", "none"},
    {"{\"kvs\":[", "none"},
    {"{\"kvs\":[" PAIR("L2E=", MOD), "none"},
    {"{\"kvs\":[" PAIR("L2E=", MOD) "]", "none"},
    {"{\"kvs\":[" PAIR("L2E=", MOD) "}}", "none"},
    {"{\"kvs\":[{\"key\":\"L2E=]}", "none"},
    {"{\"kvs\":[{\"key\":\"L2E=\\\"}]}", "none"},
    {"{\"kvs\":{}}", "none"},
    {"{\"kvs\":[1,]}", "none"},
    {"{\"header\":7}", "none"},
    {"{\"header\":{\"revision\":\"\"}}", "none"},
    {"{\"more\":\"true\"}", "none"},
    {"{\"error\":\"no leader\",\"code\":14}", "none"},
    {"{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", "none"},
};

START_TEST(test_page)
{
	mem_auto_free char *story = story_of(table[_i].json);

	ck_assert_str_eq(story, table[_i].story);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("etcd_page");

	tcase_add_loop_test(tc, test_page, 0, (int)(sizeof(table) / sizeof(table[0])));
	return unit_run("etcd_page", tc);
}
