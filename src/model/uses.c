/* Which names are in use.  Knows nothing of how they are asked for. */
#include "model/uses.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/table.h"
#include "model/when.h"

static const char *const words[USE_DOORS] = {
    [USE_WHEN] = "when",     [USE_HEADER] = "header", [USE_QUERY] = "query",
    [USE_COOKIE] = "cookie", [USE_STICKY] = "sticky", [USE_IDLE] = "idle",
};

/* --- of one environment ----------------------------------------------------------------------- */

static void walk_when(const struct when *when, void (*visit)(void *ctx, const struct use *use),
		      void *ctx)
{
	static const enum use_kind kinds[WHEN_KINDS] = {
	    [WHEN_HEADER] = USE_HEADER, [WHEN_QUERY] = USE_QUERY, [WHEN_COOKIE] = USE_COOKIE};

	visit(ctx, &(struct use){USE_WHEN, ""});
	for (size_t i = 0; i < when->count; i++)
		for (size_t j = 0; j < when->conditions[i].value_count; j++) {
			const struct when_value *value = &when->conditions[i].values[j];

			visit(ctx, &(struct use){kinds[value->kind], value->name});
		}
}

static void walk_headers(const struct headers *headers,
			 void (*visit)(void *ctx, const struct use *use), void *ctx)
{
	for (size_t i = 0; headers != NULL && i < headers->count; i++)
		visit(ctx, &(struct use){USE_CHANGES + (enum use_kind)headers->changes[i].kind,
					 headers->changes[i].name});
}

void uses_walk(const struct env *env, void (*visit)(void *ctx, const struct use *use), void *ctx)
{
	for (int kind = 0; kind < DOOR_KINDS; kind++)
		if (env->doors[kind] != NULL)
			visit(ctx, &(struct use){USE_DOORS + (enum use_kind)kind, ""});
	walk_headers(env->headers, visit, ctx);
	if (env->idle != NULL)
		visit(ctx, &(struct use){USE_IDLE, ""});
	for (size_t i = 0; i < env->service_count; i++) {
		const struct choice *choice = env->services[i].choice;

		walk_headers(env->services[i].headers, visit, ctx);
		if (choice != NULL && choice->header != NULL)
			visit(ctx, &(struct use){USE_STICKY, choice->header});
		if (choice != NULL && choice->when != NULL)
			walk_when(choice->when, visit, ctx);
	}
}

static const char *word_of(const struct use *use)
{
	if (use->kind >= USE_CHANGES)
		return headers_kind_words[use->kind - USE_CHANGES];
	return use->kind >= USE_DOORS ? door_words[use->kind - USE_DOORS] : words[use->kind];
}

char *uses_make_mark(const struct use *use)
{
	return mem_printf(USE_MARK "%s%s%s", word_of(use), use->name[0] == '\0' ? "" : ".",
			  use->name);
}

char *uses_describe(const struct use *use)
{
	if (use->kind == USE_WHEN)
		return mem_dup_str("conditions");
	if (use->name[0] == '\0')
		return mem_dup_str(word_of(use));
	return mem_printf("%s %s%s", use->kind == USE_STICKY ? words[USE_HEADER] : word_of(use),
			  use->name, use->kind == USE_STICKY ? " to be sticky by" : "");
}

