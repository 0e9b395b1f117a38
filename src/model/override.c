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
	struct node *root;
	int code =
	    fields_read_key(&fields, "override", (const char *[]){env, service}, &draft, err);

	if (code != 0)
		return code;
	fields_preset(&fields, &draft);
	code = node_parse_json(value, len, &root, err);
	if (code == 0) {
		code = fields_read(&fields, root, &draft, true, err);
		if (code == 0)
			*ret_override = fields_pack(&fields, &draft, sizeof(draft));
		node_free(root);
	}
	return code == 0 ? 0 : mf_err_wrap(err, "override %s/%s", env, service);
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
