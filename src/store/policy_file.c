/* The policy's file, read.  Knows nothing of what is judged by it. */
#include "store/policy_file.h"

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/node.h"
#include "model/policy.h"
#include "sys/file.h"

int policy_file_load(const char *path, struct policy **ret_policy, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	int code;

	if (path[0] == '\0') {
		*ret_policy = NULL;
		return 0;
	}
	code = file_read(path, NODE_MAX_BYTES, &text, err);
	if (code != 0)
		return mf_err_wrap(err, "policy");
	return policy_parse(path, buf_str(&text), text.len, ret_policy, err);
}