/* --- of all ----------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool uses_has(const struct uses *uses, const struct use *use)
{
	const struct use_list *list = &uses->lists[use->kind];

	return list->count != 0 && bsearch(&use->name, list->names, list->count,
					   sizeof(*list->names), compare_names) != NULL;
}

static void add(void *ctx, const struct use *use)
{
	struct uses *uses = ctx;
	struct use_list *list = &uses->lists[use->kind];

	if (list->count == USES_MAX || uses_has(uses, use))
		return;
	list->names = mem_realloc(list->names, list->count + 1, sizeof(*list->names));
	list->names[list->count++] = use->name;
	qsort(list->names, list->count, sizeof(*list->names), compare_names);
}

static void find_any(void *ctx, const struct use *use)
{
	(void)use;
	*(bool *)ctx = true;
}

static int compare_age(const void *a, const void *b)
{
	const struct env *x = *(struct env *const *)a, *y = *(struct env *const *)b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->name, y->name);
}

void uses_find(const struct snapshot *snapshot, struct uses *ret_uses)
{
	struct env **users = NULL;
	size_t count = 0, cap = 0;

	*ret_uses = (struct uses){.lists = {{NULL, 0}}};
	for (size_t i = 0; i < snapshot->env_count; i++) {
		bool has_any = false;

		uses_walk(snapshot->envs[i], find_any, &has_any);
		if (!has_any)
			continue;
		MEM_GROW(users, count, cap);
		users[count++] = snapshot->envs[i];
	}
	if (count > 1)
		qsort(users, count, sizeof(struct env *), compare_age);
	for (size_t i = 0; i < count; i++)
		uses_walk(users[i], add, ret_uses);
	free(users);
}

void uses_fini(struct uses *uses)
{
	for (int kind = 0; kind < USE_KINDS; kind++)
		free(uses->lists[kind].names);
}

struct left_out {
	const struct uses *uses;
	struct use first; /* name NULL: none yet */
	bool has_others;
};

static void note_left_out(void *ctx, const struct use *use)
{
	struct left_out *left = ctx;

	if (uses_has(left->uses, use))
		return;
	if (left->first.name == NULL)
		left->first = *use;
	else if (left->first.kind != use->kind || strcmp(left->first.name, use->name) != 0)
		left->has_others = true;
}

void uses_describe_left_out(const struct uses *uses, const struct env *env, struct buf *ret_text)
{
	struct left_out left = {.uses = uses};
	mem_auto_free char *first = NULL;

	uses_walk(env, note_left_out, &left);
	if (left.first.name == NULL)
		return;
	first = uses_describe(&left.first);
	buf_printf(ret_text,
		   "%s%s: without effect, as older environments have used up the %d names of the "
		   "kind that HAProxy can have rules for",
		   first, left.has_others ? " and others" : "", USES_MAX);
}

/* --- how many --------------------------------------------------------------------------------- */

struct uses_count {
	struct strmap *by_mark; /* to a size_t: how often it is used */
	size_t distinct[USE_KINDS];
};

struct uses_count *uses_count_new(void)
{
	struct uses_count *count = MEM_NEW(count);

	count->by_mark = strmap_new(free);
	return count;
}

void uses_count_free(struct uses_count *count)
{
	strmap_free(count->by_mark);
	free(count);
}

static void count_in(void *ctx, const struct use *use)
{
	struct uses_count *count = ctx;
	mem_auto_free char *mark = uses_make_mark(use);
	size_t *times = strmap_find(count->by_mark, mark);

	if (times == NULL) {
		times = MEM_NEW(times);
		strmap_set(count->by_mark, mark, times);
		count->distinct[use->kind]++;
	}
	++*times;
}

static void count_out(void *ctx, const struct use *use)
{
	struct uses_count *count = ctx;
	mem_auto_free char *mark = uses_make_mark(use);
	size_t *times = strmap_find(count->by_mark, mark);

	assert(times != NULL);
	if (--*times != 0)
		return;
	(void)strmap_del(count->by_mark, mark);
	count->distinct[use->kind]--;
}

bool uses_count_move(struct uses_count *count, const struct env *old, const struct env *new)
{
	bool has_any = false;

	if (old != NULL) {
		uses_walk(old, find_any, &has_any);
		uses_walk(old, count_out, count);
	}
	if (new != NULL) {
		uses_walk(new, find_any, &has_any);
		uses_walk(new, count_in, count);
	}
	return has_any;
}

bool uses_count_is_over(const struct uses_count *count)
{
	int kind = 0;

	while (kind < USE_KINDS && count->distinct[kind] <= USES_MAX)
		kind++;
	return kind < USE_KINDS;
}
