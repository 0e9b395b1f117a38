/* Fallbacks against the instances that are there.  Knows nothing of health checks. */
#include "model/baseline.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "model/env.h"
#include "model/versions.h"

static bool is_live(const struct versions *versions, const struct env_fallback *f,
		    const char *version)
{
	return versions_is_live(versions, f->service, version);
}

/* Of the count fallbacks of one service. */
static void describe(const struct env *env, const struct env_fallback *f, size_t count,
		     const struct versions *versions, struct buf *text)
{
	size_t i = 0;

	if (is_live(versions, f, f->version))
		return;
	while (i < count && !is_live(versions, f, f[i].next))
		i++;
	if (i < count)
		buf_printf(text,
			   "%sservice %s has no live instance of version %s: %s of %s answers",
			   text->len == 0 ? "" : "; ", f->service, f->version, f[i].next,
			   env->lineage[f[i].from]);
}

void baseline_describe(const struct env *env, const struct versions *versions, struct buf *ret_text)
{
	for (size_t i = 0, end; i < env->fallback_count; i = end) {
		const struct env_fallback *first = &env->fallbacks[i];

		end = i + 1;
		while (end < env->fallback_count &&
		       strcmp(first->service, env->fallbacks[end].service) == 0)
			end++;
		describe(env, first, end - i, versions, ret_text);
	}
}
