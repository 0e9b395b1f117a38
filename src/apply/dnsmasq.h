/*
 * Make dnsmasq read its hosts again: SIGHUP to the process of a PID file, or the same through the
 * Docker engine's API (POST /containers/NAME/kill?signal=HUP) at DOCKER_HOST.
 */
#ifndef MF_APPLY_DNSMASQ_H
#define MF_APPLY_DNSMASQ_H

#include "model/settings.h"

struct dnsmasq_job;
struct loop;
struct mf_err;

/*
 * on_done is called once, never from inside.  MF_EUNAVAIL: no dnsmasq there, which will read the
 * file by itself when it starts; MF_EPERM; MF_EDATA: the PID file holds no dnsmasq's number;
 * MF_ECONFIG: a container's name or DOCKER_HOST that cannot be; MF_ETIMEOUT, MF_EFAIL.
 */
typedef void dnsmasq_reload_fn(void *ctx, const struct mf_err *err);
struct dnsmasq_job *dnsmasq_reload(struct loop *loop, enum dnsmasq_reload how, const char *arg,
				   dnsmasq_reload_fn *on_done, void *ctx);
void dnsmasq_cancel(struct dnsmasq_job *job); /* on_done is not called; NULL is fine */

#endif
