/*
 * The status of this kvwatch for others to read: /metrics, /health and /ready on an
 * address of the settings, and the key <prefix>/nodes/<node> under a lease, written when something
 * in it changed and at most every 50 ms; <prefix>/fleet/<node>, without a lease, says that the node
 * is to be there.
 */
#ifndef MF_REPORT_STATUS_H
#define MF_REPORT_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apply;
struct apply_result;
struct certificate_state;
struct hold_report;
struct lifetimes_report;
struct live_result;
struct loop;
struct mf_err;
struct problem;
struct settings;
struct snapshot;
struct status;

struct status *status_new(struct loop *loop, const struct apply *apply);
void status_free(struct status *status); /* NULL is fine */

/*
 * Listen, and announce the node in etcd unless there is none (is_offline), as these settings say;
 * again when they are others.  Nothing of them is borrowed.  MF_ECONFIG: an address that is none,
 * or what etcd_open refuses.  An address in use is logged, and tried again until it is free.
 */
int status_start(struct status *status, const struct settings *settings, bool is_offline,
		 struct mf_err *err);
/* Take the node's key back; runs the loop for at most two seconds. */
void status_leave(struct status *status);

/* The source reported something; a model that follows was seen at this moment. */
void status_count_event(struct status *status);
void status_set_wanted(struct status *status, struct snapshot *snapshot);
/* What is wanted is also what the source said at this revision. */
void status_set_seen(struct status *status, int64_t revision);
void status_set_source(struct status *status, const struct mf_err *why); /* NULL: it is there */
void status_set_held(struct status *status, const struct hold_report *held);
void status_set_lifetimes(struct status *status, const struct lifetimes_report *lifetimes);
void status_set_certificates(struct status *status, const struct certificate_state *states,
			     size_t count);
void status_set_quarantined(struct status *status, const struct problem *problems, size_t count);

/*
 * What the engine reports: what is applied now, by which means, what failed, and what is not loaded
 * since its daemon is out of reach.
 */
void status_count_live(struct status *status, const struct live_result *result);
void status_count_result(struct status *status, const struct apply_result *result);

#endif
