/* What the nodes report, followed until it is enough.  Decides nothing about revisions. */
#include "operator/rollout.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/fleet.h"
#include "store/etcd.h"
#include "store/follow.h"
#include "sys/file.h"
#include "sys/loop.h"

#define TIMEOUT_MS 30000
#define MAX_NAMED  64 /* nodes that are behind, in warnings */

struct member {
	bool is_listed; /* it has a key fleet/ */
	bool is_alive;	/* it has one nodes/ */
	int64_t revision;
	char *problem; /* NULL: none */
	bool lacks_env;
	bool is_loaded; /* its HAProxy and dnsmasq are within reach */
};

struct waiting;

/* One of the two prefixes that are followed. */
struct feed {
	struct waiting *waiting;
	struct follow *follow;
	size_t prefix_len;
	bool is_fleet, is_complete;
};

struct waiting {
	struct call *call;
	const struct rollout *rollout;
	struct strmap *members; /* struct member, by node */
	struct feed fleet, nodes;
	bool is_over, is_late;
	struct mf_err lost; /* code 0: etcd is there */
	struct mf_err err;  /* that ends it */
};

/* --- members ---------------------------------------------------------------------------------- */

static void free_member(void *value)
{
	struct member *member = value;

	free(member->problem);
	free(member);
}

static struct member *find_member(struct waiting *w, const char *name)
{
	struct member *member = strmap_find(w->members, name);

	if (member == NULL) {
		member = MEM_NEW(member);
		strmap_set(w->members, name, member);
	}
	return member;
}

static void set_problem(struct member *member, const char *word, const char *problem)
{
	free(member->problem);
	member->problem =
	    problem == NULL || problem[0] == '\0' ? NULL : mem_printf("%s%s", word, problem);
}

/* Whether the list names one of the environments; then that is the member's problem. */
static void look_for_envs(const struct waiting *w, struct member *member, const struct node *list,
			  const char *word)
{
	for (size_t i = 0; i < node_count(list, NODE_LIST); i++) {
		const char *object = node_text_at(&list->children[i], "object", "");

		for (size_t j = 0; j < w->rollout->env_count; j++) {
			mem_auto_free char *env = mem_printf("environment %s", w->rollout->envs[j]);

			if (strcmp(object, env) != 0)
				continue;
			member->lacks_env = true;
			set_problem(member, word, node_text_at(&list->children[i], "reason", "?"));
		}
	}
}

static void take_report(struct waiting *w, struct member *member, const struct etcd_kv *kv)
{
	struct node *report = fleet_parse_report(kv->value, kv->value_len);
	const char *not_loaded;

	member->is_alive = true;
	member->lacks_env = false;
	if (report == NULL) {
		set_problem(member, "", "its report cannot be read");
		return;
	}
	not_loaded = node_text_at(report, "not_loaded", "");
	member->is_loaded = not_loaded[0] == '\0';
	set_problem(member, "",
		    member->is_loaded ? node_text_at(report, "error", NULL) : not_loaded);
	if (!node_int_at(report, "revision", &member->revision))
		member->revision = 0;
	look_for_envs(w, member, node_find(report, "quarantined"), "in quarantine: ");
	look_for_envs(w, member, node_find(report, "held"), "held back: ");
	node_free(report);
}

static bool has_it(const struct waiting *w, const struct member *member)
{
	return member->is_alive && member->is_loaded && !member->lacks_env &&
	       member->revision >= w->rollout->revision;
}

static size_t count_those_with_it(const struct waiting *w)
{
	void *cursor = NULL, *member;
	const char *name;
	size_t count = 0;

	while (strmap_next(w->members, &cursor, &name, &member))
		count += has_it(w, member);
	return count;
}

/* Those that have neither key are no members any more. */
static void drop_strangers(struct waiting *w)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(w->members, &cursor, &name, &value)) {
		const struct member *member = value;

		if (!member->is_listed && !member->is_alive)
			(void)strmap_del(w->members, name);
	}
}

/* --- what is heard ---------------------------------------------------------------------------- */

static void end(struct waiting *w)
{
	w->is_over = true;
	loop_stop(w->call->loop);
}

static void on_list_begin(void *ctx)
{
	const struct feed *feed = ctx;
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(feed->waiting->members, &cursor, &name, &value)) {
		struct member *member = value;

		if (feed->is_fleet)
			member->is_listed = false;
		else
			member->is_alive = false;
	}
}

static void on_list_end(void *ctx, int64_t revision)
{
	(void)revision;
	((struct feed *)ctx)->is_complete = true;
}

static void on_put(void *ctx, const struct etcd_kv *kv)
{
	const struct feed *feed = ctx;
	struct member *member = find_member(feed->waiting, kv->key + feed->prefix_len);

	if (feed->is_fleet)
		member->is_listed = true;
	else
		take_report(feed->waiting, member, kv);
}

static void on_del(void *ctx, const char *key, int64_t revision)
{
	const struct feed *feed = ctx;
	struct member *member = strmap_find(feed->waiting->members, key + feed->prefix_len);

	(void)revision;
	if (member == NULL)
		return;
	if (feed->is_fleet)
		member->is_listed = false;
	else
		member->is_alive = false;
}

