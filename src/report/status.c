/*
 * Metrics collected, and served by HTTP and in etcd.  Decides nothing: no failure here stops an
 * apply.
 */
#include "report/status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/apply.h"
#include "apply/calls.h"
#include "apply/feed.h"
#include "apply/live.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/settings.h"
#include "model/table.h"
#include "report/counts.h"
#include "report/membership.h"
#include "report/metrics.h"
#include "report/requests.h"
#include "report/traffic_poll.h"
#include "store/etcd.h"
#include "store/registry.h"
#include "sys/address.h"
#include "sys/httpd.h"
#include "sys/loop.h"

enum {
	STATUS_LOST_MS = 60 * 1000,   /* so long may the source be out of reach, and we are ready */
	STATUS_PACE_MS = 50,	      /* under a storm the registry writes still less often */
	STATUS_WORKERS_MS = 5 * 1000, /* old workers end with no other event */
	STATUS_LISTEN_AGAIN_MS = 5 * 1000,
	STATUS_LEAVE_MS = 2 * 1000,
	STATUS_TTL_S = 10,
	STATUS_SEEN_MAX = 256, /* models on their way; of more no latency is taken */
};

struct seen {
	int64_t revision, at_us;
};

struct status {
	struct loop *loop;
	const struct apply *apply;
	struct metrics metrics;
	int64_t event_us; /* of the last event */
	struct seen seen[STATUS_SEEN_MAX];
	size_t seen_count;
	bool is_applied;   /* something was */
	bool is_in_force;  /* the last apply brought HAProxy to what is desired */
	int64_t seen_last; /* the newest revision that is as the newest model; 0: not known */
	int64_t lost_at;   /* by loop_now; 0: the source is there */

	char *bind; /* what is listened to, or is to be; "" nothing */
	struct httpd *httpd;
	struct loop_timer *listen_again;
	struct counts *counts;
	struct requests *requests;    /* NULL until status_start */
	struct traffic_poll *traffic; /* NULL: nothing is counted by environment */

	struct etcd *etcd; /* NULL offline */
	struct membership *membership;
	struct registry *registry;
	char *key;
	char *written;	    /* the key's value */
	int64_t written_at; /* by loop_now */
	struct loop_timer *pace, *leave_deadline;
	bool is_touched; /* pace is set for news */
};

/* --- the node's key --------------------------------------------------------------------------- */

static void touch(struct status *status)
{
	int64_t wait = status->written_at + STATUS_PACE_MS - loop_now(status->loop);

	/* Armed it may be for later, and only then; a burst moves it no further away. */
	if (status->registry != NULL && !status->is_touched)
		loop_timer_set(status->pace, status->written == NULL ? 0 : wait);
	status->is_touched = true;
}

/* What HAProxy is by now, which nobody reports. */
static void refresh(struct status *status)
{
	int64_t *value = status->metrics.value;
	struct apply_status now;
	bool is_news;

	apply_get_status(status->apply, &now);
	is_news = strcmp(status->metrics.haproxy_version, now.haproxy_version) != 0 ||
		  value[METRIC_RELOADS] != (int64_t)now.reloads ||
		  value[METRIC_OLD_WORKERS] != (int64_t)now.old_workers;
	value[METRIC_LEAVING] = (int64_t)now.leaving;
	value[METRIC_IN_RESERVE] = (int64_t)now.in_reserve;
	if (!is_news)
		return;
	metrics_set_text(&status->metrics.haproxy_version, now.haproxy_version);
	value[METRIC_RELOADS] = (int64_t)now.reloads;
	value[METRIC_OLD_WORKERS] = (int64_t)now.old_workers;
	touch(status);
}

/* A node that has only just started has nothing to report. */
static bool has_news(const struct status *status)
{
	return status->is_applied || status->metrics.held_back[0] != '\0' ||
	       status->metrics.apply_error[0] != '\0' || status->metrics.not_loaded[0] != '\0';
}

static void write_node(void *ctx)
{
	struct status *status = ctx;
	buf_auto struct buf json = BUF_INIT;

	status->is_touched = false;
	if (status->registry == NULL || !has_news(status))
		return;
	refresh(status);
	status->is_touched = false;
	loop_timer_clear(status->pace);
	if (status->metrics.value[METRIC_OLD_WORKERS] > 0)
		loop_timer_set(status->pace, STATUS_WORKERS_MS);
	metrics_format_node(&status->metrics, &json);
	if (status->written != NULL && strcmp(status->written, json.data) == 0)
		return;
	registry_set(status->registry, status->key, json.data, json.len, true);
	free(status->written);
	status->written = buf_take(&json);
	status->written_at = loop_now(status->loop);
}

/* The registry logs what becomes of a key, and the source whether etcd is there. */
static void on_registry_state(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	(void)why;
}

