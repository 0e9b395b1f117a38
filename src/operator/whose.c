/* A sorted list of addresses. */
#include "operator/whose.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/backend.h"
#include "model/table.h"

static int compare_names(const void *a, const void *b)
{
	const struct whose_name *x = a, *y = b;
	int order = strcmp(x->address, y->address);

	return order != 0 ? order : strcmp(x->version, y->version);
}

/* Each version once at each of its addresses. */
void whose_init(struct whose *whose, const struct snapshot *snapshot)
{
	size_t cap = 0, count = 0;

	*whose = (struct whose){.list = NULL};
	for (size_t i = 0; i < snapshot->backend_count; i++) {
		const struct backend *backend = snapshot->backends[i];

		for (size_t j = 0; j < backend->instance_count; j++) {
			if (backend->instances[j]->is_name)
				continue;
			MEM_GROW(whose->list, whose->count, cap);
			whose->list[whose->count++] =
			    (struct whose_name){backend->instances[j]->address, backend->name,
						instance_name(backend->instances[j])};
		}
	}
	if (whose->count > 1)
		qsort(whose->list, whose->count, sizeof(*whose->list), compare_names);
	for (size_t i = 0; i < whose->count; i++)
		if (count == 0 || compare_names(&whose->list[count - 1], &whose->list[i]) != 0)
			whose->list[count++] = whose->list[i];
		else
			whose->list[count - 1].instance = NULL;
	whose->count = count;
}

/* Those of one address, which stand together. */
struct whose whose_find(const struct whose *whose, const char *address)
{
	size_t low = 0, high = whose->count;
	struct whose found;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(whose->list[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	found = (struct whose){whose->list == NULL ? NULL : whose->list + low, 0};
	while (low + found.count < whose->count &&
	       strcmp(found.list[found.count].address, address) == 0)
		found.count++;
	return found;
}

void whose_fini(struct whose *whose)
{
	free(whose->list);
	*whose = (struct whose){.list = NULL};
}

bool whose_has_service(const struct whose *whose, const char *service)
{
	size_t len = strlen(service);

	for (size_t i = 0; i < whose->count; i++)
		if (strncmp(whose->list[i].version, service, len) == 0 &&
		    whose->list[i].version[len] == ':')
			return true;
	return false;
}
