/* mayfly allow-removal: what kvwatch holds back may go, for some time. */
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/command.h"

#define DEFAULT_MS 600000
#define MAX_MS	   INT64_C(86400000)

static const struct change_kind change_of_allowed = {"config/mayfly/", "config mayfly", "deleted"};

static int decide(struct change *change, void *ctx, struct mf_err *err)
{
	const struct buf *until = ctx;
	mem_auto_free char *what = mem_printf("set: nothing is held back until %s", buf_str(until));

	(void)err;
	(void)change_put_value(change, "allow-removal", buf_str(until), what);
	return 0;
}

static int run(struct call *call, struct mf_err *err)
{
	int64_t for_ms = call->options.for_ms == 0 ? DEFAULT_MS : call->options.for_ms;
	buf_auto struct buf until = BUF_INIT;

	if (for_ms > MAX_MS)
		return mf_err_set(err, MF_EUSAGE, "--for: must be 1s to 1d");
	str_add_time(&until, (int64_t)time(NULL) + for_ms / 1000, -1);
	return change_run(call, &change_of_allowed, decide, &until, err);
}

static const struct command commands[] = {
    {"", NULL, "", 0, 0, TAKES_WRITE | TAKES_ETCD | TAKES_FOR,
     "let go what kvwatch holds back, for some time", .run = run},
    {0},
};
const struct noun noun_allow_removal = {"allow-removal", NULL, commands};
