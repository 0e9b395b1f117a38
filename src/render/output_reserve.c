/*
 * Backends in reserve: which kinds of them there are is read off a rendering of samples, so that
 * whatever the templates say of a version is said of its spare.  Knows nothing of templates.
 */
#include "render/output_reserve.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/service.h"
#include "model/table.h"
#include "render/output_bare.h"
#include "render/section.h"

enum { RESERVE_MAX = 2048 }; /* of all kinds together: 20 MB, and 60 ms of HAProxy's start */

struct kind {
	uint64_t kind;
	const struct backend *like;
};

struct output_reserve {
	struct snapshot snapshot;
	struct backend *spares;
	size_t count;
};

/* --- kinds ----------------------------------------------------------------------------------- */

static void note_section(void *ctx, const struct section *section)
{
	mem_auto_free char *name = mem_dup_bytes(section->name.at, section->name.len);
	struct section *copy = MEM_NEW(copy);

	*copy = *section;
	strmap_set(ctx, name, copy);
}

/* Two versions of one service are samples, one behind the other. */
static bool is_of_one_kind(const struct strmap *sections, const struct backend *a,
			   const struct backend *b, uint64_t *ret_kind)
{
	const struct section *x = strmap_find(sections, a->name);
	const struct section *y = strmap_find(sections, b->name);

	if (x == NULL || y == NULL || x->kind != y->kind || x->is_static || y->is_static ||
	    service_has_host_name(a->settings))
		return false;
	*ret_kind = x->kind;
	return true;
}

static bool has_kind(const struct kind *kinds, size_t count, uint64_t kind)
{
	while (count > 0)
		if (kinds[--count].kind == kind)
			return true;
	return false;
}

static struct kind *find_kinds(const struct snapshot *samples, struct span config,
			       size_t *ret_count)
{
	struct strmap *sections = strmap_new(free);
	struct kind *kinds = mem_alloc(samples->backend_count * sizeof(*kinds));
	uint64_t kind = 0;
	size_t count = 0;

	section_walk_backends(config, note_section, sections);
	for (size_t i = 0; i + 1 < samples->backend_count && count < RESERVE_MAX; i += 2) {
		const struct backend *like = samples->backends[i];

		if (is_of_one_kind(sections, like, samples->backends[i + 1], &kind) &&
		    !has_kind(kinds, count, kind))
			kinds[count++] = (struct kind){kind, like};
	}
	strmap_free(sections);
	*ret_count = count;
	return kinds;
}

/* --- spares ---------------------------------------------------------------------------------- */

static void add_spares(struct output_reserve *reserve, const struct kind *kind, size_t count)
{
	for (size_t i = 1; i <= count; i++) {
		struct backend *spare = &reserve->spares[reserve->count++];

		*spare = *kind->like;
		spare->name = mem_printf(SECTION_SPARE "%016" PRIx64 ".%zu", kind->kind, i);
		reserve->snapshot.backends[reserve->snapshot.backend_count++] = spare;
	}
}

struct output_reserve *output_reserve_new(const struct snapshot *snapshot,
					  const struct output_bare *samples, struct span config,
					  unsigned count)
{
	struct output_reserve *reserve = MEM_NEW(reserve);
	size_t kind_count, each = count;
	struct kind *kinds = find_kinds(output_bare_snapshot(samples), config, &kind_count);

	if (kind_count != 0 && each > RESERVE_MAX / kind_count)
		each = RESERVE_MAX / kind_count;
	reserve->snapshot = *snapshot;
	reserve->spares = mem_alloc(kind_count * each * sizeof(*reserve->spares));
	reserve->snapshot.backends =
	    mem_alloc((snapshot->backend_count + kind_count * each) * sizeof(struct backend *));
	for (size_t i = 0; i < snapshot->backend_count; i++)
		reserve->snapshot.backends[i] = snapshot->backends[i];
	for (size_t i = 0; i < kind_count; i++)
		add_spares(reserve, &kinds[i], each);
	free(kinds);
	return reserve;
}

const struct snapshot *output_reserve_snapshot(const struct output_reserve *reserve)
{
	return &reserve->snapshot;
}

void output_reserve_free(struct output_reserve *reserve)
{
	if (reserve == NULL)
		return;
	for (size_t i = 0; i < reserve->count; i++)
		free(reserve->spares[i].name);
	free(reserve->spares);
	free(reserve->snapshot.backends);
	free(reserve);
}
