/* Commands on HAProxy's command line, one at a time.  Knows no reply. */
#include "operator/runtime.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "operator/call.h"
#include "sys/loop.h"
#include "sys/usock.h"

enum {
	MAX_REPLY = 16 * 1024 * 1024,
	MAX_COMMAND = 8000, /* HAProxy takes what fits into tune.bufsize, 16384 by default */
};

struct question {
	struct loop *loop;
	struct usock *usock;
	bool is_over;
	char *reply;
	struct mf_err err;
};

/* A blank, `;` and `\` are a part of a word behind a `\`; an end of line never is. */
bool runtime_add_command(struct buf *text, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i != 0)
			buf_add_char(text, ' ');
		if (words[i][0] == '\0')
			return false;
		for (const char *c = words[i]; *c != '\0'; c++) {
			if ((unsigned char)*c < ' ' || *c == '<')
				return false;
			if (strchr(" ;\\", *c) != NULL)
				buf_add_char(text, '\\');
			buf_add_char(text, *c);
		}
	}
	buf_add_char(text, '\n');
	return text->len <= MAX_COMMAND;
}

static void on_done(void *ctx, const char *reply, size_t len, const struct mf_err *err)
{
	struct question *question = ctx;

	(void)reply;
	(void)len;
	if (err != NULL)
		question->err = *err;
	question->is_over = true;
	question->reply = usock_take_reply(question->usock);
	loop_stop(question->loop);
}

static int judge(struct question *question, struct mf_err *err)
{
	if (!question->is_over) {
		usock_cancel(question->usock);
		return mf_err_set(err, MF_EFAIL, "interrupted");
	}
	if (question->err.code == 0)
		return 0;
	mem_free_indirect(&question->reply);
	*err = question->err;
	return mf_err_wrap(err, "HAProxy of this host");
}

int runtime_ask_line(struct call *call, const char *line, size_t max_reply, char **ret_reply,
		     struct mf_err *err)
{
	struct question question = {.loop = call->loop};
	int code;

	question.usock =
	    usock_start(call->loop, call->settings->haproxy.admin_socket, line, strlen(line),
			max_reply, call->options.timeout_ms, on_done, &question);
	code = loop_run(call->loop, err);
	if (code == 0)
		code = judge(&question, err);
	else
		usock_cancel(question.usock);
	if (code == 0)
		*ret_reply = question.reply;
	return code;
}

int runtime_ask(struct call *call, const char *const *words, char **ret_reply, struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;

	if (!runtime_add_command(&text, words))
		return mf_err_set(err, MF_EDATA, "%s %s: HAProxy's command line takes no such word",
				  words[0], words[1]);
	return runtime_ask_line(call, buf_str(&text), MAX_REPLY, ret_reply, err);
}
