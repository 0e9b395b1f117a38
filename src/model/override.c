/* Overrides: their format, read from the values of keys.  Knows nothing of which are in force. */
#include "model/override.h"

#include <stdlib.h>

#include "base/err.h"
#include "model/fields.h"

#define OVERRIDE(member) FIELD_AT(struct override, member)
static const struct field rows[] = {
    {"environment", FIELD_NAME, FIELD_IN_KEY, OVERRIDE(env), .type = &value_environment},
    {"service", FIELD_NAME, FIELD_IN_KEY, OVERRIDE(service), .type = &value_service},
    {"version", FIELD_NAME, FIELD_REQUIRED, OVERRIDE(version), .type = &value_version},
    {"holder", FIELD_TEXT, OVERRIDE(holder), .type = &value_line, .max = OVERRIDE_MAX_HOLDER,
     .preset = ""},
    {"instance", FIELD_TEXT, OVERRIDE(instance), .type = &value_line, .max = OVERRIDE_MAX_HOLDER,
     .preset = ""},
};
static const struct fields fields = {FIELDS_ROWS(rows), .expected = "a JSON object with version",
				     .is_open = true};

int override_parse(const char *env, const char *service, const char *value, size_t len,
		   struct override **ret_override, struct mf_err *err)
{
	struct override draft = {.refs = 1};
	const char *const parts[] = {env, service};
	void *packed;
	int code = fields_parse_key(&fields, "override", parts, value, len, &draft, sizeof(draft),
				    &packed, err);

	if (code == 0)
		*ret_override = packed;
	return code;
}

struct override *override_ref(struct override *override)
{
	override->refs++;
	return override;
}

void override_unref(struct override *override)
{
	if (override != NULL && --override->refs == 0)
		free(override);
}

void override_format(const struct override *override, struct buf *ret_value)
{
	fields_format(&fields, override, true, ret_value);
}