static void close_node(struct status *status)
{
	loop_timer_clear(status->pace);
	status->is_touched = false;
	membership_free(status->membership);
	status->membership = NULL;
	registry_free(status->registry);
	status->registry = NULL;
	etcd_free(status->etcd);
	status->etcd = NULL;
	free(status->written);
	status->written = NULL;
	free(status->key);
	status->key = NULL;
}

static int open_node(struct status *status, const struct settings *settings, struct mf_err *err)
{
	static const struct registry_events events = {.on_state = on_registry_state};
	mem_auto_free char *below = mem_printf("%s/nodes/", settings->etcd.prefix);
	struct etcd *etcd;
	int code = etcd_open(settings, status->loop, 0, &etcd, err);

	if (code != 0)
		return code;
	close_node(status);
	status->etcd = etcd;
	status->key = mem_printf("%s%s", below, settings->node);
	status->membership =
	    membership_new(status->loop, etcd, settings->etcd.prefix, settings->node);
	status->registry =
	    registry_new(status->loop, etcd, status->key, STATUS_TTL_S, &events, status);
	touch(status);
	return 0;
}

static void on_left(void *ctx, const struct mf_err *err)
{
	(void)err; /* then it goes by its time to live */
	loop_stop(((struct status *)ctx)->loop);
}

static void on_leave_late(void *ctx)
{
	loop_stop(((struct status *)ctx)->loop);
}

void status_leave(struct status *status)
{
	struct mf_err err;

	if (status == NULL || status->written == NULL)
		return;
	loop_timer_clear(status->pace);
	loop_timer_set(status->leave_deadline, STATUS_LEAVE_MS);
	registry_stop(status->registry, on_left, status);
	(void)loop_run(status->loop, &err);
	loop_timer_clear(status->leave_deadline);
}

/* --- HTTP ------------------------------------------------------------------------------------- */

/* Whether requests may be sent to this node's HAProxy, as far as we know; the reason if not. */
static bool is_ready(const struct status *status, struct buf *ret_reason)
{
	const struct metrics *metrics = &status->metrics;
	int64_t lost_ms = status->lost_at == 0 ? 0 : loop_now(status->loop) - status->lost_at;
	bool is_lost = lost_ms > STATUS_LOST_MS;

	if (status->is_applied && !is_lost)
		return true;
	if (!status->is_applied)
		buf_add_str(ret_reason, "not ready: nothing is applied yet");
	else
		buf_printf(ret_reason, "not ready: the source is out of reach for %lld s",
			   (long long)(lost_ms / 1000));
	if (metrics->source_error[0] != '\0')
		buf_printf(ret_reason, ": %s", metrics->source_error);
	else if (metrics->held_back[0] != '\0')
		buf_printf(ret_reason, ": held back: %s", metrics->held_back);
	else if (metrics->apply_error[0] != '\0')
		buf_printf(ret_reason, ": %s", metrics->apply_error);
	return false;
}

/* /requests/NUMBER */
static int answer_requests(struct status *status, const char *after, struct buf *ret_body)
{
	int code = counts_check_token(status->counts, status->httpd, ret_body);

	return code != 200 ? code : requests_answer(status->requests, after, ret_body);
}

static int on_request(void *ctx, const char *path, struct buf *ret_body, const char **ret_type)
{
	struct status *status = ctx;
	buf_auto struct buf reason = BUF_INIT;
	bool ready = is_ready(status, &reason);

	if (strcmp(path, "/metrics") == 0) {
		*ret_type = "text/plain; version=0.0.4; charset=utf-8";
		refresh(status);
		status->metrics.value[METRIC_READY] = ready;
		status->metrics.loop_longest_us = loop_longest_us(status->loop, true);
		metrics_format_metrics(&status->metrics, ret_body);
		if (status->traffic != NULL)
			traffic_poll_format(status->traffic, ret_body);
		return 200;
	}
	if (strcmp(path, "/health") == 0) {
		buf_add_str(ret_body, "ok\n");
		return 200;
	}
	if (strcmp(path, "/ready") == 0) {
		buf_printf(ret_body, "%s\n", ready ? "ready" : reason.data);
		return ready ? 200 : 503;
	}
	if (strcmp(path, CALLS_PATH) == 0)
		return counts_answer(status->counts, status->httpd, ret_body);
	if (str_has_prefix(path, REQUESTS_PATH))
		return answer_requests(status, path + strlen(REQUESTS_PATH), ret_body);
	buf_add_str(ret_body, "there are /metrics, /health and /ready\n");
	return 404;
}

static int try_listen(struct status *status, struct mf_err *err)
{
	int code;

	if (status->bind[0] == '\0' || status->httpd != NULL)
		return 0;
	code = httpd_start(status->loop, status->bind, on_request, status, &status->httpd, err);
	if (code != 0 && code != MF_ECONFIG)
		loop_timer_set(status->listen_again, STATUS_LISTEN_AGAIN_MS);
	return code;
}

