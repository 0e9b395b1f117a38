/*
 * mayfly: the operator's command.  Wiring only: which command it is, its options, its help, and the
 * loop that it runs on.  The commands are in src/operator.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/strlist.h"
#include "cmd/cli.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/command.h"
#include "store/etcd.h"
#include "store/ownership.h"
#include "sys/loop.h"

#define MAX_NODES  1000000
#define MAX_TYPED  ((size_t)1000)
#define MORE_TYPED " ..."
#define MAX_WORDS  ((size_t)8) /* that matter for a completion */

static int add_header(void *target, const char *name, const char *value, struct mf_err *err)
{
	size_t len = strcspn(value, ": \t");

	if (len == 0 || value[len] != ':')
		return mf_err_set(err, MF_EUSAGE, "--%s: must be as 'name: value'", name);
	strlist_add(target, value);
	return 0;
}

static int add_parent(void *target, const char *name, const char *value, struct mf_err *err)
{
	(void)name;
	(void)err;
	strlist_add(target, value);
	return 0;
}

static int set_owner(void *target, const char *name, const char *value, struct mf_err *err)
{
	if (ownership_check_owner(value, err) != 0)
		return mf_err_wrap(err, "--%s", name);
	*(const char **)target = value;
	return 0;
}

static int set_nodes(void *target, const char *name, const char *value, struct mf_err *err)
{
	if (strcmp(value, "all") == 0)
		*(int64_t *)target = 0;
	else if (!str_parse_int(value, 1, MAX_NODES, target))
		return mf_err_set(err, MF_EUSAGE,
				  "--%s: \"%s\": must be \"all\" or a number from 1", name, value);
	return 0;
}

static int set_on_change(void *target, const char *name, const char *value, struct mf_err *err)
{
	int signo = str_find_signal(value);
	bool is_restart = strcmp(value, "restart") == 0;

	if (signo == 0 && !is_restart && strcmp(value, "none") != 0)
		return mf_err_set(err, MF_EUSAGE,
				  "--%s: \"%s\": must be restart, none, or a signal such as HUP",
				  name, value);
	*(int *)target = signo != 0 ? signo : is_restart ? CALL_RESTART : CALL_NOTHING;
	return 0;
}

