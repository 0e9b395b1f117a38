/* The environments, followed: the names of those that name the version. */
#include "register/retirement.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "store/etcd.h"
#include "store/follow.h"
#include "sys/loop.h"

#define REPAIR_MS 300000 /* between listings */

struct retirement {
	char *below; /* "/mayfly/environments/" */
	char *service, *version;
	int64_t after_ms;
	struct follow *follow;
	struct loop_timer *timer; /* set while no environment names it */
	struct strmap *naming;	  /* by name of the environment; values are of no interest */
	struct strmap *coming;	  /* the same of the listing that is under way; NULL: none is */
	bool is_listed, is_lost;  /* all was read once; etcd is out of reach */
	bool is_denied;		  /* which is logged */
	void (*on_due)(void *ctx);
	void *ctx;
};

static void judge(struct retirement *r)
{
	if (!r->is_listed || r->is_lost || strmap_count(r->naming) > 0)
		loop_timer_clear(r->timer);
	else if (!loop_timer_is_set(r->timer))
		loop_timer_set(r->timer, r->after_ms);
}

static void on_time(void *ctx)
{
	struct retirement *r = ctx;

	log_info("no environment has named the version for so long: stopping",
		 LOG_STR("service", r->service), LOG_STR("version", r->version),
		 LOG_INT("ms", r->after_ms));
	r->on_due(r->ctx);
}

static void on_list_begin(void *ctx)
{
	struct retirement *r = ctx;

	strmap_free(r->coming);
	r->coming = strmap_new(NULL);
}

static void on_list_end(void *ctx, int64_t revision)
{
	struct retirement *r = ctx;

	(void)revision;
	strmap_free(r->naming);
	r->naming = r->coming;
	r->coming = NULL;
	r->is_listed = true;
}

/* One that cannot be read is in force as it was. */
static bool is_naming(const struct retirement *r, const char *name, const struct etcd_kv *kv)
{
	const struct env_service *service;
	struct env *env;
	bool has_named;

	if (env_parse_json(name, kv->value, kv->value_len, kv->create_revision, &env, NULL) != 0)
		return strmap_find(r->naming, name) != NULL;
	service = env_find_service(env, r->service);
	has_named = service != NULL && env_service_has_version(service, r->version);
	env_unref(env);
	return has_named;
}

static void on_put(void *ctx, const struct etcd_kv *kv)
{
	struct retirement *r = ctx;
	struct strmap *names = r->coming != NULL ? r->coming : r->naming;
	const char *name = kv->key + strlen(r->below);

	if (is_naming(r, name, kv))
		strmap_set(names, name, r);
	else
		(void)strmap_del(names, name);
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	struct retirement *r = ctx;

	(void)revision;
	(void)strmap_del(r->naming, key + strlen(r->below));
}

static void on_commit(void *ctx, int64_t revision)
{
	(void)revision;
	judge(ctx);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct retirement *r = ctx;
	bool is_denied = why != NULL && why->code == MF_EPERM;

	if (is_denied && !r->is_denied)
		log_warn("nobody knows whether environments name the version: it does not retire",
			 LOG_STR("reason", why->msg));
	r->is_denied = is_denied;
	r->is_lost = why != NULL;
	judge(r);
}

struct retirement *retirement_new(struct loop *loop, struct etcd *etcd,
				  const struct retirement_options *options,
				  void (*on_due)(void *ctx), void *ctx)
{
	static const struct follow_events events = {
	    .on_list_begin = on_list_begin,
	    .on_list_end = on_list_end,
	    .on_put = on_put,
	    .on_del = on_del,
	    .on_commit = on_commit,
	    .on_state = on_state,
	};
	struct retirement *r = MEM_NEW(r);
	struct follow_options follow = {.repair_ms = REPAIR_MS};

	r->below = mem_printf("%s/environments/", options->prefix);
	r->service = mem_dup_str(options->service);
	r->version = mem_dup_str(options->version);
	r->after_ms = options->after_ms;
	r->on_due = on_due;
	r->ctx = ctx;
	r->naming = strmap_new(NULL);
	r->timer = loop_timer_new(loop, on_time, r);
	follow.prefix = r->below;
	r->follow = follow_new(loop, etcd, &follow, &events, r);
	follow_list(r->follow, 0);
	return r;
}

void retirement_free(struct retirement *r)
{
	if (r == NULL)
		return;
	follow_free(r->follow);
	loop_timer_free(r->timer);
	strmap_free(r->naming);
	strmap_free(r->coming);
	free(r->below);
	free(r->service);
	free(r->version);
	free(r);
}
