/* What is chosen of one service: the table of its keys, and what it comes to. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/headers.h"
#include "model/node.h"
#include "model/route.h"
#include "model/value.h"
#include "model/when.h"

/* --- as it is written ------------------------------------------------------------------------- */

static int read_versions(const struct node *node, void *place, struct mf_err *err)
{
	struct env_service *service = place;
	int code = choice_read(node, NAME_VERSION, &service->choice, err);

	if (code == 0)
		service->version = choice_main_version(service->choice);
	return code;
}

/* What is chosen, by whichever key. */
static void write_choice(const void *object, struct buf *json)
{
	const struct env_service *service = object;

	if (service->version_said == FIELD_IS_UNSAID)
		return;
	if (service->version_said == FIELD_IS_NULL) {
		buf_add_str(json, "\"version\":null");
	} else if (service->choice != NULL) {
		buf_printf(json, "\"versions\":%s", service->choice->text);
		if (service->choice->sticky != CHOICE_RANDOM) {
			buf_add_str(json, ",\"sticky\":");
			choice_add_sticky(service->choice, json);
		}
		if (service->choice->when != NULL)
			buf_printf(json, ",\"when\":%s", service->choice->when->text);
	} else {
		buf_add_str(json, "\"version\":");
		str_add_json_string(json, service->version, strlen(service->version));
	}
}

static int read_sticky(const struct node *node, void *place, struct mf_err *err)
{
	const struct env_service *service = place;

	if (service->choice == NULL) /* `versions` is null */
		return node_error(node, err, "only with versions");
	return choice_read_sticky(node, CHOICE_COOKIE, service->choice, err);
}

/* Beside one version that gets all other requests, or beside several. */
static int read_when(const struct node *node, void *place, struct mf_err *err)
{
	struct env_service *service = place;
	struct when *when = NULL;

	if (service->version_said != FIELD_IS_SAID)
		return node_error(node, err, "only with version or versions");
	if (when_read(node, &when, err) != 0)
		return err->code;
	if (service->choice == NULL) {
		service->choice = choice_new(service->version);
		service->version = choice_main_version(service->choice);
	}
	choice_set_when(service->choice, when);
	return 0;
}

static int read_headers(const struct node *node, void *place, struct mf_err *err)
{
	return headers_read(node, &((struct env_service *)place)->headers, err);
}

static void write_headers(const void *object, struct buf *json)
{
	const struct env_service *service = object;

	if (service->headers != NULL)
		buf_printf(json, "\"headers\":%s", service->headers->text);
	else if (service->headers_said == FIELD_IS_NULL)
		buf_add_str(json, "\"headers\":null");
}

#define SERVICE(member) FIELD_AT(struct env_service, member)
static const struct field service_rows[] = {
    {"name", FIELD_NAME, FIELD_REQUIRED | FIELD_SHARED, SERVICE(name), .noun = "service",
     .type = &value_service, .doc = "The service's name."},
    {"version", FIELD_NAME, FIELD_NULL, SERVICE(version),
     FIELD_SAID(struct env_service, version_said), .type = &value_version,
     .preset = ENV_VERSION_DEFAULT, .write = write_choice,
     .doc = "The version that its instances are registered with."},
    {"versions", FIELD_OTHER, FIELD_NULL, .read = read_versions, .not_with = "version",
     FIELD_SAID(struct env_service, version_said),
     .schema = "\"type\":\"object\",\"minProperties\":1,\"maxProperties\":8,\"propertyNames\":{"
	       "\"pattern\":"
	       "\"^[A-Za-z0-9_][A-Za-z0-9_.-]*$\"},\"additionalProperties\":{\"type\":\"integer\","
	       "\"minimum\":0,\"maximum\":100}",
     .doc = "A map of versions to the percents of the requests that they get: whole numbers, 100 "
	    "in all, of at most 8 versions. One without a live instance gives its share to the "
	    "others, and one of 0 percent gets what nobody else can answer. See SEVERAL VERSIONS."},
    {"sticky", FIELD_OTHER, .read = read_sticky, .needs = "versions",
     .schema = "\"oneOf\":[{\"enum\":[\"cookie\",\"source\"]},{\"type\":\"object\","
	       "\"required\":[\"header\"],\"additionalProperties\":false,\"properties\":{"
	       "\"header\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_-]{1,64}$\"}}}]",
     .doc = "What keeps a user at one version, instead of chance for each request: `cookie`, which "
	    "gives a visitor a number that stays, `source`, the address that the request comes "
	    "from, or `{header: `<name>`}`, the value of a header, without which it is chance. A "
	    "change of the percents moves no more users than it must."},
    {"when", FIELD_OTHER, .read = read_when, .schema = when_schema,
     .doc = "Conditions for versions, a list of at most 8: the first one that a request satisfies "
	    "counts, before any percents. See CONDITIONS."},
    {"route", FIELD_LIST, FIELD_OR_ONE | FIELD_SET | FIELD_SHARED | FIELD_NULL, SERVICE(routes),
     FIELD_COUNT(struct env_service, route_count), FIELD_SAID(struct env_service, route_said),
     .max = ENV_MAX_ROUTES, .item = &field_of_route,
     .doc = "A path prefix, or a list of them, by which external requests reach the service. The "
	    "longest one that ends where a segment of the path ends is taken: `/tasks` and "
	    "`/tasks/` both take `/tasks` and `/tasks/1`, but not `/tasks2`. One that is to say "
	    "more is a map of these keys, see ROUTES."},
    {"headers", FIELD_OTHER, FIELD_NULL, .read = read_headers, .write = write_headers,
     FIELD_SAID(struct env_service, headers_said), .schema = headers_schema,
     .doc = "Changes of the headers of its requests and answers, after those of the environment. "
	    "See HEADERS."},
};
const struct fields fields_of_env_service = {
    FIELDS_ROWS(service_rows),
    .noun = "service",
    .expected = "a name or a map, not a list",
    .is_bare = true,
};

/* --- as an object ------------------------------------------------------------------------------
 */

const char *env_service_version(const struct env_service *service, size_t i)
{
	const char *version;

	if (i == 0)
		return service->version;
	if (service->choice == NULL)
		return NULL;
	if (i >= service->choice->share_count) {
		i -= service->choice->share_count;
		return i < service->choice->other_count ? service->choice->others[i] : NULL;
	}
	/* The main one is first already: what stands there comes in its place. */
	version = service->choice->shares[i].version;
	return strcmp(version, service->version) == 0 ? service->choice->shares[0].version
						      : version;
}

bool env_service_has_version(const struct env_service *service, const char *version)
{
	const char *own;

	for (size_t i = 0; (own = env_service_version(service, i)) != NULL; i++)
		if (strcmp(own, version) == 0)
			return true;
	return false;
}

bool env_service_is_same_choice(const struct env_service *a, const struct env_service *b)
{
	return strcmp(a->version, b->version) == 0 && choice_is_same(a->choice, b->choice);
}

void env_service_add_choice(const struct env_service *service, struct buf *ret_word)
{
	if (service->choice == NULL)
		buf_add_str(ret_word, service->version);
	else
		choice_add_word(service->choice, ret_word);
}
