/* Settings of applications as templates of outputs see them.  The list is sorted by scope. */
#include "render/output_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "model/config.h"
#include "model/shared_list.h"
#include "render/view.h"

/* Those of one scope are an object, which is the place of its first one in the list. */
static bool is_of_scope(const struct config *const *at, const char *scope)
{
	return *at != NULL && strcmp((*at)->scope, scope) == 0;
}

static bool scope_get(const void *obj, const char *name, size_t len, struct view *v)
{
	const struct config *const *first = obj;

	for (const struct config *const *at = first; is_of_scope(at, (*first)->scope); at++) {
		if (strlen((*at)->name) != len || memcmp((*at)->name, name, len) != 0)
			continue;
		view_set_str(v, (*at)->value);
		return true;
	}
	return false;
}

static const char *scope_name(const void *obj, size_t i)
{
	const struct config *const *first = obj, *const *at = first;

	while (i > 0 && is_of_scope(at, (*first)->scope)) {
		at++;
		i--;
	}
	return is_of_scope(at, (*first)->scope) ? (*at)->name : NULL;
}

static const struct view_class scope_class = {scope_get, scope_name};

static const struct config *const *next_scope(const struct config *const *at)
{
	const char *scope = (*at)->scope;

	while (is_of_scope(at, scope))
		at++;
	return at;
}

static bool config_get(const void *obj, const char *name, size_t len, struct view *v)
{
	const struct config *const *at =
	    (const struct config *const *)((const struct shared_list *)obj)->items;

	for (; *at != NULL; at = next_scope(at)) {
		if (strlen((*at)->scope) != len || memcmp((*at)->scope, name, len) != 0)
			continue;
		view_set_object(v, &scope_class, at);
		return true;
	}
	return false;
}

static const char *config_name(const void *obj, size_t i)
{
	const struct config *const *at =
	    (const struct config *const *)((const struct shared_list *)obj)->items;

	for (; i > 0 && *at != NULL; i--)
		at = next_scope(at);
	return *at == NULL ? NULL : (*at)->scope;
}

static const struct view_class config_class = {config_get, config_name};

void output_config_set(struct view *ret_view, const struct shared_list *config)
{
	if (config == NULL)
		view_set_none(ret_view);
	else
		view_set_object(ret_view, &config_class, config);
}
