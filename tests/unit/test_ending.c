/* The end of an environment against a gateway that answers from a script: what is left of it. */
#include "store/ending.h"

#include "base/str.h"
#include "gateway.h"
#include "model/env.h"
#include "store/etcd.h"
#include "sys/loop.h"
#include "unit.h"

#define RANGE	       "/v3/kv/range"
#define TXN	       "/v3/kv/txn"
#define GRANT	       "/v3/lease/grant"
#define REVOKE	       "/v3/lease/revoke"
#define HEADER	       "\"header\":{\"revision\":\"9\"}"
#define LEASE(id, ttl) "{" HEADER ",\"ID\":\"" id "\",\"TTL\":\"" ttl "\"}"
#define DENIED	       "{\"error\":\"etcdserver: permission denied\",\"code\":7}"
#define EXPIRED                                                                                    \
	"{\"name\":\"pr\",\"services\":[{\"name\":\"web\",\"version\":\"1\"}],"                    \
	"\"expires\":\"2020-02-01T00:00:00Z\"}"

static const struct {
	const char *name;
	int status; /* of the transaction that would end it */
	const char *answer;
	bool is_dropped; /* the lease of the archive */
	int code;
} table[] = {
    {"somebody changed it meanwhile", 200, "{" HEADER "}", true, 0},
    {"it may not be deleted", 403, DENIED, true, MF_EPERM},
    {"nobody knows whether it is deleted", 503, "", false, MF_EUNKNOWN},
};

static enum lifetime_step step;
static int code;

static void on_done(void *ctx, const struct ending_result *result, const struct mf_err *err)
{
	(void)ctx;
	ck_assert_str_eq(result->env, "pr");
	step = result->step;
	code = err == NULL ? 0 : err->code;
}

/* All that is to be asked was, or it takes too long. */
static void on_time(void *ctx)
{
	loop_stop(ctx);
}

/* The page of one pair. */
static char *list_one(const char *key, const char *value)
{
	buf_auto struct buf page = BUF_INIT;

	buf_add_str(&page, "{" HEADER ",\"kvs\":[{\"key\":\"");
	str_add_base64(&page, key, strlen(key));
	buf_add_str(&page, "\",\"create_revision\":\"3\",\"mod_revision\":\"4\",\"value\":\"");
	str_add_base64(&page, value, strlen(value));
	buf_add_str(&page, "\"}]}");
	return buf_take(&page);
}

/* What kvwatch has noted of it. */
static char *list_noted(void)
{
	buf_auto struct buf value = BUF_INIT;
	mem_auto_free char *content = NULL;
	struct lifetime noted = {.env = "pr",
				 .since = "2020-01-01T00:00:00Z",
				 .keep_until = "",
				 .kept_by = "",
				 .used = "",
				 .created = 3};
	struct env *env;
	struct mf_err err;

	ck_assert_int_eq(env_parse_json("pr", EXPIRED, strlen(EXPIRED), 3, &env, &err), 0);
	content = lifetime_describe_content(env);
	env_unref(env);
	noted.content = content;
	lifetime_format(&noted, &value);
	return list_one("/mayfly/lifetimes/pr", buf_str(&value));
}

static bool has_asked(const struct gateway *gateway, const char *words)
{
	return strstr(buf_str(&gateway->asked), words) != NULL;
}

START_TEST(what_does_not_end_leaves_no_lease)
{
	mem_auto_free char *stored = list_one("/mayfly/environments/pr", EXPIRED);
	mem_auto_free char *noted = list_noted();
	const struct gateway_line script[] = {
	    {RANGE, GATEWAY_SAY, 200, stored},
	    {RANGE, GATEWAY_SAY, 200, noted},
	    {GRANT, GATEWAY_SAY, 200, LEASE("77", "10")},
	    {TXN, GATEWAY_SAY, 200, "{" HEADER ",\"succeeded\":true}"},
	    {GRANT, GATEWAY_SAY, 200, LEASE("88", "2592000")},
	    {TXN, GATEWAY_SAY, table[_i].status, table[_i].answer},
	    {REVOKE, GATEWAY_SAY, 200, "{" HEADER "}"},
	    {table[_i].is_dropped ? REVOKE : NULL, GATEWAY_SAY, 200, "{" HEADER "}"},
	    {NULL, GATEWAY_SAY, 0, NULL},
	};
	const char *endpoints[] = {NULL, NULL};
	struct etcd_config config = {.endpoints = endpoints};
	struct loop_timer *deadline;
	struct gateway gateway;
	struct ending *ending;
	struct loop *loop;
	struct etcd *etcd;
	struct mf_err err;

	ck_assert_int_eq(loop_new(&loop, &err), 0);
	gateway_init(&gateway, loop, script);
	endpoints[0] = gateway.url;
	ck_assert_int_eq(etcd_new(loop, &config, &etcd, &err), 0);
	ending = ending_new(loop, etcd, "/mayfly", "node1", on_done, NULL);
	ending_start(ending, "pr", (struct lifetime_seen){.used = 0});
	step = LIFETIME_END;
	deadline = loop_timer_new(loop, on_time, loop);
	loop_timer_set(deadline, unit_slow(1000));
	ck_assert_int_eq(loop_run(loop, &err), 0);
	gateway_is_done(&gateway);
	ck_assert_msg(step == LIFETIME_WAIT && code == table[_i].code, "%s", table[_i].name);
	ck_assert(has_asked(&gateway, REVOKE " {\"ID\":\"77\"}"));
	ck_assert(has_asked(&gateway, REVOKE " {\"ID\":\"88\"}") == table[_i].is_dropped);
	loop_timer_free(deadline);
	ending_free(ending);
	etcd_free(etcd);
	gateway_fini(&gateway);
	loop_free(loop);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("ending");

	tcase_add_loop_test(tc, what_does_not_end_leaves_no_lease, 0,
			    (int)(sizeof(table) / sizeof(table[0])));
	return unit_run("ending", tc);
}