static void on_listen_again(void *ctx)
{
	struct status *status = ctx;
	struct mf_err err;

	if (try_listen(status, &err) == 0)
		log_info("metrics are served now", LOG_STR("address", status->bind));
}

static int listen_to(struct status *status, const char *bind, struct mf_err *err)
{
	int code;

	if (strcmp(bind, status->bind) == 0)
		return 0;
	counts_forget(status->counts);
	httpd_stop(status->httpd);
	status->httpd = NULL;
	loop_timer_clear(status->listen_again);
	metrics_set_text(&status->bind, bind);
	code = try_listen(status, err);
	if (code == 0 || code == MF_ECONFIG)
		return code;
	log_error("no metrics for now", LOG_STR("error", err->msg));
	return 0;
}

/* Where others can reach it: an address that means all of them is one that this host has. */
static char *reachable(const char *bind)
{
	static const char *const any[] = {"*:", "0.0.0.0:", "[::]:"};
	char **own;
	char *address = NULL;

	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]) && address == NULL; i++) {
		const char *port = bind + strlen(any[i]);

		if (!str_has_prefix(bind, any[i]))
			continue;
		own = address_list_own();
		if (own[0] == NULL)
			address = mem_printf("127.0.0.1:%s", port);
		else
			address = mem_printf(strchr(own[0], ':') != NULL ? "[%s]:%s" : "%s:%s",
					     own[0], port);
		strlist_free(own);
	}
	return address != NULL ? address : mem_dup_str(bind);
}

static void set_traffic(struct status *status, const struct settings *settings)
{
	traffic_poll_free(status->traffic);
	status->traffic = NULL;
	if (settings->haproxy.metrics && settings->metrics_bind[0] != '\0')
		status->traffic = traffic_poll_new(status->loop, settings->haproxy.admin_socket);
}

int status_start(struct status *status, const struct settings *settings, bool is_offline,
		 struct mf_err *err)
{
	mem_auto_free char *address = reachable(settings->metrics_bind);
	int code = listen_to(status, settings->metrics_bind, err);

	counts_set(status->counts, settings);
	requests_free(status->requests);
	status->requests = requests_new(status->loop, settings->haproxy.admin_socket);
	set_traffic(status, settings);
	metrics_set_text(&status->metrics.address, address);
	metrics_set_text(&status->metrics.node, settings->node);
	if (code != 0)
		return mf_err_wrap(err, "metrics_bind");
	if (!is_offline)
		return open_node(status, settings, err);
	close_node(status);
	return 0;
}

struct status *status_new(struct loop *loop, const struct apply *apply)
{
	struct status *status = MEM_NEW(status);

	status->loop = loop;
	status->apply = apply;
	metrics_init(&status->metrics);
	status->bind = mem_dup_str("");
	status->counts = counts_new(loop);
	status->listen_again = loop_timer_new(loop, on_listen_again, status);
	status->pace = loop_timer_new(loop, write_node, status);
	status->leave_deadline = loop_timer_new(loop, on_leave_late, status);
	return status;
}

void status_free(struct status *status)
{
	if (status == NULL)
		return;
	close_node(status);
	counts_free(status->counts);
	requests_free(status->requests);
	traffic_poll_free(status->traffic);
	httpd_stop(status->httpd);
	loop_timer_free(status->listen_again);
	loop_timer_free(status->pace);
	loop_timer_free(status->leave_deadline);
	metrics_fini(&status->metrics);
	free(status->bind);
	free(status);
}

/* --- what is reported to us ------------------------------------------------------------------- */

void status_count_event(struct status *status)
{
	status->metrics.value[METRIC_EVENTS]++;
	status->event_us = loop_now_us();
}

void status_set_wanted(struct status *status, struct snapshot *snapshot)
{
	metrics_set_newest(&status->metrics, snapshot);
	status->seen_last = 0;
	/* A store that went back: what was on its way is not any more. */
	if (status->seen_count > 0 &&
	    status->seen[status->seen_count - 1].revision >= snapshot->revision)
		status->seen_count = 0;
	if (status->seen_count < STATUS_SEEN_MAX && status->event_us != 0)
		status->seen[status->seen_count++] =
		    (struct seen){snapshot->revision, status->event_us};
	touch(status);
}

/* What is in force is the newest model: so is all that was seen since and changed nothing. */
static void confirm(struct status *status)
{
	struct metrics *metrics = &status->metrics;
	int64_t applied = metrics->value[METRIC_APPLIED_REVISION];
	int64_t revision =
	    applied == metrics->value[METRIC_WANTED_REVISION] && status->seen_last > applied
		? status->seen_last
		: applied;

	if (!status->is_applied || !status->is_in_force || metrics->confirmed == revision)
		return;
	metrics->confirmed = revision;
	touch(status);
}

