/* Questions to the Docker engine, and the words of its refusals. */
#include "register/docker_ask.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "register/docker_event.h"
#include "register/docker_host.h"

enum { DEADLINE_MS = 20000, WORDS_MAX = 256 };

struct http_request *docker_ask(struct loop *loop, const struct docker_host *host, const char *path,
				size_t max_body, http_done_fn *on_done, void *ctx)
{
	mem_auto_free char *url = mem_printf("%s%s", host->base, path);
	const struct http_options options = {
	    .method = "GET",
	    .url = url,
	    .unix_path = host->unix_path,
	    .tls = docker_host_tls(host),
	    .deadline_ms = DEADLINE_MS,
	    .max_body = max_body,
	};

	return http_start(loop, &options, on_done, ctx);
}

/* {"message": "..."}, or whatever else came. */
int docker_judge(const struct http_reply *reply, const struct mf_err *why, struct mf_err *err)
{
	buf_auto struct buf words = BUF_INIT;
	struct node *root = NULL;
	const char *message;

	if (why != NULL) {
		*err = *why;
		return err->code;
	}
	if (reply->status >= 200 && reply->status < 300)
		return 0;
	(void)docker_parse(reply->body, reply->body_len, NODE_MAP, &root, NULL);
	message = node_text_at(root, "message", reply->body);
	str_add_escaped(&words, message, strnlen(message, WORDS_MAX));
	node_free(root);
	return mf_err_set(err, MF_EUNAVAIL, "Docker answers %d: %s", reply->status,
			  buf_str(&words));
}
