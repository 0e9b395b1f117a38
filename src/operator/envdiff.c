/* Two environments side by side: services by what they come to, all else by what is written. */
#include "operator/envdiff.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/node.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/node.h"
#include "model/route.h"
#include "operator/doc.h"
#include "operator/facts.h"

#define MAX_DEPTH 16

static const char *text_or_null(const struct buf *text)
{
	return text->len == 0 ? NULL : buf_str(text);
}

static void add_row(struct node *list, const char *service, const char *field, const char *before,
		    const char *after, const char *from)
{
	struct node *row;

	if ((before == NULL && after == NULL) ||
	    (before != NULL && after != NULL && strcmp(before, after) == 0))
		return;
	row = doc_add_map(list, NULL);
	if (service != NULL)
		doc_add_text(row, "service", service);
	doc_add_text(row, "field", field);
	if (before != NULL)
		doc_add_text(row, "before", before);
	if (after != NULL)
		doc_add_text(row, "after", after);
	if (from != NULL)
		doc_add_text(row, "from", from);
}

/* --- services --------------------------------------------------------------------------------- */

static void add_routes(struct buf *text, const struct env_service *service)
{
	for (unsigned i = 0; i < service->route_count; i++) {
		buf_add_str(text, i == 0 ? "" : ", ");
		route_add_summary(service->routes[i], text);
	}
}

/* Who says which version it is, unless that is the environment itself. */
static const char *find_from(const struct env *env, const struct env_service *service)
{
	const char *from;

	if (service == NULL)
		return NULL;
	from = facts_find_origin(env, service);
	return strcmp(from, "own") == 0 ? NULL : from;
}

static void compare_service(struct node *list, const char *name, const struct env *before,
			    const struct env *after)
{
	const struct env_service *old = before == NULL ? NULL : env_find_service(before, name);
	const struct env_service *new = after == NULL ? NULL : env_find_service(after, name);
	mem_auto_free char *old_choice = old == NULL ? NULL : facts_choice(old);
	mem_auto_free char *new_choice = new == NULL ? NULL : facts_choice(new);
	buf_auto struct buf old_routes = BUF_INIT, new_routes = BUF_INIT;

	add_row(list, name, "version", old_choice, new_choice, find_from(after, new));
	if (old == NULL || new == NULL)
		return;
	add_routes(&old_routes, old);
	add_routes(&new_routes, new);
	add_row(list, name, "route", text_or_null(&old_routes), text_or_null(&new_routes), NULL);
}

static void compare_services(struct node *list, const struct env *before, const struct env *after)
{
	for (size_t i = 0; before != NULL && i < before->service_count; i++)
		compare_service(list, before->services[i].name, before, after);
	for (size_t i = 0; after != NULL && i < after->service_count; i++)
		if (before == NULL || env_find_service(before, after->services[i].name) == NULL)
			compare_service(list, after->services[i].name, before, after);
}

/* --- all else, as it is written --------------------------------------------------------------- */

static struct node *take_json(const struct env *env)
{
	static const struct json_bounds bounds = {.max_bytes = 2 * NODE_MAX_BYTES,
						  .max_depth = MAX_DEPTH};
	buf_auto struct buf json = BUF_INIT;
	struct node *node = NULL;

	if (env != NULL) {
		env_format_json(env, "", "", &json);
		(void)json_parse(buf_str(&json), json.len, &bounds, &node, NULL);
	}
	return node;
}

static bool is_flat(const struct node *node)
{
	if (node->kind == NODE_MAP)
		return false;
	for (size_t i = 0; i < node->child_count; i++)
		if (node->children[i].kind != NODE_SCALAR)
			return false;
	return true;
}

static void add_value(struct buf *text, const struct node *map, const char *key)
{
	const struct node *value = node_find(map, key);
	struct node bare;

	if (value == NULL)
		return;
	if (is_flat(value)) {
		doc_add_cell(value, text);
		return;
	}
	bare = *value;
	bare.key = NULL;
	doc_format_json(&bare, text);
	text->data[--text->len] = '\0'; /* the newline */
}

