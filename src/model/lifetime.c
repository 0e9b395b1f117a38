/* When environments end, and what is noted for that.  Asks no clock. */
#include "model/lifetime.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/shared_list.h"

#define WHO_MAX 255
#define SLACK_S 60 /* what clocks of a fleet may differ by */

/* --- the format ------------------------------------------------------------------------------- */

static int check_time(const char *s, struct mf_err *err)
{
	int64_t seconds;

	return str_parse_time(s, &seconds) ? 0 : mf_err_set(err, MF_EDATA, "must be a time");
}

static const struct value_type time_type = {.check = check_time};

#define LIFETIME(member) FIELD_AT(struct lifetime, member)
static const struct field rows[] = {
    {"environment", FIELD_NAME, FIELD_IN_KEY, LIFETIME(env), .type = &value_environment},
    {"since", FIELD_TEXT, FIELD_REQUIRED, LIFETIME(since), .type = &time_type},
    {"content", FIELD_TEXT, FIELD_REQUIRED, LIFETIME(content), .type = &value_line, .max = 64},
    {"created", FIELD_INT, FIELD_REQUIRED, LIFETIME(created), .max = INT64_MAX},
    {"keep_until", FIELD_TEXT, FIELD_MAY_EMPTY, LIFETIME(keep_until), .type = &time_type,
     .preset = ""},
    {"kept_by", FIELD_TEXT, LIFETIME(kept_by), .type = &value_line, .max = WHO_MAX, .preset = ""},
};
static const struct fields fields = {FIELDS_ROWS(rows), .expected = "a JSON object with since",
				     .is_open = true};

int lifetime_parse(const char *env, const char *value, size_t len, struct lifetime **ret_lifetime,
		   struct mf_err *err)
{
	struct lifetime draft = {.refs = 1};
	const char *const parts[] = {env};
	void *packed;
	int code = fields_parse_key(&fields, "lifetime", parts, value, len, &draft, sizeof(draft),
				    &packed, err);

	if (code == 0)
		*ret_lifetime = packed;
	return code;
}

struct lifetime *lifetime_ref(struct lifetime *lifetime)
{
	lifetime->refs++;
	return lifetime;
}

void lifetime_unref(struct lifetime *lifetime)
{
	if (lifetime != NULL && --lifetime->refs == 0)
		free(lifetime);
}

void lifetime_format(const struct lifetime *lifetime, struct buf *ret_value)
{
	fields_format(&fields, lifetime, true, ret_value);
}

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, (*(struct lifetime *const *)item)->env);
}

const struct lifetime *lifetime_find(const struct shared_list *list, const char *env)
{
	struct lifetime *const *found =
	    list == NULL || list->count == 0
		? NULL
		: bsearch(env, list->items, list->count, sizeof(void *), compare_name);

	return found == NULL ? NULL : *found;
}

/* --- the rules -------------------------------------------------------------------------------- */

bool lifetime_is_limited(const struct env *env)
{
	return env->expires != NULL;
}

char *lifetime_describe_content(const struct env *env)
{
	return mem_printf("%016" PRIx64, env->said);
}

static int64_t time_of(const char *text)
{
	int64_t seconds = 0;

	(void)str_parse_time(text, &seconds);
	return seconds;
}

/* Of this incarnation of the environment. */
static bool is_of(const struct lifetime *noted, const struct env *env)
{
	return noted != NULL && noted->created == env->created;
}

static bool has_content(const struct lifetime *noted, const struct env *env)
{
	mem_auto_free char *content = lifetime_describe_content(env);

	return is_of(noted, env) && strcmp(noted->content, content) == 0;
}

static int64_t add(int64_t seconds, int64_t ms)
{
	int64_t more = (ms + 999) / 1000;

	return seconds > LIFETIME_NEVER - more ? LIFETIME_NEVER : seconds + more;
}

int64_t lifetime_end(const struct env *env, const struct lifetime *noted)
{
	int64_t end = LIFETIME_NEVER, ms, kept;

	if (env->expires == NULL)
		return LIFETIME_NEVER;
	if (!str_parse_time(env->expires, &end)) {
		if (!has_content(noted, env) || !str_parse_duration(env->expires, &ms))
			return LIFETIME_NEVER;
		end = add(time_of(noted->since), ms);
	}
	kept = is_of(noted, env) ? time_of(noted->keep_until) : 0;
	return kept > end ? kept : end;
}

enum lifetime_step lifetime_judge(const struct env *env, const struct lifetime *noted, int64_t now,
				  int64_t seen)
{
	if (env == NULL || !lifetime_is_limited(env))
		return noted == NULL ? LIFETIME_WAIT : LIFETIME_FORGET;
	if (!has_content(noted, env))
		return LIFETIME_NOTE;
	if (seen != 0 && llabs(time_of(noted->since) - seen) > SLACK_S)
		return LIFETIME_NOTE;
	return lifetime_end(env, noted) <= now ? LIFETIME_END : LIFETIME_WAIT;
}
