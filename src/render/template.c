/*
 * Sets of templates: finding, loading and keeping them.  Knows neither the syntax nor views.
 */
#include "render/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "render/template_ops.h"

struct template_set {
	template_load_fn *load;
	void *ctx;
	/* All templates, also those which another of their name has replaced. */
	struct template **list;
	size_t count, cap;
	struct strmap *added;  /* by name; borrowed, as is the next */
	struct strmap *loaded; /* by "LEVEL/NAME" as asked for */
	uint64_t generation;   /* of added; links that are older are looked up anew */
};

int template_error(struct mf_err *err, int code, const struct template *t, uint32_t line,
		   uint32_t column, const char *format, ...)
{
	char message[sizeof(err->msg)];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	return mf_err_set(err, code, "template %s:%u:%u: %s", t->name, line, column, message);
}

void template_free(struct template *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->link_count; i++)
		free(t->links[i].name);
	free(t->links);
	free(t->parts);
	free(t->ops);
	buf_fini(&t->pool);
	free(t->name);
	free(t);
}

struct template_set *template_set_new(template_load_fn *load, void *ctx)
{
	struct template_set *set = MEM_NEW(set);

	set->load = load;
	set->ctx = ctx;
	set->added = strmap_new(NULL);
	set->loaded = strmap_new(NULL);
	set->generation = 1;
	return set;
}

void template_set_free(struct template_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++)
		template_free(set->list[i]);
	free(set->list);
	strmap_free(set->added);
	strmap_free(set->loaded);
	free(set);
}

static void keep(struct template_set *set, struct template *t)
{
	MEM_GROW(set->list, set->count, set->cap);
	set->list[set->count++] = t;
}

/* The template that is first found at level or behind it in the loader's places. */
static int find_loaded(struct template_set *set, const char *name, int level,
		       const struct template **ret, struct mf_err *err)
{
	mem_auto_free char *key = mem_printf("%d/%s", level, name);
	buf_auto struct buf text = BUF_INIT;
	struct template *t = strmap_find(set->loaded, key);
	int found = level;

	if (t == NULL) {
		int rc;

		if (set->load == NULL)
			return mf_err_set(err, MF_ENOINPUT, "no template \"%s\"", name);
		rc = set->load(set->ctx, name, level, &text, &found, err);
		if (rc == 0)
			rc = template_compile(name, found, buf_str(&text), text.len, &t, err);
		if (rc < 0)
			return rc;
		keep(set, t);
		strmap_set(set->loaded, key, t);
	}
	*ret = t;
	return 0;
}

int template_set_find(struct template_set *set, const char *name, const struct template **ret,
		      struct mf_err *err)
{
	const struct template *t = strmap_find(set->added, name);

	if (t == NULL)
		return find_loaded(set, name, 0, ret, err);
	*ret = t;
	return 0;
}

int template_set_add(struct template_set *set, const char *name, const char *text, size_t len,
		     const struct template **ret, struct mf_err *err)
{
	struct template *t;
	int rc = template_compile(name, -1, text, len, &t, err);

	if (rc < 0)
		return rc;
	keep(set, t);
	strmap_set(set->added, name, t);
	set->generation++;
	*ret = t;
	return 0;
}

int template_set_resolve(struct template_set *set, const struct template *from, const char *name,
			 const struct template **ret, struct mf_err *err)
{
	bool self = strcmp(name, from->name) == 0;
	const struct template *t = NULL;
	int rc = self ? find_loaded(set, name, from->level + 1, &t, err)
		      : template_set_find(set, name, &t, err);

	/* With nothing behind it, a template that names itself recurses. */
	if (self && (rc == MF_ENOINPUT || (t != NULL && t->level <= from->level))) {
		*ret = from;
		return 0;
	}
	if (rc == MF_ENOINPUT && set->load == NULL) {
		*ret = NULL;
		return 0;
	}
	if (rc == 0)
		*ret = t;
	return rc;
}

int template_set_follow(struct template_set *set, const struct template *from, uint32_t link,
			const struct template **ret, struct mf_err *err)
{
	struct link *l = &from->links[link];

	if (l->generation != set->generation) {
		int rc = template_set_resolve(set, from, l->name, &l->target, err);

		if (rc < 0)
			return rc;
		l->generation = set->generation;
	}
	*ret = l->target;
	return 0;
}

void template_set_load_links(struct template_set *set)
{
	const struct template *target;
	struct mf_err err;

	for (size_t i = 0; i < set->count; i++) /* which may grow */
		for (uint32_t link = 0; link < set->list[i]->link_count; link++)
			(void)template_set_follow(set, set->list[i], link, &target, &err);
}
