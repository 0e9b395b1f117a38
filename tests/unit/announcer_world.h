/*
 * What the tests of the announcer share: a registry and checks that the test plays itself, and the
 * story of what it is asked for.
 */
#ifndef MF_TESTS_ANNOUNCER_WORLD_H
#define MF_TESTS_ANNOUNCER_WORLD_H

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "model/settings.h"
#include "register/announcer.h"
#include "register/check.h"
#include "store/etcd.h"
#include "store/registry.h"
#include "unit_loop.h"

static struct {
	struct loop *loop;
	struct loop_timer *rounds, *answer;
	char *puts[8]; /* not answered yet */
	size_t put_count;
	int left;
	struct settings *settings;
	struct announcer *announcer;
	struct registry_events registry;
	void *registry_ctx;
	struct buf story;
	bool is_mute; /* the registry: it does not say that a key is there */
	struct check *checks[8];
	size_t check_count;
} t;

/* --- the registry, played -------------------------------------------------------------------- */

struct registry *registry_new(struct loop *loop, struct etcd *etcd, const char *watch_prefix,
			      int64_t ttl_seconds, const struct registry_events *events, void *ctx)
{
	(void)loop;
	(void)etcd;
	ck_assert_str_eq(watch_prefix, "/m/backends/");
	ck_assert_int_eq(ttl_seconds, 5);
	t.registry = *events;
	t.registry_ctx = ctx;
	return NULL;
}

void registry_set(struct registry *registry, const char *key, const char *value, size_t len,
		  bool steals)
{
	(void)registry;
	ck_assert_uint_eq(strlen(value), len);
	buf_printf(&t.story, "set %s%s %s; ", steals ? "all the same " : "",
		   key + strlen("/m/backends/"), value);
	ck_assert_uint_lt(t.put_count, sizeof(t.puts) / sizeof(t.puts[0]));
	if (t.is_mute)
		return;
	t.puts[t.put_count++] = mem_dup_str(key);
	loop_timer_set(t.answer, 0);
}

static inline void on_answer(void *ctx)
{
	(void)ctx;
	while (t.put_count > 0) {
		mem_auto_free char *key = t.puts[--t.put_count];

		t.registry.on_put(t.registry_ctx, key);
	}
}

void registry_watch_claims(struct registry *registry, const char *watch_prefix)
{
	(void)registry;
	ck_assert_str_eq(watch_prefix, "/m/overrides/");
}

void registry_claim(struct registry *registry, const char *key, const char *value, size_t len,
		    bool steals)
{
	(void)registry;
	ck_assert_uint_eq(strlen(value), len);
	buf_printf(&t.story, "%s %s; ", steals ? "steal" : "claim", key + strlen("/m/"));
}

void registry_del(struct registry *registry, const char *key)
{
	(void)registry;
	if (strncmp(key, "/m/overrides/", strlen("/m/overrides/")) == 0) {
		buf_printf(&t.story, "give back %s; ", key + strlen("/m/"));
		return;
	}
	buf_printf(&t.story, "del %s; ", key + strlen("/m/backends/"));
}

void registry_stop(struct registry *registry, void (*on_done)(void *ctx, const struct mf_err *err),
		   void *ctx)
{
	(void)registry;
	buf_add_str(&t.story, "revoked; ");
	if (!t.is_mute)
		on_done(ctx, NULL);
}

void registry_free(struct registry *registry)
{
	(void)registry;
}

/* --- checks, played -------------------------------------------------------------------------- */

struct check {
	check_fn *on_change;
	void *ctx;
};

struct check *check_start(struct loop *loop, const struct check_spec *spec,
			  const struct check_target *target, check_fn *on_change, void *ctx)
{
	struct check *check = MEM_NEW(check);

	(void)loop;
	ck_assert_ptr_nonnull(spec);
	check->on_change = on_change;
	check->ctx = ctx;
	buf_printf(&t.story, "check %s/%s/%s %s:%u; ", target->service, target->version,
		   target->instance, target->address, target->port);
	ck_assert_uint_lt(t.check_count, sizeof(t.checks) / sizeof(t.checks[0]));
	t.checks[t.check_count++] = check;
	return check;
}

