/* Which services HAProxy listens for on ports of their own, and where. */
#include "render/output_tcp.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/env.h"
#include "model/places.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/table.h"
#include "render/view.h"

/* A port on which HAProxy listens for a service that speaks no HTTP. */
struct tcp {
	const struct service *service; /* borrowed */
	char **binds;		       /* "10.0.0.1:5432": of the default environment */
	size_t bind_count;
	struct tcp_place {
		const char *env; /* borrowed */
		char *bind;
	} * places; /* of environments */
	size_t place_count;
	bool has_default;
};

static bool is_taken(const struct tcp *list, size_t count, const struct service *service)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].service->listen == service->listen)
			return true;
	return false;
}

static bool has_bind(const struct tcp *tcp, const char *bind)
{
	for (size_t i = 0; i < tcp->bind_count; i++)
		if (strcmp(tcp->binds[i], bind) == 0)
			return true;
	return false;
}

/* The hosts of these addresses, each once, with another port.  Unix sockets have none. */
static void add_binds(struct tcp *tcp, char *const *addresses)
{
	size_t n = 0;

	while (addresses[n] != NULL)
		n++;
	tcp->binds = mem_alloc((n + 1) * sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *colon = strrchr(addresses[i], ':');
		char *bind;

		if (colon == NULL || strpbrk(addresses[i], "/@") != NULL)
			continue;
		bind = mem_printf("%.*s:%u", (int)(colon - addresses[i]), addresses[i],
				  tcp->service->listen);
		if (has_bind(tcp, bind))
			free(bind);
		else
			tcp->binds[tcp->bind_count++] = bind;
	}
}

static void add_places(struct tcp *tcp, const struct places *places)
{
	size_t cap = 0;

	for (size_t i = 0; i < places_count(places); i++) {
		const char *address;
		const struct env *env = places_get(places, i, &address);

		if (address == NULL || env_find_service(env, tcp->service->name) == NULL)
			continue;
		MEM_GROW(tcp->places, tcp->place_count, cap);
		tcp->places[tcp->place_count++] = (struct tcp_place){
		    env->name, mem_printf("%s:%u", address, tcp->service->listen)};
	}
}

struct tcp *output_tcp_new(const struct snapshot *snapshot, const struct settings *settings,
			   const struct places *places, size_t *ret_count)
{
	char *const *addresses = settings_internal_bind(settings);
	const struct service *service;
	struct tcp *list = NULL;
	size_t count = 0, at = 0;

	while ((service = places_next_service(snapshot, settings, &at)) != NULL) {
		if (is_taken(list, count, service))
			continue;
		list = mem_realloc(list, count + 1, sizeof(*list));
		list[count] =
		    (struct tcp){.service = service,
				 .has_default = settings->routing.default_environment[0] != '\0'};
		add_binds(&list[count], addresses);
		add_places(&list[count], places);
		if (list[count].bind_count + list[count].place_count != 0)
			count++;
		else
			free(list[count].binds);
	}
	*ret_count = count;
	return list;
}

void output_tcp_free(struct tcp *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < list[i].bind_count; k++)
			free(list[i].binds[k]);
		for (size_t k = 0; k < list[i].place_count; k++)
			free(list[i].places[k].bind);
		free(list[i].binds);
		free(list[i].places);
	}
	free(list);
}

static const struct view_field place_fields[] = {
    VIEW_STR("environment", struct tcp_place, env),
    VIEW_STR("bind", struct tcp_place, bind),
};
VIEW_CLASS(place, place_fields)
VIEW_ARRAY(place, struct tcp_place)

static void get_places(const void *obj, struct view *v)
{
	const struct tcp *tcp = obj;

	view_set_list(v, &place_list, tcp->places, tcp->place_count);
}

static void get_has_places(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct tcp *)obj)->place_count > 0);
}

static void get_listens(const void *obj, struct view *v)
{
	const struct tcp *tcp = obj;

	view_set_bool(v, tcp->place_count > 0 || (tcp->has_default && tcp->bind_count > 0));
}

static void get_tcp_service(const void *obj, struct view *v)
{
	view_set_str(v, ((const struct tcp *)obj)->service->name);
}

static const struct view_field tcp_fields[] = {
    VIEW_MADE("service", get_tcp_service), VIEW_COUNTED("binds", struct tcp, binds, bind_count),
    VIEW_MADE("places", get_places),	   VIEW_MADE("has_places", get_has_places),
    VIEW_MADE("listens", get_listens),
};
VIEW_CLASS(tcp, tcp_fields)
VIEW_ARRAY(tcp, struct tcp)

void output_tcp_set_list(struct view *ret_view, const struct tcp *list, size_t count)
{
	view_set_list(ret_view, &tcp_list, list, count);
}