void status_set_seen(struct status *status, int64_t revision)
{
	status->seen_last = revision;
	confirm(status);
}

void status_set_source(struct status *status, const struct mf_err *why)
{
	status->metrics.value[METRIC_SOURCE_UP] = why == NULL;
	metrics_set_text(&status->metrics.source_error, why == NULL ? "" : why->msg);
	if (why == NULL)
		status->lost_at = 0;
	else if (status->lost_at == 0)
		status->lost_at = loop_now(status->loop);
}

void status_set_held(struct status *status, const struct hold_report *held)
{
	metrics_set_held(&status->metrics, held);
	touch(status);
}

void status_set_lifetimes(struct status *status, const struct lifetimes_report *lifetimes)
{
	metrics_set_lifetimes(&status->metrics, lifetimes);
	touch(status);
}

void status_set_certificates(struct status *status, const struct certificate_state *states,
			     size_t count)
{
	metrics_set_certificates(&status->metrics, states, count);
	touch(status);
}

void status_set_quarantined(struct status *status, const struct problem *problems, size_t count)
{
	metrics_set_entries(&status->metrics.quarantined, problems, count, count);
	status->metrics.value[METRIC_QUARANTINED] = (int64_t)count;
	touch(status);
}

static void observe_latency(struct status *status, int64_t revision)
{
	size_t n = 0;

	while (n < status->seen_count && status->seen[n].revision <= revision)
		metrics_observe_latency(&status->metrics, loop_now_us() - status->seen[n++].at_us);
	status->seen_count -= n;
	memmove(status->seen, status->seen + n, status->seen_count * sizeof(status->seen[0]));
}

static void set_applied(struct status *status, int64_t revision)
{
	int64_t *value = status->metrics.value;

	observe_latency(status, revision);
	status->is_in_force = true;
	if (!status->is_applied || value[METRIC_APPLIED_REVISION] != revision) {
		value[METRIC_APPLIED_REVISION] = revision;
		value[METRIC_APPLIED_TIME] = (int64_t)time(NULL);
	}
	status->is_applied = true;
	confirm(status);
}

static void set_text(struct status *status, char **field, const char *text)
{
	if (strcmp(text, *field) == 0)
		return;
	metrics_set_text(field, text);
	touch(status);
}

static void set_error(struct status *status, const char *name, const char *reason)
{
	mem_auto_free char *text =
	    name[0] == '\0' ? mem_dup_str("") : mem_printf("%s: %s", name, reason);

	set_text(status, &status->metrics.apply_error, text);
}

/* One that is back is as it was when it has been read back, and not before. */
static void set_not_loaded(struct status *status, const struct apply_group_result *group,
			   bool is_converged)
{
	mem_auto_free char *text =
	    group == NULL ? mem_dup_str("")
			  : mem_printf("%s: not loaded: %s", group->name, group->reason);

	if (group == NULL && !is_converged)
		return;
	status->metrics.is_haproxy_away = group != NULL && strcmp(group->name, "haproxy") == 0;
	set_text(status, &status->metrics.not_loaded, text);
}

/* The first, empty configuration is revision 0, and no model. */
void status_count_live(struct status *status, const struct live_result *result)
{
	int64_t *value = status->metrics.value;

	status->is_in_force = false;
	if (result->code != 0)
		return;
	if (result->map_changes + result->server_changes + result->backend_changes == 0)
		value[METRIC_APPLIES_NONE]++;
	else
		value[METRIC_APPLIES_RUNTIME]++;
	if (!result->needs_reload && result->snapshot->revision != 0)
		set_applied(status, result->snapshot->revision);
	refresh(status);
}

void status_count_result(struct status *status, const struct apply_result *result)
{
	const struct apply_group_result *bad = NULL, *pending = NULL;

	for (size_t i = 0; i < result->group_count; i++) {
		const struct apply_group_result *group = &result->groups[i];

		if (pending == NULL && group->pending)
			pending = group;
		status->metrics.value[METRIC_ERRORS] += group->code != 0;
		if (bad == NULL && group->code != 0)
			bad = group;
	}
	if (bad != NULL)
		set_error(status, bad->name, bad->reason);
	else if (result->render_failed)
		set_error(status, "render", "a group of outputs cannot be rendered");
	else
		set_error(status, "", "");
	set_not_loaded(status, pending, result->is_converged);
	if (result->kind == APPLY_RELOAD)
		status->metrics.value[METRIC_APPLIES_RELOAD]++;
	if (bad != NULL || pending != NULL)
		status->is_in_force = false;
	else if (result->is_converged && result->revision != 0)
		set_applied(status, result->revision);
	refresh(status);
}
