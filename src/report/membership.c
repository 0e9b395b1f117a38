/* One transaction, tried until etcd has taken it.  What fails here stops nothing. */
#include "report/membership.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/etcd.h"
#include "sys/loop.h"

enum { AGAIN_MS = 5 * 1000, DENIED_AGAIN_MS = 60 * 1000 };

struct membership {
	struct etcd *etcd;
	char *key;
	struct buf value;
	struct etcd_call *call;
	struct loop_timer *timer;
	bool is_denied; /* which is logged */
};

static void on_written(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct membership *m = ctx;
	bool is_denied = err != NULL && err->code == MF_EPERM;

	(void)succeeded; /* else it was there */
	(void)revision;
	m->call = NULL;
	if (is_denied && !m->is_denied)
		log_warn("not known as part of the fleet", LOG_STR("error", err->msg));
	m->is_denied = is_denied;
	if (err != NULL)
		loop_timer_set(m->timer, is_denied ? DENIED_AGAIN_MS : AGAIN_MS);
}

static void write_key(void *ctx)
{
	struct membership *m = ctx;
	const struct etcd_if is_new = {ETCD_IF_CREATED, m->key, 0};
	const struct etcd_op put = {.key = m->key, .value = buf_str(&m->value), m->value.len, 0};

	m->call = etcd_txn(m->etcd, &is_new, 1, &put, 1, on_written, m);
}

struct membership *membership_new(struct loop *loop, struct etcd *etcd, const char *prefix,
				  const char *node)
{
	struct membership *m = MEM_NEW(m);
	buf_auto struct buf since = BUF_INIT;

	m->etcd = etcd;
	m->key = mem_printf("%s/fleet/%s", prefix, node);
	str_add_time(&since, time(NULL), -1);
	json_open(&m->value, NULL, '{');
	json_put(&m->value, "node", node);
	json_put(&m->value, "since", buf_str(&since));
	json_close(&m->value, '}');
	m->timer = loop_timer_new(loop, write_key, m);
	loop_timer_set(m->timer, 0);
	return m;
}

void membership_free(struct membership *m)
{
	if (m == NULL)
		return;
	etcd_cancel(m->call);
	loop_timer_free(m->timer);
	buf_fini(&m->value);
	free(m->key);
	free(m);
}
