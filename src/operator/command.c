/* The table of commands: found by what was typed, and listed. */
#include "operator/command.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "operator/call.h"
#include "operator/look.h"

#define MAX_VERBS ((size_t)32)

static const struct noun *const nouns[] = {
#define X(name) &noun_##name,
    NOUNS(X)
#undef X
};
#define NOUN_COUNT (sizeof(nouns) / sizeof(nouns[0]))

static bool is_word(const char *word, const char *name, const char *alias)
{
	return strcmp(word, name) == 0 || (alias != NULL && strcmp(word, alias) == 0);
}

const struct noun *command_find_noun(const char *word)
{
	for (size_t i = 0; i < NOUN_COUNT; i++)
		if (is_word(word, nouns[i]->name, nouns[i]->alias))
			return nouns[i];
	return NULL;
}

static const struct command *find_verb(const struct noun *noun, const char *word)
{
	for (const struct command *c = noun->commands; c->verb != NULL; c++)
		if (c->verb[0] != '\0' && is_word(word, c->verb, c->alias))
			return c;
	return NULL;
}

static int refuse(const char *what, const char *word, const char *const *known, size_t count,
		  struct mf_err *err)
{
	const char *nearest = str_find_nearest(word, known, count);
	buf_auto struct buf list = BUF_INIT;

	if (nearest != NULL)
		return mf_err_set(err, MF_EUSAGE, "%s\"%s\": not a command: did you mean \"%s\"?",
				  what, word, nearest);
	for (size_t i = 0; i < count; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", known[i]);
	return mf_err_set(err, MF_EUSAGE, "%s\"%s\": not one of %s", what, word, buf_str(&list));
}

static int refuse_noun(const char *word, struct mf_err *err)
{
	const char *known[NOUN_COUNT];

	for (size_t i = 0; i < NOUN_COUNT; i++)
		known[i] = nouns[i]->name;
	return refuse("", word, known, NOUN_COUNT, err);
}

/* word NULL: none was given. */
static int refuse_verb(const struct noun *noun, const char *word, struct mf_err *err)
{
	const char *known[MAX_VERBS];
	buf_auto struct buf list = BUF_INIT;
	size_t count = 0;

	for (const struct command *c = noun->commands; c->verb != NULL && count < MAX_VERBS; c++) {
		buf_printf(&list, "%s%s", count == 0 ? "" : ", ", c->verb);
		known[count++] = c->verb;
	}
	if (word == NULL)
		return mf_err_set(err, MF_EUSAGE, "%s: say what to do: %s", noun->name,
				  buf_str(&list));
	buf_clear(&list);
	buf_printf(&list, "%s ", noun->name);
	return refuse(buf_str(&list), word, known, count, err);
}

int command_find(const char *const *words, size_t count, const struct noun **ret_noun,
		 const struct command **ret_command, int *ret_used, struct mf_err *err)
{
	const struct noun *noun = command_find_noun(words[0]);
	const struct command *command;

	if (noun == NULL)
		return refuse_noun(words[0], err);
	if (noun->commands[0].verb[0] == '\0') {
		command = noun->commands;
		*ret_used = 1;
	} else {
		command = count < 2 ? NULL : find_verb(noun, words[1]);
		if (command == NULL)
			return refuse_verb(noun, count < 2 ? NULL : words[1], err);
		*ret_used = 2;
	}
	*ret_noun = noun;
	*ret_command = command;
	return 0;
}

/* The n-th operand of "SERVICE [VERSION [INSTANCE]]", from there on; "": there are fewer.  The last
 * one of "ENV..." may stand again and again. */
static const char *find_operand(const char *operands, size_t n)
{
	operands += strspn(operands, " [");
	for (; n > 0 && *operands != '\0'; n--) {
		if (strchr(operands, ' ') == NULL && str_has_suffix(operands, "..."))
			break;
		operands += strcspn(operands, " ");
		operands += strspn(operands, " [");
	}
	return operands;
}

static size_t operand_len(const char *operand)
{
	return strcspn(operand, " [].");
}

/* "; mayfly instance list web shows them", of what is still to be said. */
static void add_where(struct buf *text, const char *missing, const struct call *call)
{
	static const struct {
		const char *operand, *list;
		int operands; /* of the call, that narrow it down */
	} lists[] = {
	    {"ENV", "env list", 0},   {"SERVICE", "service list", 0},
	    {"NODE", "node list", 0}, {"VERSION", "instance list", 1},
	    {"NAME", "name list", 0}, {"INSTANCE", "instance list", 2},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strlen(lists[i].operand) != operand_len(missing) ||
		    !str_has_prefix(missing, lists[i].operand))
			continue;
		buf_printf(text, "; mayfly %s", lists[i].list);
		for (int j = call->argc - lists[i].operands; j < call->argc; j++)
			buf_printf(text, " %s", call->argv[j]);
		buf_add_str(text, " shows them");
	}
}

