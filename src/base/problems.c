/* Problems, reported on change.  Knows nothing of what they are about. */
#include "base/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strmap.h"

struct problems {
	problem_fn *on_problem;
	void *ctx;
	struct strmap *reported, *next; /* object -> reason; next: of the round under way */
};

void problems_log(void *ctx, const char *object, const char *reason)
{
	mem_auto_free char *message =
	    reason == NULL ? NULL : mem_printf("set aside: %s: %s", object, reason);

	(void)ctx;
	if (reason == NULL)
		log_info("no longer set aside", LOG_STR("object", object));
	else
		log_warn(message);
}

struct problems *problems_new(problem_fn *on_problem, void *ctx)
{
	struct problems *problems = MEM_NEW(problems);

	problems->on_problem = on_problem;
	problems->ctx = ctx;
	problems->reported = strmap_new(free);
	problems->next = strmap_new(free);
	return problems;
}

void problems_free(struct problems *problems)
{
	if (problems == NULL)
		return;
	strmap_free(problems->reported);
	strmap_free(problems->next);
	free(problems);
}

static void report(const struct problems *problems, const char *object, const char *reason)
{
	if (problems->on_problem != NULL)
		problems->on_problem(problems->ctx, object, reason);
}

void problems_put(struct problems *problems, const char *object, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	strmap_set(problems->next, object, mem_vprintf(format, ap));
	va_end(ap);
}

const char *problems_find(const struct problems *problems, const char *object)
{
	return strmap_find(problems->next, object);
}

bool problems_end(struct problems *problems)
{
	struct strmap *before = problems->reported;
	bool is_changed = false;
	const char *object;
	void *cursor = NULL, *reason;

	problems->reported = problems->next;
	problems->next = strmap_new(free);
	while (strmap_next(before, &cursor, &object, &reason))
		if (strmap_find(problems->reported, object) == NULL) {
			report(problems, object, NULL);
			is_changed = true;
		}
	cursor = NULL;
	while (strmap_next(problems->reported, &cursor, &object, &reason)) {
		const char *old = strmap_find(before, object);

		if (old != NULL && strcmp(old, reason) == 0)
			continue;
		report(problems, object, reason);
		is_changed = true;
	}
	strmap_free(before);
	return is_changed;
}

bool problems_set(struct problems *problems, const char *object, const char *reason)
{
	const char *old = strmap_find(problems->reported, object);

	if (reason == NULL ? old == NULL : old != NULL && strcmp(old, reason) == 0)
		return false;
	if (reason == NULL)
		(void)strmap_del(problems->reported, object);
	else
		strmap_set(problems->reported, object, mem_dup_str(reason));
	report(problems, object, reason);
	return true;
}
