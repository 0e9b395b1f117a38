/*
 * mayfly up, ps and down: a compose file, started under a name.  Docker's own program does it; here
 * it is seen to that it can work as an environment, and that it does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "model/name.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/compose_file.h"
#include "operator/compose_run.h"
#include "operator/rollout.h"
#include "sys/file.h"
#include "sys/loop.h"

enum { AGAIN_MS = 300 }; /* until the environment is there */

static int check_call(const struct call *call, struct mf_err *err)
{
	const char *id = call->options.id, *file = call->options.file;

	if (id == NULL)
		return mf_err_set(err, MF_EUSAGE, "--id: say which");
	if (name_check(NAME_ENVIRONMENT, id, strlen(id), err) != 0) {
		err->code = MF_EUSAGE;
		return mf_err_wrap(err, "--id");
	}
	if (file != NULL && strcmp(file, "-") == 0)
		return mf_err_set(err, MF_EUSAGE, "--file: must be a file");
	return 0;
}

/* "-f FILE -f LABELS -p ID", and what is to be done; NULL at the end of words. */
static char **make_words(const struct call *call, const char *labels, const char *const *words)
{
	char **list = NULL;

	if (call->options.file != NULL) {
		strlist_add(&list, "-f");
		strlist_add(&list, call->options.file);
	}
	if (labels != NULL) {
		strlist_add(&list, "-f");
		strlist_add(&list, labels);
	}
	strlist_add(&list, "-p");
	strlist_add(&list, call->options.id);
	for (size_t i = 0; words[i] != NULL; i++)
		strlist_add(&list, words[i]);
	return list;
}

static int run_words(struct call *call, const char *labels, const char *const *words,
		     struct mf_err *err)
{
	char **list = make_words(call, labels, words);
	int code = compose_run(call, (const char *const *)list, err);

	strlist_free(list);
	return code;
}

/* --- before it is started --------------------------------------------------------------------- */

static int read_file(struct call *call, struct compose_file **ret_file, struct mf_err *err)
{
	static const char *const config[] = {"config", NULL};
	char **words = make_words(call, NULL, config);
	buf_auto struct buf text = BUF_INIT;
	int code = compose_ask(call, (const char *const *)words, &text, err);

	strlist_free(words);
	if (code != 0)
		return code;
	code = compose_file_parse(buf_str(&text), text.len, ret_file, err);
	return code == 0 ? 0 : mf_err_wrap(err, "%s", call->options.file);
}

static int check_file(struct call *call, const struct compose_file *file, struct mf_err *err)
{
	mem_auto_free char *shared = compose_file_find_shared(file, call->options.id);
	buf_auto struct buf lines = BUF_INIT;

	if (shared != NULL)
		log_warn(shared);
	compose_list_ports(call, &lines);
	if (compose_file_check_ports(file, call->options.id, buf_str(&lines), err) == 0)
		return 0;
	return mf_err_wrap(err, "%s", call->options.file);
}

/* --- starting it ------------------------------------------------------------------------------ */

/* Beside the file itself nothing is written: the labels are in a file of their own. */
static int write_labels(const struct buf *labels, char *path, struct mf_err *err)
{
	int fd = mkstemps(path, (int)strlen(".yaml"));

	if (fd >= 0 && file_write_all(fd, labels->data, labels->len) && close(fd) == 0)
		return 0;
	return mf_err_set_sys(err, MF_EWRITE, "%s", path);
}

static int start(struct call *call, const struct buf *labels, struct mf_err *err)
{
	static const char *const words[] = {"up", "-d", "--remove-orphans", NULL};
	char path[] = "/tmp/mayfly-labels-XXXXXX.yaml";
	int code;

	if (labels->len == 0)
		return run_words(call, NULL, words, err);
	code = write_labels(labels, path, err);
	if (code == 0)
		code = run_words(call, path, words, err);
	(void)unlink(path);
	return code;
}

/* --- until it answers ------------------------------------------------------------------------- */

