/* Where what a command says goes. */
#include "operator/call.h"

#include "base/buf.h"
#include "sys/file.h"

int call_print(const struct call *call, const struct buf *text, struct mf_err *err)
{
	if (call->out == NULL)
		return file_print(text, err);
	buf_add(call->out, buf_str(text), text->len);
	return 0;
}
