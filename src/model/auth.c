/* Whom requests are shown to, as it is written and as map entries. */
#include "model/auth.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/door.h"
#include "model/fields.h"
#include "model/headers.h"
#include "model/value.h"

#define PATH_MAX_LEN 256

static char *lower(const char *name)
{
	char *made = mem_dup_str(name);

	str_lower(made);
	return made;
}

static int check_header(const char *name, struct mf_err *err)
{
	mem_auto_free char *made = lower(name);

	return headers_check_name(made, err);
}

static const struct value_type header_type = {
    .check = check_header,
    .normalize = lower,
    .schema = "\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9-]{1,64}$\"",
};
static const struct field header = {
    .kind = FIELD_NAME,
    .flags = FIELD_OWN,
    .noun = "header",
    .type = &header_type,
    .size = sizeof(char *),
};
static const struct field path = {
    .kind = FIELD_NAME,
    .noun = "except",
    .type = &value_route,
    .size = sizeof(char *),
};

#define AUTH(member) FIELD_AT(struct auth, member)
static const struct field rows[] = {
    {"service", FIELD_NAME, FIELD_REQUIRED, AUTH(service), .type = &value_service,
     .doc = "The service that is asked, in the version that the environment has of it."},
    {"path", FIELD_TEXT, AUTH(path), .type = &value_route, .max = PATH_MAX_LEN, .preset = "/",
     .doc = "The path that it is asked at, by GET."},
    {"pass", FIELD_LIST, FIELD_SET, AUTH(pass), FIELD_COUNT(struct auth, pass_count),
     .max = AUTH_MAX, .item = &header,
     .doc = "Headers of the request that it is shown, besides `x-forwarded-method`, `-proto`, "
	    "`-host`, `-uri` and `-for`."},
    {"set", FIELD_LIST, FIELD_SET, AUTH(set), FIELD_COUNT(struct auth, set_count), .max = AUTH_MAX,
     .item = &header,
     .doc = "Headers of its 200 that the request gets. A client's own of these names never get "
	    "through."},
    {"except", FIELD_LIST, FIELD_SET, AUTH(except), FIELD_COUNT(struct auth, except_count),
     .max = AUTH_MAX, .item = &path,
     .doc = "Path prefixes, up to the end of a segment, about which it is not asked."},
    {"timeout", FIELD_DURATION, AUTH(timeout), .min = 10, .max = 60000, .preset = "2s",
     .doc = "How long it may take. No answer until then is 503."},
    {"remember", FIELD_DURATION, AUTH(remember), .max = 3600000, .preset = "0s",
     .doc = "How long its 200 holds for requests of which it would be shown the same, in each "
	    "HAProxy; one that sets cookies is not remembered."},
};
const struct fields fields_of_auth = {FIELDS_ROWS(rows), .expected = "a map with service"};

static void add_names(struct buf *b, const char *const *names, size_t count)
{
	buf_add_char(b, '|');
	for (size_t i = 0; i < count; i++)
		buf_printf(b, "%s%s", i == 0 ? "" : ",", names[i]);
}

void auth_fill(const void *object, struct door *door, struct buf *words)
{
	const struct auth *auth = object;
	buf_auto struct buf value = BUF_INIT;

	buf_printf(&value, "%s|%s|%lld|%lld", auth->service, auth->path, (long long)auth->timeout,
		   (long long)auth->remember);
	add_names(&value, auth->pass, auth->pass_count);
	add_names(&value, auth->set, auth->set_count);
	door_add_entry(door, mem_dup_str(".auth"), mem_dup_str(buf_str(&value)));
	buf_printf(words, "whom %s lets in at %s", auth->service, auth->path);
	for (size_t i = 0; i < auth->except_count; i++) {
		const char *prefix = auth->except[i];
		size_t len = strlen(prefix);

		len -= prefix[len - 1] == '/';
		door_add_entry(door, mem_printf(".except%.*s/", (int)len, prefix),
			       mem_dup_str("1"));
		buf_printf(words, "%s%s", i == 0 ? ", but not asked about " : ", ", prefix);
	}
}
