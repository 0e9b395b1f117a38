/*
 * Waiting until the proxies of the fleet have a revision of etcd, as each kvwatch reports in
 * <prefix>/nodes/<node> under its lease.  To the fleet belongs who has a key <prefix>/fleet/<node>,
 * and who reports.
 */
#ifndef MF_OPERATOR_ROLLOUT_H
#define MF_OPERATOR_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct mf_err;

struct rollout {
	int64_t revision;
	/*
	 * A node that has one of these in quarantine, or holds back its removal, does not have it;
	 * nor has one, whatever it had, whose HAProxy or dnsmasq is out of reach.
	 */
	const char *const *envs;
	size_t env_count;
	int64_t nodes; /* that are enough; 0: all must have it */
	bool is_quiet; /* print nothing */
};

/*
 * Until enough nodes have it, which is printed.  At the deadline (by loop_now) MF_ETIMEOUT, with a
 * warning for each node that is behind; an etcd that is lost meanwhile is waited for.  MF_EUNAVAIL:
 * no node belongs to the fleet.
 */
int rollout_wait(struct call *call, const struct rollout *rollout, int64_t deadline,
		 struct mf_err *err);

/* When the call's --timeout, or 30 s, are over that begin now. */
int64_t rollout_deadline(const struct call *call);

#endif
