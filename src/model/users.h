/*
 * Who may come in with a password: lists of users, each from a file of the proxy's host whose lines
 * are `name:hash`, as of htpasswd(1), with hashes of crypt(5).  They are never in etcd.
 */
#ifndef MF_MODEL_USERS_H
#define MF_MODEL_USERS_H

#include <stdbool.h>
#include <stddef.h>

#define USERS_MAX_BYTES ((size_t)256 * 1024) /* of a file */
#define USERS_MAX	1000		     /* of a list */
#define USERS_MAX_LISTS 32

struct user {
	char *name, *hash;
};

struct user_list {
	char *name;
	struct user *users; /* by name, distinct */
	size_t count;
};

/* Sorted by name. */
struct user_lists {
	struct user_list *lists;
	size_t count;
};

/*
 * A file's lines; empty ones and those that begin with '#' say nothing.  on_problem: a line that is
 * left out (is_left_out), or whose hash takes very long to compute, and why; it never has a hash.
 */
typedef void users_problem_fn(void *ctx, unsigned line, const char *why, bool is_left_out);
void users_parse(const char *name, const char *text, size_t len, users_problem_fn *on_problem,
		 void *ctx, struct user_lists *lists);

void users_sort(struct user_lists *lists);
bool users_are_equal(const struct user_lists *a, const struct user_lists *b);
void users_fini(struct user_lists *lists);

#endif
