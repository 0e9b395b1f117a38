/*
 * Snapshots without servers but samples, made of what the real one holds: nothing is copied but the
 * backends' own few texts.  Knows nothing of templates.
 */
#include "render/output_bare.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/backend.h"
#include "model/table.h"

struct output_bare {
	struct snapshot snapshot;
	struct backend *backends;
	char **names; /* those that we made */
	size_t count;
};

/* Two versions, the other one with a server, so that it is seen what is said of one of them only.
 */
static char any[] = "*", other[] = "+";

static char address[] = "192.0.2.1", server[] = "192.0.2.1:1"; /* RFC 5737 */
static struct instance instance = {.service = any,
				   .version = other,
				   .id = any,
				   .address = address,
				   .port = 1,
				   .weight = 1,
				   .server = server};
static struct instance *instances[] = {&instance};

static struct backend *add(struct output_bare *bare, const struct backend *like)
{
	struct backend *backend = &bare->backends[bare->count];

	*backend = *like;
	backend->instances = NULL;
	backend->instance_count = 0;
	bare->snapshot.backends[bare->count++] = backend;
	return backend;
}

static struct backend *add_sample(struct output_bare *bare, const struct backend *like,
				  char *version)
{
	struct backend *sample = add(bare, like);

	sample->version = version;
	sample->name = bare->names[bare->count - 1] = mem_printf(
	    "%.*s:%s", (int)(strrchr(like->name, ':') - like->name), like->name, version);
	return sample;
}

static void add_pair(struct output_bare *bare, const struct backend *like)
{
	struct backend *sample;

	(void)add_sample(bare, like, any);
	sample = add_sample(bare, like, other);
	sample->instances = instances;
	sample->instance_count = 1;
}

static void add_samples(struct output_bare *bare, const struct snapshot *snapshot)
{
	static char name[] = "*:*";
	const struct backend rest = {.service = any, .name = name};
	const struct service *last = NULL;

	add_pair(bare, &rest);
	for (size_t i = 0; i < snapshot->backend_count; i++) {
		const struct backend *backend = snapshot->backends[i];

		if (backend->settings == NULL || backend->settings == last)
			continue;
		last = backend->settings;
		add_pair(bare, backend);
	}
}

struct instance **output_bare_servers(void)
{
	return instances;
}

struct output_bare *output_bare_new(const struct snapshot *snapshot, bool is_sample)
{
	struct output_bare *bare = MEM_NEW(bare);
	size_t max = 2 * (snapshot->backend_count + 1);

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
