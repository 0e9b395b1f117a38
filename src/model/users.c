/* Files of users, read.  Which hashes are taken is said here. */
#include "model/users.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NAME_MAX_LEN   64
#define HASH_MAX_LEN   256
#define SLOW_ROUNDS    100000  /* of SHA: some 60 ms */
#define MOST_ROUNDS    2000000 /* some 1.5 s; glibc would take 999999999 */
#define SLOW_BCRYPT    10      /* 2^10: some 80 ms */
#define MOST_BCRYPT    14      /* some 1.5 s */
#define SLOW_YESCRYPT  '9'     /* mkpasswd's default, some 26 ms */
#define MOST_YESCRYPT  'F'     /* mkpasswd's most, some 3 s */
#define LINES_REPORTED 8

/* --- hashes ----------------------------------------------------------------------------------- */

static const char plain_hash[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789./$=";
static const char plain_name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._@+-";

static bool has_prefix_of(const char *hash, const char *const *prefixes)
{
	while (*prefixes != NULL && !str_has_prefix(hash, *prefixes))
		prefixes++;
	return *prefixes != NULL;
}

/* Whether it takes longer to compute than by these. */
static bool is_above(const char *hash, unsigned long rounds, unsigned long bcrypt, char yescrypt)
{
	const char *said = strstr(hash, "$rounds=");

	if (str_has_prefix(hash, "$2"))
		return strtoul(hash + 4, NULL, 10) > bcrypt;
	if (str_has_prefix(hash, "$y$"))
		return hash[3] != '\0' && hash[4] > yescrypt;
	return said != NULL && strtoul(said + strlen("$rounds="), NULL, 10) > rounds;
}

/* As crypt_gensalt(3) makes all of yescrypt: without the parameters that may follow and cost more.
 */
static bool has_plain_cost(const char *hash)
{
	return !str_has_prefix(hash, "$y$") ||
	       (hash[3] == 'j' && hash[4] != '\0' && (hash[5] == '5' || hash[5] == 'T') &&
		hash[6] == '$');
}

/* What HAProxy's crypt(3) can match, and is worth to be called a hash today; NULL: it is good. */
static const char *find_fault(const char *hash)
{
	static const char *const good[] = {"$5$", "$6$", "$2a$", "$2b$", "$2y$", "$y$", NULL};
	static const char *const never[] = {"$apr1$", "{SHA}", NULL};

	if (has_prefix_of(hash, never))
		return "HAProxy cannot match such a hash ($apr1$ and {SHA} are Apache's own): make "
		       "it by mkpasswd, or htpasswd -B";
	if (!has_prefix_of(hash, good))
		return "no hash of crypt(5) that begins with $5$, $6$, $2b$, $2y$ or $y$";
	if (hash[strspn(hash, plain_hash)] != '\0' || strlen(hash) > HASH_MAX_LEN)
		return "what follows its beginning is no hash of crypt(5)";
	if (!has_plain_cost(hash) || is_above(hash, MOST_ROUNDS, MOST_BCRYPT, MOST_YESCRYPT))
		return "HAProxy would answer nobody for more than a second while it computes this "
		       "hash: take bcrypt's cost 10, or SHA's default";
	return NULL;
}

/* --- lines ------------------------------------------------------------------------------------ */

struct reader {
	users_problem_fn *on_problem;
	void *ctx;
	struct user_list *list;
	unsigned line, reported;
};

static void report(struct reader *r, const char *why, bool is_left_out)
{
	if (++r->reported <= LINES_REPORTED)
		r->on_problem(r->ctx, r->line, why, is_left_out);
}

static void add_line(struct reader *r, char *line)
{
	char *hash = strchr(line, ':');
	const char *why;

	line[strcspn(line, "\r")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return;
	if (hash == NULL || hash == line) {
		report(r, "is not NAME:HASH", true);
		return;
	}
	*hash++ = '\0';
	if (line[strspn(line, plain_name)] != '\0' || strlen(line) > NAME_MAX_LEN)
		report(r, "a name has letters, digits and ._@+-, and at most 64 of them", true);
	else if ((why = find_fault(hash)) != NULL)
		report(r, why, true);
	else if (r->list->count == USERS_MAX)
		report(r, "there are more than 1000 users", true);
	else {
		if (is_above(hash, SLOW_ROUNDS, SLOW_BCRYPT, SLOW_YESCRYPT))
			report(r,
			       "HAProxy answers nobody while it computes this hash, for 0.1 s "
			       "or more: take bcrypt's cost 10, or SHA's default",
			       false);
		r->list->users =
		    mem_realloc(r->list->users, r->list->count + 1, sizeof(*r->list->users));
		r->list->users[r->list->count++] =
		    (struct user){mem_dup_str(line), mem_dup_str(hash)};
	}
}

static int compare_users(const void *a, const void *b)
{
	return strcmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

/* Of two of a name nobody knows which was meant: neither is one. */
static void sort_list(struct reader *r)
{
	struct user_list *list = r->list;
	size_t kept = 0, end;

	if (list->count > 1)
		qsort(list->users, list->count, sizeof(*list->users), compare_users);
	for (size_t i = 0; i < list->count; i = end) {
		end = i + 1;
		while (end < list->count && compare_users(&list->users[i], &list->users[end]) == 0)
			end++;
		if (end == i + 1) {
			list->users[kept++] = list->users[i];
			continue;
		}
		r->line = 0;
		report(r, "a name stands there twice", true);
		for (size_t j = i; j < end; j++) {
			free(list->users[j].name);
			free(list->users[j].hash);
		}
	}
	list->count = kept;
}

void users_parse(const char *name, const char *text, size_t len, users_problem_fn *on_problem,
		 void *ctx, struct user_lists *lists)
{
	struct reader r = {on_problem, ctx, NULL, 0, 0};
	const char *end = text + len;

	lists->lists = mem_realloc(lists->lists, lists->count + 1, sizeof(*lists->lists));
	r.list = &lists->lists[lists->count++];
	*r.list = (struct user_list){.name = mem_dup_str(name)};
	for (const char *next; text < end; text = next) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		mem_auto_free char *line =
		    mem_dup_bytes(text, (size_t)((newline == NULL ? end : newline) - text));

		r.line++;
		add_line(&r, line);
		next = newline == NULL ? end : newline + 1;
	}
	sort_list(&r);
}

/* --- lists ------------------------------------------------------------------------------------ */

static int compare_lists(const void *a, const void *b)
{
	return strcmp(((const struct user_list *)a)->name, ((const struct user_list *)b)->name);
}

void users_sort(struct user_lists *lists)
{
	if (lists->count > 1)
		qsort(lists->lists, lists->count, sizeof(*lists->lists), compare_lists);
}

static bool is_list_equal(const struct user_list *a, const struct user_list *b)
{
	if (strcmp(a->name, b->name) != 0 || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->users[i].name, b->users[i].name) != 0 ||
		    strcmp(a->users[i].hash, b->users[i].hash) != 0)
			return false;
	return true;
}

bool users_are_equal(const struct user_lists *a, const struct user_lists *b)
{
	size_t i = 0;

	if (a->count != b->count)
		return false;
	while (i < a->count && is_list_equal(&a->lists[i], &b->lists[i]))
		i++;
	return i == a->count;
}

void users_fini(struct user_lists *lists)
{
	for (size_t i = 0; i < lists->count; i++) {
		for (size_t j = 0; j < lists->lists[i].count; j++) {
			free(lists->lists[i].users[j].name);
			free(lists->lists[i].users[j].hash);
		}
		free(lists->lists[i].users);
		free(lists->lists[i].name);
	}
	free(lists->lists);
	*lists = (struct user_lists){NULL, 0};
}
