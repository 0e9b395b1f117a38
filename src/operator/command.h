/*
 * The commands of mayfly(1) as a table: nouns, and what can be done with each.  A noun is a file of
 * its own and a row of NOUNS; all words, help and completions come from here.
 */
#ifndef MF_OPERATOR_COMMAND_H
#define MF_OPERATOR_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct call;
struct look;
struct mf_err;
struct reading;

/* Groups of options, as option_row.commands has them: which of them a command takes. */
enum command_takes {
	TAKES_FORMAT = 1 << 0,
	TAKES_FILES = 1 << 1,
	TAKES_ETCD = 1 << 2,
	TAKES_WATCH = 1 << 3,
	TAKES_REQUEST = 1 << 4,
	TAKES_WRITE = 1 << 5,
	TAKES_PARENTS = 1 << 6,
	TAKES_FILE = 1 << 7,
	TAKES_OWNER = 1 << 8,
	TAKES_WAIT = 1 << 9,
	TAKES_UNDO = 1 << 10,
	TAKES_FOR = 1 << 11,
	TAKES_EXEC = 1 << 12,
	TAKES_EXACT = 1 << 13,
	TAKES_SINCE = 1 << 14,
	TAKES_LISTEN = 1 << 15,
	TAKES_DEPLOYMENT = 1 << 16,
	TAKES_UP = 1 << 17,
	TAKES_CHANGE = TAKES_WRITE | TAKES_OWNER | TAKES_ETCD,
	TAKES_ONLINE = TAKES_FORMAT | TAKES_ETCD | TAKES_WATCH,
	TAKES_LOOK = TAKES_ONLINE | TAKES_FILES,
	TAKES_NOTHING = 1 << 30, /* no option is in it */
	TAKES_ALL = (1 << 30) - 1,
};

struct command {
	const char *verb;     /* "": the noun is the whole command; NULL: the end of the list */
	const char *alias;    /* a second word for it, or NULL */
	const char *operands; /* as the help has them, such as "ENV [REVISION]"; or "" */
	int min, max;	      /* how many */
	unsigned takes;
	const char *help; /* one line */
	/* What a command that looks fills (operator/look.h); run: all that it does, also of one
	 * that looks, if it does more than that. */
	int (*look)(struct look *look, const struct reading *reading, struct mf_err *err);
	int (*run)(struct call *call, struct mf_err *err);
};

struct noun {
	const char *name, *alias;
	const struct command *commands;
};

/* clang-format off */
#define NOUNS(X) \
	X(status) \
	X(check) \
	X(matrix) \
	X(explain) \
	X(audit) \
	X(env) \
	X(service) \
	X(instance) \
	X(route) \
	X(split) \
	X(node) \
	X(name) \
	X(wait) \
	X(config) \
	X(allow_removal) \
	X(snapshot) \
	X(tap) \
	X(top) \
	X(console) \
	X(link) \
	X(up) \
	X(ps) \
	X(down)
/* clang-format on */

#define X(name) extern const struct noun noun_##name;
NOUNS(X)
#undef X

/*
 * The command that these words of a call begin with; *ret_used of them are its own.  MF_EUSAGE with
 * the nearest one, or with the verbs that there are.
 */
int command_find(const char *const *words, size_t count, const struct noun **ret_noun,
		 const struct command **ret_command, int *ret_used, struct mf_err *err);

/* Whether there are as many operands as it takes, and none is empty but a value.  MF_EUSAGE. */
int command_check_operands(const struct command *command, const struct call *call,
			   struct mf_err *err);

/* A code of base/err.h, or 0 and call->status. */
int command_run(const struct command *command, struct call *call, struct mf_err *err);

/* "env list"; noun and verb alone. */
void command_add_name(struct buf *text, const struct noun *noun, const struct command *command);

/* The noun that this word is; NULL: none. */
const struct noun *command_find_noun(const char *word);

/* A line for each command, with its operands and help; noun NULL: of all. */
void command_add_list(struct buf *text, const struct noun *noun);

/*
 * What may be the next word behind these, a line each: nouns, verbs; nothing behind a command.
 * Returns the word for the operand that may come then, such as "ENV"; NULL: none.
 */
const char *command_add_words(struct buf *text, const char *const *words, size_t count);

#endif
