/* Names in use, as templates see them. */
#include "render/output_uses.h"

#include "model/uses.h"
#include "render/view.h"

static void get_has_when(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct uses *)obj)->lists[USE_WHEN].count > 0);
}

static void get_has_idle(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct uses *)obj)->lists[USE_IDLE].count > 0);
}

static bool has_door(const void *obj, enum door_kind kind)
{
	return ((const struct uses *)obj)->lists[USE_DOORS + (int)kind].count > 0;
}

static void get_has_auth(const void *obj, struct view *v)
{
	view_set_bool(v, has_door(obj, DOOR_AUTH));
}

static void get_has_headers(const void *obj, struct view *v)
{
	const struct uses *uses = obj;
	int kind = USE_CHANGES;

	while (kind < USE_KINDS && uses->lists[kind].count == 0)
		kind++;
	view_set_bool(v, kind < USE_KINDS);
}

#define USE_LIST(key, kind) VIEW_COUNTED(key, struct uses, lists[kind].names, lists[kind].count)
static const struct view_field uses_shown[] = {
    VIEW_MADE("has_when", get_has_when),
    USE_LIST("when_headers", USE_HEADER),
    USE_LIST("when_queries", USE_QUERY),
    USE_LIST("when_cookies", USE_COOKIE),
    USE_LIST("sticky_headers", USE_STICKY),
    VIEW_MADE("has_idle", get_has_idle),
    VIEW_MADE("has_auth", get_has_auth),
    VIEW_MADE("has_headers", get_has_headers),
    USE_LIST("request_set", USE_CHANGES + HEADERS_REQUEST_SET),
    USE_LIST("request_add", USE_CHANGES + HEADERS_REQUEST_ADD),
    USE_LIST("request_remove", USE_CHANGES + HEADERS_REQUEST_REMOVE),
    USE_LIST("response_set", USE_CHANGES + HEADERS_RESPONSE_SET),
    USE_LIST("response_add", USE_CHANGES + HEADERS_RESPONSE_ADD),
    USE_LIST("response_remove", USE_CHANGES + HEADERS_RESPONSE_REMOVE),
};
enum { USES_FIELDS = sizeof(uses_shown) / sizeof(uses_shown[0]) };

bool output_uses_get(const struct uses *uses, const char *name, size_t len, struct view *v)
{
	return view_get_field(uses_shown, USES_FIELDS, uses, name, len, v);
}

const char *output_uses_name(size_t i)
{
	return i < USES_FIELDS ? uses_shown[i].name : NULL;
}