void check_stop(struct check *check)
{
	for (size_t i = 0; i < t.check_count; i++)
		if (t.checks[i] == check && check != NULL)
			t.checks[i] = NULL;
	free(check);
}

/* --- the stage ------------------------------------------------------------------------------- */

static inline void on_state(void *ctx, const char *name, enum announce_state state, const char *why)
{
	static const char *const words[] = {"waiting", "registered", "failing", "refused"};

	(void)ctx;
	buf_printf(&t.story, "%s is %s%s%s; ", name, words[state], why == NULL ? "" : ": ",
		   why == NULL ? "" : why);
}

static inline void on_etcd(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	buf_printf(&t.story, "etcd %s; ", why == NULL ? "ok" : why->msg);
}

static inline void on_round(void *ctx)
{
	(void)ctx;
	if (t.left-- > 0)
		loop_timer_set(t.rounds, 0);
	else
		loop_stop(t.loop);
}

static inline void run_some_rounds(void)
{
	t.left = 8;
	loop_timer_set(t.rounds, 0);
	unit_loop_run(t.loop);
}

/* Until nothing more comes by itself; then the story since the last look must be this. */
static inline void expect(const char *story)
{
	run_some_rounds();
	ck_assert_str_eq(buf_str(&t.story), story);
	buf_clear(&t.story);
}

static inline void say(size_t check, bool is_up)
{
	ck_assert_ptr_nonnull(t.checks[check]);
	t.checks[check]->on_change(t.checks[check]->ctx, is_up, is_up ? NULL : "tcp: refused");
}

static inline void setup(void)
{
	static const struct announcer_events events = {on_state, on_etcd};

	memset(&t, 0, sizeof(t));
	t.loop = unit_loop_new();
	t.rounds = loop_timer_new(t.loop, on_round, NULL);
	t.answer = loop_timer_new(t.loop, on_answer, NULL);
	t.settings = settings_new("n");
	settings_set_str(&t.settings->etcd.prefix, "/m");
	t.announcer = announcer_new(t.loop, NULL, t.settings, 5000, &events, NULL);
}

static inline void teardown(void)
{
	announcer_free(t.announcer);
	for (size_t i = 0; i < t.check_count; i++)
		ck_assert_ptr_null(t.checks[i]);
	loop_timer_free(t.rounds);
	loop_timer_free(t.answer);
	loop_free(t.loop);
	settings_free(t.settings);
	buf_fini(&t.story);
}

static inline struct announcement web(void)
{
	return (struct announcement){
	    .service = (char *)"web",
	    .version = (char *)"1",
	    .id = (char *)"a",
	    .address = (char *)"10.0.0.5",
	    .port = 80,
	    .weight = 100,
	    .state = INSTANCE_UP,
	};
}

static inline void set(const char *name, const struct announcement *announcement)
{
	struct mf_err err;

	ck_assert_msg(announcer_set(t.announcer, name, announcement, &err) == 0, "%s", err.msg);
}

/* So many checks, which differ when the word does. */
static inline void set_checked(const char *name, struct announcement *announcement, size_t count,
			       const char *word)
{
	struct check_spec *checks[4];
	struct mf_err err;

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(check_spec_parse(word, &checks[i], &err), 0);
	announcement->checks = checks;
	announcement->check_count = count;
	set(name, announcement);
	for (size_t i = 0; i < count; i++)
		check_spec_free(checks[i]);
}

static inline void on_drained(void *ctx)
{
	(void)ctx;
	buf_add_str(&t.story, "drained; ");
}

#define VALUE(state) "{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":100,\"state\":\"" state "\"}"

#endif
