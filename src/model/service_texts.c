/* A map from texts to services.  Knows nothing of what is in them. */
#include "model/service_texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/scan.h"
#include "base/strmap.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/headers.h"
#include "model/interned.h"
#include "model/node.h"

enum {
	TEXTS_MAX = 4096, /* before one list is read; then all are forgotten */
	TEXT_MAX = 512,	  /* bytes; what is longer is not kept by others either */
};

struct known {
	struct env_service service;
	char *version; /* its own; NULL: the choice has it */
};

static struct strmap *texts; /* struct known; NULL: none */

static void forget(void *value)
{
	struct known *known = value;

	interned_drop(&known->service);
	choice_unref(known->service.choice);
	headers_unref(known->service.headers);
	free(known->version);
	free(known);
}

/* Of a draft that was read from nodes, which go. */
static struct known *keep(const struct env_service *draft)
{
	struct known *known = MEM_NEW(known);

	known->service = *draft;
	interned_take(&known->service);
	if (draft->choice == NULL)
		known->service.version = known->version = mem_dup_str(draft->version);
	return known;
}

/* What null says depends on whether the environment extends others. */
static bool has_null(const struct node *map)
{
	for (size_t i = 0; i < node_count(map, NODE_MAP); i++)
		if (map->children[i].kind == NODE_SCALAR && map->children[i].style == NODE_NULL)
			return true;
	return false;
}

static struct known *read_text(const char *text, size_t len)
{
	struct env_service draft = {.name = NULL};
	struct known *known = NULL;
	struct node *node;

	if (node_parse_json(text, len, &node, NULL) != 0)
		return NULL;
	fields_preset(&fields_of_env_service, &draft);
	if (!has_null(node) && fields_read(&fields_of_env_service, node, &draft, true, NULL) == 0) {
		known = keep(&draft);
	} else {
		choice_unref(draft.choice);
		headers_unref(draft.headers);
	}
	fields_fini(&fields_of_env_service, &draft);
	node_free(node);
	return known;
}

static const struct env_service *find(const char *text, size_t len)
{
	struct known *known = strmap_find_bytes(texts, text, len);

	if (known != NULL)
		return &known->service;
	known = len <= TEXT_MAX ? read_text(text, len) : NULL;
	if (known == NULL)
		return NULL;
	mem_auto_free char *key = mem_dup_bytes(text, len);
	strmap_set(texts, key, known);
	return &known->service;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct env_service *)a)->name, ((const struct env_service *)b)->name);
}

static bool has_repeated(const struct env_service *services, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_names(&services[i - 1], &services[i]) == 0)
			return true;
	return false;
}

static bool read_items(struct scan *scan, struct env_service *services, size_t *ret_count)
{
	size_t count = 0;

	if (!scan_take(scan, '['))
		return false;
	if (scan_take(scan, ']'))
		return true;
	do {
		const struct env_service *service;
		const char *start;

		scan_skip_blanks(scan);
		start = scan->at;
		if (count == ENV_MAX_SERVICES || !scan_skip(scan, NODE_MAX_DEPTH))
			return false;
		service = find(start, (size_t)(scan->at - start));
		if (service == NULL)
			return false;
		services[count++] = *service;
	} while (scan_take(scan, ','));
	*ret_count = count;
	return scan_take(scan, ']');
}

bool service_texts_read(struct scan *scan, struct env_service **ret_services, size_t *ret_count)
{
	struct env_service services[ENV_MAX_SERVICES];
	size_t count = 0;

	if (texts != NULL && strmap_count(texts) > TEXTS_MAX) {
		strmap_free(texts);
		texts = NULL;
	}
	if (texts == NULL)
		texts = strmap_new(forget);
	if (!read_items(scan, services, &count))
		return false;
	if (count > 1)
		qsort(services, count, sizeof(*services), compare_names);
	if (has_repeated(services, count))
		return false;
	*ret_services = mem_alloc((count + 1) * sizeof(*services));
	memcpy(*ret_services, services, count * sizeof(*services));
	*ret_count = count;
	return true;
}
