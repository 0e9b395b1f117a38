/*
 * Snapshots without servers, made of what the real one holds: nothing is copied but the backends'
 * own few texts.  Knows nothing of templates.
 */
#include "render/output_bare.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/table.h"

struct output_bare {
	struct snapshot snapshot;
	struct backend *backends;
	char **names; /* those that we made */
	size_t count;
};

static char any[] = "*";

static struct backend *add(struct output_bare *bare, const struct backend *like)
{
	struct backend *backend = &bare->backends[bare->count];

	*backend = *like;
	backend->instances = NULL;
	backend->instance_count = 0;
	bare->snapshot.backends[bare->count++] = backend;
	return backend;
}

static void add_samples(struct output_bare *bare, const struct snapshot *snapshot)
{
	const struct backend other = {.service = any, .version = any, .name = any};
	const struct service *last = NULL;

	(void)add(bare, &other);
	for (size_t i = 0; i < snapshot->backend_count; i++) {
		const struct backend *backend = snapshot->backends[i];
		struct backend *sample;

		if (backend->settings == NULL || backend->settings == last)
			continue;
		last = backend->settings;
		sample = add(bare, backend);
		sample->version = any;
		sample->name = bare->names[bare->count - 1] =
		    mem_printf("%.*s:%s", (int)(strrchr(backend->name, ':') - backend->name),
			       backend->name, any);
	}
}

struct output_bare *output_bare_new(const struct snapshot *snapshot, bool is_sample)
{
	struct output_bare *bare = MEM_NEW(bare);
	size_t max = snapshot->backend_count + 1;

	bare->snapshot = *snapshot;
	bare->backends = mem_alloc(max * sizeof(*bare->backends));
	bare->names = mem_alloc(max * sizeof(*bare->names));
	bare->snapshot.backends = mem_alloc(max * sizeof(struct backend *));
	if (is_sample)
		add_samples(bare, snapshot);
	else
		for (size_t i = 0; i < snapshot->backend_count; i++)
			(void)add(bare, snapshot->backends[i]);
	bare->snapshot.backend_count = bare->count;
	bare->snapshot.instance_count = 0;
	return bare;
}

const struct snapshot *output_bare_snapshot(const struct output_bare *bare)
{
	return &bare->snapshot;
}

void output_bare_free(struct output_bare *bare)
{
	for (size_t i = 0; i < bare->count; i++)
		free(bare->names[i]);
	free(bare->names);
	free(bare->backends);
	free(bare->snapshot.backends);
	free(bare);
}
