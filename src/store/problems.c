/* Problems told once.  Knows nothing of what they are about. */
#include "store/problems.h"

#include <string.h>

#include "base/strmap.h"

bool problems_tell(struct strmap **told, struct strmap *now,
		   void (*on_problem)(void *ctx, const char *object, const char *reason), void *ctx)
{
	bool is_changed = false;
	const char *object;
	void *cursor = NULL, *reason;

	while (strmap_next(*told, &cursor, &object, &reason))
		if (strmap_find(now, object) == NULL) {
			on_problem(ctx, object, NULL);
			is_changed = true;
		}
	cursor = NULL;
	while (strmap_next(now, &cursor, &object, &reason)) {
		const char *before = strmap_find(*told, object);

		if (before != NULL && strcmp(before, reason) == 0)
			continue;
		on_problem(ctx, object, reason);
		is_changed = true;
	}
	strmap_free(*told);
	*told = now;
	return is_changed;
}
