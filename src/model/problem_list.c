/* The list of problems: all of them sorted, and those of no key also by their object. */
#include "model/problem_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/snapshot.h"
#include "model/sorted.h"

struct problem_list {
	struct sorted sorted;  /* struct problem *, by object */
	struct strmap *others; /* those of no key, by object */
	bool is_changed;
};

static int compare_problems(const void *a, const void *b)
{
	const struct problem *x = *(struct problem *const *)a, *y = *(struct problem *const *)b;
	int order = strcmp(x->object, y->object);

	if (order != 0 || x == y)
		return order;
	return (uintptr_t)x < (uintptr_t)y ? -1 : 1;
}

struct problem_list *problem_list_new(void)
{
	struct problem_list *list = MEM_NEW(list);

	list->others = strmap_new(NULL);
	sorted_init(&list->sorted, sizeof(struct problem *), compare_problems);
	return list;
}

void problem_list_free(struct problem_list *list)
{
	void *cursor = NULL, *value;
	const char *key;

	if (list == NULL)
		return;
	while (strmap_next(list->others, &cursor, &key, &value))
		problem_list_del(list, value);
	strmap_free(list->others);
	sorted_fini(&list->sorted);
	free(list);
}

/* Words that begin with the object itself would say it twice. */
static const char *skip_object(const char *object, const char *reason)
{
	size_t n = strlen(object);

	if (str_has_prefix(reason, object) && str_has_prefix(reason + n, ": "))
		return reason + n + 2;
	return reason;
}

struct problem *problem_list_add(struct problem_list *list, char *object, const char *reason)
{
	struct problem *problem = MEM_NEW(problem);

	problem->object = object;
	problem->reason = mem_dup_str(skip_object(object, reason));
	sorted_put(&list->sorted, &problem);
	list->is_changed = true;
	return problem;
}

void problem_list_del(struct problem_list *list, struct problem *problem)
{
	(void)sorted_del(&list->sorted, &problem);
	list->is_changed = true;
	free(problem->object);
	free(problem->reason);
	free(problem);
}

void problem_list_set(struct problem_list *list, const char *object, const char *reason)
{
	struct problem *old = strmap_find(list->others, object);

	if (reason == NULL && old == NULL)
		return;
	if (reason != NULL && old != NULL && strcmp(old->reason, skip_object(object, reason)) == 0)
		return;
	if (old != NULL)
		problem_list_del(list, old);
	if (reason == NULL)
		(void)strmap_del(list->others, object);
	else
		strmap_set(list->others, object,
			   problem_list_add(list, mem_dup_str(object), reason));
}

/* Mostly there is none, and none was there. */
void problem_list_set_of(struct problem_list *list, const char *what, const char *name,
			 const char *reason)
{
	mem_auto_free char *object = NULL;

	if (reason == NULL && strmap_count(list->others) == 0)
		return;
	object = mem_printf("%s %s", what, name);
	problem_list_set(list, object, reason);
}

const char *problem_list_find_of(const struct problem_list *list, const char *what,
				 const char *name)
{
	mem_auto_free char *object = mem_printf("%s %s", what, name);
	const struct problem *problem = strmap_find(list->others, object);

	return problem == NULL ? NULL : problem->reason;
}

bool problem_list_is_changed(const struct problem_list *list)
{
	return list->is_changed;
}

static const struct problem *at(const struct problem_list *list, size_t i)
{
	return *(struct problem *const *)sorted_at(&list->sorted, i);
}

/* Behind the last one whose object begins with the same word. */
static size_t end_of_kind(const struct problem_list *list, const char *object)
{
	mem_auto_free char *behind = mem_printf("%.*s!", (int)strcspn(object, " "), object);
	const struct problem *probe = &(struct problem){.object = behind};

	return sorted_lower_bound(&list->sorted, &probe);
}

void problem_list_fill(struct problem_list *list, struct snapshot *snapshot)
{
	size_t end;

	for (size_t i = 0; i < list->sorted.count; i = end) {
		const char *kind = at(list, i)->object;

		end = end_of_kind(list, kind);
		for (; i < end && snapshot_shows(snapshot, kind); i++)
			snapshot_add_problem(snapshot, at(list, i)->object, at(list, i)->reason);
		snapshot_count_problems(snapshot, kind, end - i);
	}
	list->is_changed = false;
}
