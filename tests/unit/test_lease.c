/* A lease against a gateway that answers from a script. */
#include "store/lease.h"

#include "gateway.h"
#include "store/etcd.h"
#include "unit.h"

#define GRANT	"/v3/lease/grant"
#define ALIVE	"/v3/lease/keepalive"
#define REVOKE	"/v3/lease/revoke"
#define GRANTED "{\"header\":{\"revision\":\"1\"},\"ID\":\"7\",\"TTL\":\"10\"}"
#define LIVES	"{\"result\":{\"header\":{\"revision\":\"1\"},\"ID\":\"7\",\"TTL\":\"10\"}}"
#define LOST	"{\"result\":{\"header\":{\"revision\":\"1\"},\"ID\":\"7\"}}"
#define DENIED	"{\"error\":\"etcdserver: permission denied\",\"code\":7}"

static struct loop *loop;
static struct gateway gateway;
static struct etcd *etcd;
static struct lease *lease;
static struct loop_timer *deadline;
static struct buf story;
static const char *awaited;

static void tell(const char *word)
{
	buf_printf(&story, "%s ", word);
	if (strcmp(story.data, awaited) == 0)
		loop_stop(loop);
}

static void on_granted(void *ctx, const struct mf_err *err)
{
	(void)ctx;
	tell(err == NULL ? "granted" : mf_err_word(err->code));
}

static void on_lost(void *ctx)
{
	(void)ctx;
	tell("lost");
}

static void on_alive(void *ctx, const struct mf_err *err)
{
	(void)ctx;
	tell(err == NULL ? "alive" : mf_err_word(err->code));
}

static void on_revoked(void *ctx, const struct mf_err *err)
{
	(void)ctx;
	tell(err == NULL ? "revoked" : mf_err_word(err->code));
}

static void on_deadline(void *ctx)
{
	(void)ctx;
	ck_abort_msg("so far: \"%s\", wanted: \"%s\"", buf_str(&story), awaited);
}

static void begin(const struct gateway_line *script)
{
	static const struct lease_events events = {on_granted, on_lost, on_alive};
	const char *endpoints[] = {NULL, NULL};
	struct etcd_config config = {.endpoints = endpoints};
	struct mf_err err;

	ck_assert_int_eq(loop_new(&loop, &err), 0);
	gateway_init(&gateway, loop, script);
	endpoints[0] = gateway.url;
	ck_assert_int_eq(etcd_new(loop, &config, &etcd, &err), 0);
	deadline = loop_timer_new(loop, on_deadline, NULL);
	lease = lease_new(loop, etcd, 10, &events, NULL);
}

static void await(const char *words)
{
	struct mf_err err;

	awaited = words;
	loop_timer_set(deadline, unit_slow(20000));
	ck_assert_int_eq(loop_run(loop, &err), 0);
}

static void end(void)
{
	gateway_is_done(&gateway);
	lease_free(lease);
	etcd_free(etcd);
	gateway_fini(&gateway);
	loop_timer_free(deadline);
	loop_free(loop);
	buf_fini(&story);
}

/* An etcd that stops takes 7 s of a lease of 10. */
START_TEST(kept_alive_every_fifth_of_its_time)
{
	static const struct gateway_line script[] = {{GRANT, GATEWAY_SAY, 200, GRANTED},
						     {ALIVE, GATEWAY_SAY, 200, LIVES},
						     {ALIVE, GATEWAY_SAY, 200, LIVES},
						     {NULL, GATEWAY_SAY, 0, NULL}};
	int64_t start;

	begin(script);
	start = loop_now(loop);
	lease_grant(lease);
	ck_assert(lease_is_granting(lease));
	await("granted alive alive ");
	ck_assert_int_ge(loop_now(loop) - start, 3900);
	ck_assert_int_le(loop_now(loop) - start, unit_slow(6000)); /* every third: 6,600 */
	ck_assert(lease_is_alive(lease));
	ck_assert_int_eq(lease_id(lease), 7);
	end();
}
END_TEST

START_TEST(lost_only_when_etcd_says_so)
{
	static const struct gateway_line script[] = {
	    {GRANT, GATEWAY_SAY, 403, DENIED}, {GRANT, GATEWAY_SAY, 200, GRANTED},
	    {ALIVE, GATEWAY_SAY, 403, DENIED}, {ALIVE, GATEWAY_SAY, 200, LIVES},
	    {ALIVE, GATEWAY_SAY, 200, LOST},   {NULL, GATEWAY_SAY, 0, NULL}};

	begin(script);
	lease_grant(lease);
	await("permission ");
	ck_assert(!lease_is_granting(lease));
	lease_grant(lease);
	await("permission granted alive lost ");
	ck_assert_int_eq(lease_id(lease), 0);
	ck_assert_int_eq(lease_last_id(lease), 7);
	ck_assert(!lease_is_alive(lease));
	lease_revoke(lease, on_revoked, NULL); /* nothing is asked */
	await("permission granted alive lost revoked ");
	end();
}
END_TEST

START_TEST(revoked_while_it_lives)
{
	static const struct gateway_line script[] = {
	    {GRANT, GATEWAY_SAY, 200, GRANTED},
	    {REVOKE, GATEWAY_SAY, 200, "{\"header\":{\"revision\":\"2\"}}"},
	    {NULL, GATEWAY_SAY, 0, NULL}};

	begin(script);
	lease_grant(lease);
	await("granted ");
	lease_revoke(lease, on_revoked, NULL);
	await("granted revoked ");
	end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lease");

	tcase_add_test(tc, kept_alive_every_fifth_of_its_time);
	tcase_add_test(tc, lost_only_when_etcd_says_so);
	tcase_add_test(tc, revoked_while_it_lives);
	return unit_run("lease", tc);
}