static const struct option_row rows[] = {
    {'H', "header", "HEADER", "a header of the request, as 'name: value'; may be repeated",
     OPTION_OTHER(struct call_options, headers, add_header), .commands = TAKES_REQUEST},
    {'X', "method", "METHOD", "the method of the request (default GET)",
     OPTION_TEXT(struct call_options, method), .commands = TAKES_REQUEST},
    {0, "local", NULL, "a request from a process of this host, at haproxy.local_bind",
     OPTION_FLAG(struct call_options, is_local), .commands = TAKES_REQUEST},
    {0, "live", NULL, "ask the running HAProxy of this host, too, and say where it differs",
     OPTION_FLAG(struct call_options, is_live), .commands = TAKES_REQUEST},
    {'o', "output", NULL, "format of the output (default table)",
     OPTION_WORD(struct call_options, format, "table", "wide", "json", "yaml", "name"),
     .commands = TAKES_FORMAT | TAKES_WRITE},
    {'w', "watch", NULL, "show it again at each change, until interrupted",
     OPTION_FLAG(struct call_options, watch), .commands = TAKES_WATCH},
    {0, "extends", "ENV",
     "the environment whose services it has, where it says nothing else; may be repeated",
     OPTION_OTHER(struct call_options, extends, add_parent), .commands = TAKES_PARENTS},
    {'f', "file", "FILE", "a file of what is to be there, in YAML or JSON; -: standard input",
     OPTION_TEXT(struct call_options, file), .commands = TAKES_FILE | TAKES_DEPLOYMENT},
    {0, "owner", "OWNER", "whose what is written is then (default " CHANGE_OWNER ")",
     OPTION_OTHER(struct call_options, owner, set_owner), .commands = TAKES_OWNER},
    {0, "force", NULL, "change also what belongs to another owner, or a node that is alive",
     OPTION_FLAG(struct call_options, force), .commands = TAKES_WRITE},
    {0, "exact", NULL, "also delete what is not in the snapshot",
     OPTION_FLAG(struct call_options, is_exact), .commands = TAKES_EXACT},
    {0, "wait", NULL, "wait until every proxy of the fleet has applied it",
     OPTION_FLAG(struct call_options, is_waiting), .commands = TAKES_WRITE | TAKES_UP},
    {0, "id", "ID", "the name of the deployment and of its environment",
     OPTION_TEXT(struct call_options, id), .commands = TAKES_DEPLOYMENT},
    {0, "print", NULL, "print the labels that the file's x-mayfly stands for, and start nothing",
     OPTION_FLAG(struct call_options, is_printing), .commands = TAKES_UP},
    {0, "for", "TIME", "for how long (default 10m; of top each round, 2s; of env keep and link 1d)",
     OPTION_DURATION(struct call_options, for_ms, 1000, INT64_C(31536000000)),
     .commands = TAKES_FOR},
    {0, "since", "TIME", "only calls that were made again in this time (default: all)",
     OPTION_DURATION(struct call_options, since_ms, 1000, 86400000), .commands = TAKES_SINCE},
    {0, "probe", "URL", "send a request in a copy of the environment, and show who passes it on",
     OPTION_TEXT(struct call_options, probe), .commands = TAKES_SINCE},
    {0, "on-change", "WORD",
     "what is done when settings change: restart, none, or a signal (default restart)",
     OPTION_OTHER(struct call_options, on_change, set_on_change), .commands = TAKES_EXEC},
    {0, "listen", "ADDRESS",
     "where the console is served: ADDRESS:PORT or unix:PATH (default console.listen)",
     OPTION_TEXT(struct call_options, listen), .commands = TAKES_LISTEN},
    {'n', "dry-run", NULL, "only say what would be done; exit status 2 if anything",
     OPTION_FLAG(struct call_options, dry_run), .commands = TAKES_WRITE},
    {'E', "environments", "DIR", "read environments from files instead of etcd",
     OPTION_TEXT(struct call_options, environments), .commands = TAKES_FILES},
    {'B', "backends", "FILE", "read instances from a file instead of etcd",
     OPTION_TEXT(struct call_options, backends), .commands = TAKES_FILES},
    {0, "revision", "N", "the revision of etcd to wait for (default the newest)",
     OPTION_COUNT(struct call_options, revision, 1, INT64_MAX), .commands = TAKES_WAIT},
    {0, "to", "REVISION", "the revision that it was at (default the last one before it changed)",
     OPTION_COUNT(struct call_options, revision, 1, INT64_MAX), .commands = TAKES_UNDO},
    {0, "ready", NULL, "wait until each version of the environment has an instance that answers",
     OPTION_FLAG(struct call_options, is_ready), .commands = TAKES_WAIT},
    {0, "nodes", "N", "how many nodes are to have it (default all)",
     OPTION_OTHER(struct call_options, nodes, set_nodes), .commands = TAKES_WAIT},
    {0, "timeout", "TIME",
     "how long to wait for an answer of etcd (default 10s), and for proxies (default 30s)",
     OPTION_DURATION(struct call_options, timeout_ms, 1, 3600000), .commands = TAKES_ETCD},
};
_Static_assert(CALL_TABLE == 0 && CALL_NAME == 4, "the words are in the order of the enum");

/* What was found in the call, before it was parsed. */
struct wanted {
	const char *words[3];
	const struct noun *noun;
	const struct command *command; /* NULL: none, and err says why */
	int used;
	bool is_help;
	struct mf_err err; /* code 0: nothing was asked for */
	struct buf name, synopsis, details, words_typed;
	struct cli_tool tool;
};

static const struct cli_tool whole = {
    .name = "mayfly",
    .summary = "show, explain and change environments of microservices",
    .synopsis = "mayfly COMMAND [OPERAND...] [OPTION...]",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .call = "mayfly",
    .commands = TAKES_NOTHING,
};

static void describe_command(struct wanted *w)
{
	buf_add_str(&w->name, "mayfly ");
	command_add_name(&w->name, w->noun, w->command);
	buf_printf(&w->synopsis, "%s%s%s [OPTION...]", buf_str(&w->name),
		   w->command->operands[0] == '\0' ? "" : " ", w->command->operands);
	w->tool.call = buf_str(&w->name);
	w->tool.synopsis = buf_str(&w->synopsis);
	w->tool.summary = w->command->help;
	w->tool.commands = w->command->takes;
}

/* No command, or only its noun: a list of them, and all options that they take. */
static void describe_noun(struct wanted *w, const char *word)
{
	const struct noun *noun = word == NULL ? NULL : command_find_noun(word);

	buf_add_str(&w->details, "commands:\n");
	command_add_list(&w->details, noun);
	buf_add_str(&w->details, "\nThe options of each: mayfly COMMAND --help.\n");
	w->tool.details = buf_str(&w->details);
	if (noun == NULL) {
		w->tool.commands = word == NULL ? TAKES_NOTHING : TAKES_ALL;
		return;
	}
	for (const struct command *c = noun->commands; c->verb != NULL; c++)
		w->tool.commands |= c->takes;
	buf_printf(&w->name, "mayfly %s", noun->name);
	w->tool.call = buf_str(&w->name);
}