static int refuse_count(const struct command *command, const struct call *call, struct mf_err *err)
{
	bool is_few = call->argc < command->min;
	buf_auto struct buf where = BUF_INIT;

	if (is_few)
		add_where(&where, find_operand(command->operands, (size_t)call->argc), call);
	return mf_err_set(err, MF_EUSAGE, "too %s operands: expected %s%s", is_few ? "few" : "many",
			  command->operands[0] == '\0' ? "none" : command->operands,
			  buf_str(&where));
}

int command_check_operands(const struct command *command, const struct call *call,
			   struct mf_err *err)
{
	int before = call->behind < 0 ? call->argc : call->argc - call->behind;

	if (call->argc < command->min || call->argc > command->max)
		return refuse_count(command, call, err);
	for (int i = 0; i < before; i++) {
		const char *operand = find_operand(command->operands, (size_t)i);

		if (call->argv[i][0] == '\0' && !str_has_prefix(operand, "VALUE"))
			return mf_err_set(err, MF_EUSAGE, "%.*s: must not be empty",
					  (int)operand_len(operand), operand);
	}
	return 0;
}

int command_run(const struct command *command, struct call *call, struct mf_err *err)
{
	return command->run != NULL ? command->run(call, err) : look_run(call, command->look, err);
}

void command_add_name(struct buf *text, const struct noun *noun, const struct command *command)
{
	buf_printf(text, command->verb[0] == '\0' ? "%s%s" : "%s %s", noun->name, command->verb);
}

static void add_call(struct buf *text, const struct noun *noun, const struct command *command)
{
	command_add_name(text, noun, command);
	if (command->operands[0] != '\0')
		buf_printf(text, " %s", command->operands);
}

static size_t longest_call(const struct noun *noun)
{
	size_t longest = 0;

	for (const struct command *c = noun->commands; c->verb != NULL; c++) {
		buf_auto struct buf call = BUF_INIT;

		add_call(&call, noun, c);
		if (call.len > longest)
			longest = call.len;
	}
	return longest;
}

static void add_lines(struct buf *text, const struct noun *noun, size_t width)
{
	for (const struct command *c = noun->commands; c->verb != NULL; c++) {
		buf_auto struct buf call = BUF_INIT;

		add_call(&call, noun, c);
		buf_printf(text, "  %-*s  %s\n", (int)width, buf_str(&call), c->help);
	}
}

void command_add_list(struct buf *text, const struct noun *noun)
{
	size_t width = noun == NULL ? 0 : longest_call(noun);

	for (size_t i = 0; noun == NULL && i < NOUN_COUNT; i++)
		width = longest_call(nouns[i]) > width ? longest_call(nouns[i]) : width;
	for (size_t i = 0; i < NOUN_COUNT; i++)
		if (noun == NULL || noun == nouns[i])
			add_lines(text, nouns[i], width);
}

const char *command_add_words(struct buf *text, const char *const *words, size_t count)
{
	const struct noun *noun = count == 0 ? NULL : command_find_noun(words[0]);
	const struct command *command;
	size_t used = 1;

	for (size_t i = 0; count == 0 && i < NOUN_COUNT; i++)
		buf_printf(text, "%s\n", nouns[i]->name);
	if (noun == NULL)
		return NULL;
	command = noun->commands;
	if (command->verb[0] != '\0' && count == 1) {
		for (; command->verb != NULL; command++)
			buf_printf(text, "%s\n", command->verb);
		return NULL;
	}
	if (command->verb[0] != '\0') {
		command = find_verb(noun, words[1]);
		used = 2;
	}
	return command == NULL ? NULL : find_operand(command->operands, count - used);
}
