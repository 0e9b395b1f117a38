/* States that operators say: their format.  Knows nothing of which instances there are. */
#include "model/imposed.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "model/fields.h"

#define IMPOSED(member) FIELD_AT(struct imposed, member)
static const struct field rows[] = {
    {"service", FIELD_NAME, FIELD_IN_KEY, IMPOSED(service), .type = &value_service},
    {"version", FIELD_NAME, FIELD_IN_KEY, IMPOSED(version), .type = &value_version},
    {"instance", FIELD_NAME, FIELD_IN_KEY, IMPOSED(instance), .type = &value_instance},
};
static const struct fields fields = {FIELDS_ROWS(rows)};

static int read_state(const char *value, size_t len, enum instance_state *ret_state,
		      struct mf_err *err)
{
	static const enum instance_state states[] = {INSTANCE_DRAIN, INSTANCE_MAINT};
	const struct span word =
	    span_trim((struct span){value, len}); /* a shell leaves an end of line */
	buf_auto struct buf quoted = BUF_INIT;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!span_is(word, instance_state_word(states[i])))
			continue;
		*ret_state = states[i];
		return 0;
	}
	name_add_quoted(&quoted, word.at, word.len);
	return mf_err_set(err, MF_EDATA, "%s: must be drain or maint", buf_str(&quoted));
}

int imposed_parse(const char *service, const char *version, const char *instance, const char *value,
		  size_t len, int64_t created, struct imposed **ret_imposed, struct mf_err *err)
{
	const char *const key[] = {service, version, instance};
	struct imposed draft = {.refs = 1, .created = created};
	int code = fields_read_key(&fields, "state", key, &draft, err);

	if (code != 0)
		return code;
	if (read_state(value, len, &draft.state, err) != 0)
		return mf_err_wrap(err, "state %s/%s/%s", service, version, instance);
	*ret_imposed = fields_pack(&fields, &draft, sizeof(draft));
	return 0;
}

struct imposed *imposed_ref(struct imposed *imposed)
{
	imposed->refs++;
	return imposed;
}

void imposed_unref(struct imposed *imposed)
{
	if (imposed != NULL && --imposed->refs == 0)
		free(imposed);
}

void imposed_format(const struct imposed *imposed, struct buf *ret_value)
{
	buf_add_str(ret_value, instance_state_word(imposed->state));
}