static void on_time(void *ctx)
{
	loop_stop(ctx);
}

static void pause_for(struct loop *loop, int64_t ms)
{
	struct loop_timer *timer = loop_timer_new(loop, on_time, loop);
	struct mf_err err;

	loop_timer_set(timer, ms);
	(void)loop_run(loop, &err);
	loop_timer_free(timer);
}

/* envwatch --docker makes the environment meanwhile. */
static int wait_for_it(struct call *call, struct mf_err *err)
{
	char *argv[] = {(char *)(uintptr_t)call->options.id, NULL};
	int64_t deadline = rollout_deadline(call);
	struct call waiting = *call;
	int code;

	waiting.argc = 1;
	waiting.argv = argv;
	waiting.options.is_ready = true;
	while ((code = command_run(noun_wait.commands, &waiting, err)) == MF_ENOINPUT &&
	       loop_now(call->loop) < deadline)
		pause_for(call->loop, AGAIN_MS);
	call->etcd = waiting.etcd;
	if (code == MF_ENOINPUT)
		return mf_err_set(err, MF_ETIMEOUT,
				  "environment %s: nobody makes it: is envwatch --docker running?",
				  call->options.id);
	return code;
}

static void print_urls(const struct call *call, const struct compose_file *file)
{
	char *const *hosts = compose_file_hosts(file);

	(void)printf("%s: http://www-%s.<any domain>/\n", call->options.id, call->options.id);
	for (size_t i = 0; i < strlist_count(hosts); i++)
		(void)printf("%s: http://%s/\n", call->options.id, hosts[i]);
}

/* --- the commands ----------------------------------------------------------------------------- */

static int up(struct call *call, const struct compose_file *file, struct mf_err *err)
{
	buf_auto struct buf labels = BUF_INIT;
	int code;

	compose_file_add_labels(file, &labels);
	if (call->options.is_printing) {
		(void)fputs(buf_str(&labels), stdout);
		return 0;
	}
	code = check_file(call, file, err);
	if (code == 0)
		code = start(call, &labels, err);
	if (code != 0 || call->status != 0)
		return code;
	if (call->options.is_waiting)
		code = wait_for_it(call, err);
	if (code == 0)
		print_urls(call, file);
	return code;
}

static int run_up(struct call *call, struct mf_err *err)
{
	struct compose_file *file = NULL;
	int code = check_call(call, err);

	if (code == 0 && call->options.file == NULL)
		code = mf_err_set(err, MF_EUSAGE, "--file: say which");
	if (code == 0)
		code = read_file(call, &file, err);
	if (code == 0)
		code = up(call, file, err);
	compose_file_free(file);
	return code;
}

static int run_ps(struct call *call, struct mf_err *err)
{
	static const char *const words[] = {"ps", NULL};
	int code = check_call(call, err);

	return code != 0 ? code : run_words(call, NULL, words, err);
}

static int run_down(struct call *call, struct mf_err *err)
{
	static const char *const words[] = {"down", "--remove-orphans", NULL};
	int code = check_call(call, err);

	return code != 0 ? code : run_words(call, NULL, words, err);
}

static const struct command up_commands[] = {
    {"", NULL, "", 0, 0, TAKES_DEPLOYMENT | TAKES_UP | TAKES_ETCD,
     "start a compose file under a name, as an environment", .run = run_up},
    {0},
};
const struct noun noun_up = {"up", NULL, up_commands};

static const struct command ps_commands[] = {
    {"", NULL, "", 0, 0, TAKES_DEPLOYMENT, "the containers of a compose file under a name",
     .run = run_ps},
    {0},
};
const struct noun noun_ps = {"ps", NULL, ps_commands};

static const struct command down_commands[] = {
    {"", NULL, "", 0, 0, TAKES_DEPLOYMENT,
     "stop and remove what was started under a name, and so its environment", .run = run_down},
    {0},
};
const struct noun noun_down = {"down", NULL, down_commands};