/* `mayfly help env list` is `mayfly env list --help`. */
static void find(struct wanted *w, int argc, char **argv)
{
	const char *const *words = w->words;
	size_t count = cli_find_operands(&whole, argc, argv, w->words, 3);

	w->tool = whole;
	if (count > 0 && strcmp(words[0], "help") == 0) {
		w->is_help = true;
		words++;
		count--;
	}
	if (count > 0 && command_find(words, count, &w->noun, &w->command, &w->used, &w->err) == 0)
		describe_command(w);
	else
		describe_noun(w, count > 0 ? words[0] : NULL);
	if (count > 0 && command_find_noun(words[0]) == NULL)
		w->is_help = false; /* of what there is not */
}

static int run(const struct cli *cli, struct call *call, const struct command *command)
{
	struct mf_err err;
	int status;

	call->settings = cli->settings;
	if (loop_new(&call->loop, &err) != 0 || cli_stop_on_signals(call->loop, &err) != 0 ||
	    command_run(command, call, &err) != 0)
		status = cli_fail(&err);
	else
		status = call->status;
	etcd_free(call->etcd);
	loop_free(call->loop);
	return status;
}

/* What would make the whole too long is left out, and all behind it. */
static void add_word(struct buf *text, const char *option, const char *word)
{
	if (str_has_suffix(buf_str(text), MORE_TYPED))
		return;
	if (text->len + strlen(option) + strlen(word) < MAX_TYPED)
		buf_printf(text, " %s%s", option, word);
	else
		buf_add_str(text, MORE_TYPED);
}

/* The command, and what it is about. */
static void add_words(struct wanted *w, const struct call *call)
{
	struct buf *text = &w->words_typed;

	buf_add_str(text, w->tool.call);
	for (int i = 0; i < call->argc; i++)
		add_word(text, "", call->argv[i]);
	for (size_t i = 0; i < strlist_count(call->options.extends); i++)
		add_word(text, "--extends ", call->options.extends[i]);
	if (call->options.file != NULL)
		add_word(text, "--file ", call->options.file);
	if (call->options.revision > 0)
		buf_printf(text, " --to %lld", (long long)call->options.revision);
}

static int obey(const struct cli *cli, struct wanted *w, struct call *call)
{
	const struct command *command = w->command;
	struct mf_err err;

	if (w->err.code != 0)
		return cli_usage(cli, "%s", w->err.msg);
	if (command == NULL)
		return cli_print_help(cli);
	call->argc = cli->argc - w->used;
	call->argv = cli->argv + w->used;
	call->behind = cli->behind;
	add_words(w, call);
	call->words = buf_str(&w->words_typed);
	if (command_check_operands(command, call, &err) != 0)
		return cli_usage(cli, "%s", err.msg);
	return run(cli, call, command);
}

static int run_call(int argc, char **argv)
{
	struct call call = {.argc = 0};
	char name[] = "mayfly", option[] = "--help", *help[] = {name, option, NULL};
	struct wanted wanted = {.used = 0};
	struct cli cli;
	int status;

	find(&wanted, argc, argv);
	/* Behind `help`, options say nothing, and may lack a value that is still to be typed. */
	if (wanted.is_help) {
		argv = help;
		argc = 2;
	}
	status = cli_start(&cli, &wanted.tool, &call.options, argc, argv);
	if (status == CLI_GO_ON) {
		status = obey(&cli, &wanted, &call);
		cli_fini(&cli);
	}
	strlist_free(call.options.headers);
	strlist_free(call.options.extends);
	buf_fini(&wanted.name);
	buf_fini(&wanted.synopsis);
	buf_fini(&wanted.details);
	buf_fini(&wanted.words_typed);
	return status;
}

/* mayfly __complete WORD...: what may be the next word, for the shells; names from etcd, quickly.
 */
static int complete(int argc, char **argv)
{
	static const struct {
		const char *operand, *call;
	} lists[] = {
	    {"ENV", "mayfly env list --output name --timeout 1s"},
	    {"SERVICE", "mayfly service list --output name --timeout 1s"},
	    {"NODE", "mayfly node list --output name --timeout 1s"},
	};
	const char *words[MAX_WORDS], *operand;
	size_t count = cli_find_operands(&whole, argc, argv, words, MAX_WORDS);
	buf_auto struct buf text = BUF_INIT;
	int status = 0;

	operand = command_add_words(&text, words, count);
	for (size_t i = 0; operand != NULL && i < sizeof(lists) / sizeof(lists[0]); i++) {
		char **call;

		if (strncmp(operand, lists[i].operand, strcspn(operand, " [].")) != 0 ||
		    strcspn(operand, " [].") != strlen(lists[i].operand))
			continue;
		call = strlist_split(lists[i].call, ' ');
		status = run_call((int)strlist_count(call), call);
		strlist_free(call);
	}
	(void)fputs(buf_str(&text), stdout);
	return status;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "__complete") == 0)
		return complete(argc - 1, argv + 1);
	return run_call(argc, argv);
}
