/* Environments as templates of outputs see them: what their files say, and what they were made
 * into. */
#include "render/output_env.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/env.h"
#include "model/env_fields.h"
#include "model/fields.h"

static void get_service_routes(const void *obj, struct view *v)
{
	const struct env_service *service = obj;

	view_set_strings(v, service->routes, service->route_count);
}

static const struct view_field service_fields[] = {
    VIEW_STR("name", struct env_service, name),
    VIEW_STR("version", struct env_service, version),
    VIEW_MADE("routes", get_service_routes),
    VIEW_BOOL("override", struct env_service, is_override),
};
VIEW_CLASS(service, service_fields)
VIEW_ARRAY(service, struct env_service)

static void get_env_digest(const void *obj, struct view *v)
{
	view_set_bytes(v, NULL, 16);
	(void)snprintf(v->tmp, sizeof(v->tmp), "%016" PRIx64, ((const struct env *)obj)->digest);
}

static const struct view_field env_fields[] = {
    VIEW_STR("environment", struct env, name),
    VIEW_MADE("digest", get_env_digest),
    VIEW_OBJECTS("services", service_list, struct env, services, service_count),
};
enum { ENV_FIELDS = sizeof(env_fields) / sizeof(env_fields[0]) };

/* Texts and lists of texts are what they are in its file, by the same keys. */
static bool is_key_shown(const struct field *field)
{
	const struct field *text = field->kind == FIELD_LIST ? field->item : field;

	return field->size != 0 && (text->kind == FIELD_TEXT || text->kind == FIELD_NAME);
}

static bool env_get(const void *obj, const char *name, size_t len, struct view *v)
{
	for (size_t i = 0; i < fields_of_env.count; i++) {
		const struct field *field = &fields_of_env.rows[i];
		void *const *place = field_place(field, obj);

		if (!is_key_shown(field) || strncmp(field->key, name, len) != 0 ||
		    field->key[len] != '\0')
			continue;
		if (field->kind == FIELD_LIST)
			view_set_strings(v, *place, field_count(field, obj));
		else
			view_set_str(v, *place);
		return true;
	}
	return view_get_field(env_fields, ENV_FIELDS, obj, name, len, v);
}

static const char *env_name(const void *obj, size_t i)
{
	(void)obj;
	for (size_t row = 0; row < fields_of_env.count; row++)
		if (is_key_shown(&fields_of_env.rows[row]) && i-- == 0)
			return fields_of_env.rows[row].key;
	return i < ENV_FIELDS ? env_fields[i].name : NULL;
}

static const struct view_class env_class = {env_get, env_name};

static void env_item(const void *obj, size_t i, struct view *v)
{
	view_set_object(v, &env_class, ((const void *const *)obj)[i]);
}

const struct view_list_class output_env_list = {env_item};