static bool is_among(const char *key, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		if (strcmp(*keys, key) == 0)
			return true;
	return false;
}

static void compare_member(struct node *list, const char *service, const char *key,
			   const struct node *before, const struct node *after)
{
	buf_auto struct buf old = BUF_INIT, new = BUF_INIT;

	add_value(&old, before, key);
	add_value(&new, after, key);
	add_row(list, service, key, text_or_null(&old), text_or_null(&new), NULL);
}

static void compare_members(struct node *list, const char *service, const struct node *before,
			    const struct node *after, const char *const *skipped)
{
	for (size_t i = 0; i < node_count(before, NODE_MAP); i++)
		if (!is_among(before->children[i].key, skipped))
			compare_member(list, service, before->children[i].key, before, after);
	for (size_t i = 0; i < node_count(after, NODE_MAP); i++)
		if (!is_among(after->children[i].key, skipped) &&
		    node_find(before, after->children[i].key) == NULL)
			compare_member(list, service, after->children[i].key, before, after);
}

static const struct node *find_named(const struct node *list, const char *name)
{
	for (size_t i = 0; i < node_count(list, NODE_LIST); i++)
		if (strcmp(node_text_at(&list->children[i], "name", ""), name) == 0)
			return &list->children[i];
	return NULL;
}

/* What both say of a service beside its versions and routes. */
static void compare_written(struct node *list, const struct node *before, const struct node *after)
{
	static const char *const skipped[] = {"name",	"version", "versions",
					      "sticky", "route",   NULL};
	const struct node *services = node_find(before, "services");

	for (size_t i = 0; i < node_count(services, NODE_LIST); i++) {
		const char *name = node_text_at(&services->children[i], "name", "");
		const struct node *other = find_named(node_find(after, "services"), name);

		if (other != NULL)
			compare_members(list, name, &services->children[i], other, skipped);
	}
}

static void compare_splits(struct node *list, const struct env *before, const struct env *after)
{
	buf_auto struct buf old = BUF_INIT, new = BUF_INIT;

	if (before->split != NULL)
		choice_add_word(before->split, &old);
	if (after->split != NULL)
		choice_add_word(after->split, &new);
	add_row(list, NULL, "split", text_or_null(&old), text_or_null(&new), NULL);
}

/* --- the whole -------------------------------------------------------------------------------- */

void envdiff_add(struct node *list, const struct envdiff_side *before,
		 const struct envdiff_side *after)
{
	static const char *const same[] = {"name", "services", "origin", "split", "split_by", NULL};
	static const char *const others[] = {"name",	    "services", "origin", "split",
					     "split_by",    "prefix",	"header", "hosts",
					     "description", "extends",	NULL};
	bool is_same = before->own == NULL || after->own == NULL ||
		       strcmp(before->own->name, after->own->name) == 0;
	struct node *old = take_json(before->own), *new = take_json(after->own);

	compare_services(list, before->whole, after->whole);
	if (old != NULL && new != NULL) {
		compare_written(list, old, new);
		compare_splits(list, before->own, after->own);
		compare_members(list, NULL, old, new, is_same ? same : others);
	}
	node_free(old);
	node_free(new);
}

void envdiff_add_line(struct buf *text, const struct node *row)
{
	const char *service = node_text_at(row, "service", NULL);
	const char *field = node_text_at(row, "field", "");
	const char *before = node_text_at(row, "before", NULL);
	const char *after = node_text_at(row, "after", NULL);
	const char *from = node_text_at(row, "from", NULL);
	bool is_version = service != NULL && strcmp(field, "version") == 0;

	buf_printf(text, "%s%s%s%s ", service == NULL ? "" : service,
		   service == NULL || is_version ? "" : " ", is_version ? "" : field,
		   is_version ? "" : ":");
	if (is_version && before == NULL)
		buf_printf(text, "%s added", after);
	else if (is_version && after == NULL)
		buf_printf(text, "%s removed", before);
	else
		buf_printf(text, "%s -> %s", before == NULL ? "none" : before,
			   after == NULL ? "none" : after);
	if (from != NULL)
		buf_printf(text, " (from %s)", from);
}
