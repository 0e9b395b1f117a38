/* When environments end, and what is noted for that.  Asks no clock. */
#include "model/lifetime.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/shared_list.h"

#define WHO_MAX 255
#define SLACK_S 60 /* what clocks of a fleet may differ by */

enum {
	READ_MAX_S = 30,   /* between readings of who is used; a fourth of `idle` if that is less */
	NOTE_MAX_S = 3600, /* between notes that one is used; an eighth of `idle` */
};

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
    {"used", FIELD_TEXT, FIELD_MAY_EMPTY, LIFETIME(used), .type = &time_type, .preset = ""},
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
	return env->expires != NULL || env->idle != NULL;
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

static int64_t kept_until(const struct env *env, const struct lifetime *noted, int64_t end)
{
	int64_t kept = is_of(noted, env) ? time_of(noted->keep_until) : 0;

	return kept > end ? kept : end;
}

int64_t lifetime_end_by_time(const struct env *env, const struct lifetime *noted)
{
	int64_t end = LIFETIME_NEVER, ms;

	if (env->expires == NULL)
		return LIFETIME_NEVER;
	if (!str_parse_time(env->expires, &end)) {
		if (!has_content(noted, env) || !str_parse_duration(env->expires, &ms))
			return LIFETIME_NEVER;
		end = add(time_of(noted->since), ms);
	}
	return kept_until(env, noted, end);
}

int64_t lifetime_used(const struct env *env, const struct lifetime *noted)
{
	int64_t since = has_content(noted, env) ? time_of(noted->since) : 0;
	int64_t used = is_of(noted, env) ? time_of(noted->used) : 0;

	return used > since ? used : since;
}

static int64_t idle_ms(const struct env *env)
{
	int64_t ms = 0;

	(void)str_parse_duration(env->idle, &ms);
	return ms;
}

int64_t lifetime_end_by_use(const struct env *env, const struct lifetime *noted)
{
	if (env->idle == NULL || !has_content(noted, env))
		return LIFETIME_NEVER;
	return kept_until(env, noted, add(lifetime_used(env, noted), idle_ms(env)));
}

int64_t lifetime_end(const struct env *env, const struct lifetime *noted)
{
	int64_t by_time = lifetime_end_by_time(env, noted),
		by_use = lifetime_end_by_use(env, noted);

	return by_time < by_use ? by_time : by_use;
}

/* A part of `idle`, within bounds. */
static int64_t part_of_idle(const struct env *env, int part, int64_t least, int64_t most)
{
	int64_t s = idle_ms(env) / 1000 / part;

	return s < least ? least : s > most ? most : s;
}

int64_t lifetime_read_s(const struct env *env)
{
	return part_of_idle(env, 4, 1, READ_MAX_S);
}

int64_t lifetime_due(const struct env *env, const struct lifetime *noted)
{
	int64_t by_time = lifetime_end_by_time(env, noted),
		by_use = lifetime_end_by_use(env, noted);

	if (by_use != LIFETIME_NEVER)
		by_use = add(by_use, 2000 * lifetime_read_s(env));
	return by_time < by_use ? by_time : by_use;
}

static bool is_doubted(const struct lifetime *noted, struct lifetime_seen seen)
{
	return seen.content != 0 && llabs(time_of(noted->since) - seen.content) > SLACK_S;
}

/* Seldom, but before others end it. */
static bool must_note_use(const struct env *env, const struct lifetime *noted, int64_t now,
			  struct lifetime_seen seen)
{
	int64_t used = lifetime_used(env, noted), read_s;

	if (env->idle == NULL || seen.used <= used)
		return false;
	read_s = lifetime_read_s(env);
	return seen.used - used >= part_of_idle(env, 8, read_s, NOTE_MAX_S) ||
	       lifetime_end_by_use(env, noted) - 2 * read_s <= now;
}

enum lifetime_step lifetime_judge(const struct env *env, const struct lifetime *noted, int64_t now,
				  struct lifetime_seen seen)
{
	if (env == NULL || !lifetime_is_limited(env))
		return noted == NULL ? LIFETIME_WAIT : LIFETIME_FORGET;
	if (!has_content(noted, env) || is_doubted(noted, seen) ||
	    must_note_use(env, noted, now, seen))
		return LIFETIME_NOTE;
	return lifetime_due(env, noted) <= now ? LIFETIME_END : LIFETIME_WAIT;
}

void lifetime_format_next(const struct env *env, const struct lifetime *noted, int64_t now,
			  struct lifetime_seen seen, struct buf *ret_value)
{
	bool has_same = has_content(noted, env) && !is_doubted(noted, seen);
	const struct lifetime none = {.keep_until = "", .kept_by = "", .used = ""};
	const struct lifetime *before = is_of(noted, env) ? noted : &none;
	mem_auto_free char *content = lifetime_describe_content(env);
	buf_auto struct buf since = BUF_INIT, used = BUF_INIT;
	struct lifetime note = *before;

	str_add_time(&since, seen.content != 0 ? seen.content : now, -1);
	str_add_time(&used, seen.used, -1);
	note.env = env->name;
	note.content = content;
	note.created = env->created;
	note.since = has_same ? before->since : buf_str(&since);
	if (env->idle != NULL && seen.used > time_of(before->used))
		note.used = buf_str(&used);
	lifetime_format(&note, ret_value);
}

char *lifetime_describe_end(const struct env *env, const struct lifetime *noted, int64_t now)
{
	if (lifetime_end_by_time(env, noted) <= now)
		return mem_printf("expires: %s", env->expires);
	return mem_printf("idle: %s", env->idle);
}
