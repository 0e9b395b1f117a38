/* Questions of others, passed on to the admin socket.  Reads no reply. */
#include "report/counts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apply/calls.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "sys/httpd.h"
#include "sys/usock.h"

enum {
	COUNTS_AT_ONCE = 4,
	COUNTS_DEADLINE_MS = 4000, /* less than httpd waits */
};

struct question {
	struct counts *counts;
	struct usock *usock; /* NULL: a free place */
	struct httpd *httpd;
	uint64_t client;
};

struct counts {
	struct loop *loop;
	char *token, *admin_socket; /* NULL: not set yet */
	struct question questions[COUNTS_AT_ONCE];
};

struct counts *counts_new(struct loop *loop)
{
	struct counts *counts = MEM_NEW(counts);

	counts->loop = loop;
	return counts;
}

void counts_set(struct counts *counts, const struct settings *settings)
{
	free(counts->token);
	free(counts->admin_socket);
	counts->token = mem_dup_str(settings->status_token);
	counts->admin_socket = mem_dup_str(settings->haproxy.admin_socket);
}

void counts_forget(struct counts *counts)
{
	for (size_t i = 0; i < COUNTS_AT_ONCE; i++) {
		usock_cancel(counts->questions[i].usock);
		counts->questions[i].usock = NULL;
	}
}

void counts_free(struct counts *counts)
{
	if (counts == NULL)
		return;
	counts_forget(counts);
	free(counts->token);
	free(counts->admin_socket);
	free(counts);
}

/* In a time that says nothing of where they differ. */
static bool is_token(const char *asked, const char *token)
{
	size_t len = strlen(token);
	unsigned differs = strlen(asked) != len;

	for (size_t i = 0; i < len && asked[i] != '\0'; i++)
		differs |= (unsigned char)asked[i] ^ (unsigned char)token[i];
	return differs == 0;
}

static void on_done(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	struct question *question = ctx;
	buf_auto struct buf body = BUF_INIT;

	if (err != NULL)
		buf_printf(&body, "HAProxy: %s\n", err->msg);
	else
		buf_add(&body, reply, len);
	question->usock = NULL;
	httpd_answer(question->httpd, question->client, err != NULL ? 503 : 200, &body);
}

int counts_check_token(const struct counts *counts, const struct httpd *httpd, struct buf *ret_body)
{
	const char *token = httpd_token(httpd);

	if (counts->token == NULL || counts->token[0] == '\0') {
		buf_add_str(ret_body, "the settings of this kvwatch have no status_token\n");
		return 404;
	}
	if (token == NULL || !is_token(token, counts->token)) {
		buf_add_str(ret_body, "not the status_token of this kvwatch's settings\n");
		return 403;
	}
	return 200;
}

int counts_answer(struct counts *counts, struct httpd *httpd, struct buf *ret_body)
{
	int status = counts_check_token(counts, httpd, ret_body);

	if (status != 200)
		return status;
	for (size_t i = 0; i < COUNTS_AT_ONCE; i++) {
		struct question *question = &counts->questions[i];

		if (question->usock != NULL)
			continue;
		*question = (struct question){counts, NULL, httpd, httpd_client(httpd)};
		question->usock = usock_start(counts->loop, counts->admin_socket, CALLS_COMMAND,
					      strlen(CALLS_COMMAND), CALLS_MAX_REPLY,
					      COUNTS_DEADLINE_MS, on_done, question);
		return HTTPD_LATER;
	}
	buf_add_str(ret_body, "too many ask at once\n");
	return 503;
}