static void on_commit(void *ctx, int64_t revision)
{
	struct waiting *w = ((struct feed *)ctx)->waiting;
	size_t count, enough;

	(void)revision;
	if (!w->fleet.is_complete || !w->nodes.is_complete)
		return;
	drop_strangers(w);
	count = strmap_count(w->members);
	enough = w->rollout->nodes > 0 ? (size_t)w->rollout->nodes : count;
	if (count == 0)
		(void)mf_err_set(&w->err, MF_EUNAVAIL,
				 "no node belongs to the fleet: no kvwatch is connected to etcd "
				 "under %s",
				 w->call->settings->etcd.prefix);
	if (count == 0 || count_those_with_it(w) >= enough)
		end(w);
}

static void on_state(void *ctx, const struct mf_err *why)
{
	struct waiting *w = ((struct feed *)ctx)->waiting;

	w->lost.code = 0;
	if (why != NULL)
		w->lost = *why;
	if (why == NULL || why->code != MF_EPERM)
		return;
	w->err = *why;
	end(w);
}

static void on_deadline(void *ctx)
{
	struct waiting *w = ctx;

	w->is_late = true;
	end(w);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void warn_of(const char *name, const struct member *member)
{
	mem_auto_free char *dead =
	    mem_printf("dead: its kvwatch is not connected to etcd; if it is "
		       "gone for good: mayfly node forget %s",
		       name);

	log_warn("node does not have it", LOG_STR("node", name),
		 LOG_INT("revision", member->revision),
		 LOG_STR("reason", !member->is_alive	     ? dead
				   : member->problem != NULL ? member->problem
							     : "it is alive, and behind"));
}

static int refuse_late(const struct waiting *w, struct mf_err *err)
{
	size_t named = 0;
	void *cursor = NULL, *member;
	const char *name;

	while (named < MAX_NAMED && strmap_next(w->members, &cursor, &name, &member))
		if (!has_it(w, member)) {
			warn_of(name, member);
			named++;
		}
	if (w->lost.code != 0)
		return mf_err_set(err, MF_ETIMEOUT,
				  "revision %lld: not known to be applied within the time given: "
				  "%s",
				  (long long)w->rollout->revision, w->lost.msg);
	return mf_err_set(
	    err, MF_ETIMEOUT, "revision %lld: %zu of %zu nodes have it within the time given",
	    (long long)w->rollout->revision, count_those_with_it(w), strmap_count(w->members));
}

static int say(const struct waiting *w, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	size_t count = count_those_with_it(w), all = strmap_count(w->members);

	buf_printf(&text, "revision %lld is applied by ", (long long)w->rollout->revision);
	if (count < all)
		buf_printf(&text, "%zu of %zu nodes\n", count, all);
	else
		buf_printf(&text, "%zu node%s\n", all, all == 1 ? "" : "s");
	return w->call->options.format > CALL_WIDE ? 0 : file_print(&text, err);
}

static int conclude(const struct waiting *w, struct mf_err *err)
{
	if (w->err.code != 0) {
		*err = w->err;
		return err->code;
	}
	if (w->is_late)
		return refuse_late(w, err);
	if (w->is_over && w->rollout->is_quiet)
		return 0;
	return w->is_over ? say(w, err) : mf_err_set(err, MF_EFAIL, "interrupted");
}

/* --- the whole -------------------------------------------------------------------------------- */

static const struct follow_events feed_events = {
    .on_state = on_state,
    .on_commit = on_commit,
    .on_list_begin = on_list_begin,
    .on_list_end = on_list_end,
    .on_put = on_put,
    .on_del = on_del,
};

static void open_feed(struct waiting *w, struct feed *feed, const char *below)
{
	mem_auto_free char *prefix = mem_printf("%s/%s", w->call->settings->etcd.prefix, below);
	const struct follow_options options = {.prefix = prefix};

	feed->waiting = w;
	feed->prefix_len = strlen(prefix);
	feed->follow = follow_new(w->call->loop, w->call->etcd, &options, &feed_events, feed);
	follow_list(feed->follow, 0);
}

int rollout_wait(struct call *call, const struct rollout *rollout, int64_t deadline,
		 struct mf_err *err)
{
	struct waiting w = {.call = call, .rollout = rollout, .fleet.is_fleet = true};
	struct loop_timer *timer;
	int code;

	if (ask_open(call, err) != 0)
		return err->code;
	w.members = strmap_new(free_member);
	open_feed(&w, &w.fleet, "fleet/");
	open_feed(&w, &w.nodes, "nodes/");
	timer = loop_timer_new(call->loop, on_deadline, &w);
	loop_timer_set(timer, deadline - loop_now(call->loop));
	code = loop_run(call->loop, err);
	if (code == 0)
		code = conclude(&w, err);
	loop_timer_free(timer);
	follow_free(w.fleet.follow);
	follow_free(w.nodes.follow);
	strmap_free(w.members);
	return code;
}

int64_t rollout_deadline(const struct call *call)
{
	int64_t timeout_ms = call->options.timeout_ms;

	return loop_now(call->loop) + (timeout_ms > 0 ? timeout_ms : TIMEOUT_MS);
}
