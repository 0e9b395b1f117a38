/* What a check is to ask: its single settings, compared and copied.  Asks nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/name.h"
#include "register/check.h"
#include "register/check_internal.h"

enum {
	SPEC_MAX_HEADERS = 32,
	SPEC_MAX_VALUE = 1024, /* of a header, of the text to be found */
	SPEC_MAX_METHOD = 16,
	SPEC_MAX_STREAK = 100,
	SPEC_MIN_MS = 10,
	SPEC_MAX_MS = 24 * 3600 * 1000,
};

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define TOKEN "!#$%&'*+-.^_`|~0123456789" UPPER LOWER /* RFC 9110, section 5.6.2 */

int check_spec_refuse(const char *value, struct mf_err *err, const char *why)
{
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, value, strlen(value));
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data, why);
}

/* --- single settings ------------------------------------------------------------------------- */

static int set_duration(int64_t *ret_ms, const char *value, struct mf_err *err)
{
	int64_t ms;

	if (!str_parse_duration(value, &ms) || ms < SPEC_MIN_MS || ms > SPEC_MAX_MS)
		return check_spec_refuse(value, err,
					 "must be a duration with a unit from 10ms to 1d");
	*ret_ms = ms;
	return 0;
}

static int set_streak(unsigned *ret, const char *value, struct mf_err *err)
{
	int64_t n;

	if (!str_parse_int(value, 1, SPEC_MAX_STREAK, &n))
		return check_spec_refuse(value, err, "must be a number from 1 to 100");
	*ret = (unsigned)n;
	return 0;
}

static int set_interval(struct check_spec *spec, const char *value, struct mf_err *err)
{
	return set_duration(&spec->interval_ms, value, err);
}

static int set_timeout(struct check_spec *spec, const char *value, struct mf_err *err)
{
	return set_duration(&spec->timeout_ms, value, err);
}

static int set_rise(struct check_spec *spec, const char *value, struct mf_err *err)
{
	return set_streak(&spec->rise, value, err);
}

static int set_fall(struct check_spec *spec, const char *value, struct mf_err *err)
{
	return set_streak(&spec->fall, value, err);
}

static int set_method(struct check_spec *spec, const char *value, struct mf_err *err)
{
	size_t len = strlen(value);

	if (len == 0 || len > SPEC_MAX_METHOD || strspn(value, UPPER) != len)
		return check_spec_refuse(value, err,
					 "must be a method in capital letters, such as HEAD");
	free(spec->method);
	spec->method = mem_dup_str(value);
	return 0;
}

static int add_header(struct check_spec *spec, const char *value, struct mf_err *err)
{
	size_t name_len = strspn(value, TOKEN);

	/* The value may be a secret: it is not repeated. */
	if (name_len == 0 || value[name_len] != ':' || str_has_control(value) ||
	    value[name_len + 1 + strspn(value + name_len + 1, " ")] == '\0')
		return mf_err_set(err, MF_EDATA, "must be NAME: VALUE");
	if (strlen(value) > SPEC_MAX_VALUE || strlist_count(spec->headers) == SPEC_MAX_HEADERS)
		return mf_err_set(err, MF_EDATA, "longer than 1024 bytes, or more than 32");
	strlist_add_bytes(&spec->headers, value, strlen(value));
	return 0;
}

static int set_text(struct check_spec *spec, const char *value, struct mf_err *err)
{
	size_t len = strlen(value);

	if (len == 0 || len > SPEC_MAX_VALUE)
		return check_spec_refuse(value, err, "must have 1 to 1024 bytes");
	free(spec->text);
	spec->text = mem_dup_str(value);
	return 0;
}

static int set_status(struct check_spec *spec, const char *value, struct mf_err *err)
{
	mem_auto_free char *min = mem_dup_str(value);
	char *dash = strchr(min, '-');
	int64_t first, last;

	if (dash != NULL)
		*dash = '\0';
	if (!str_parse_int(min, 100, 599, &first) ||
	    !str_parse_int(dash == NULL ? min : dash + 1, first, 599, &last))
		return check_spec_refuse(value, err,
					 "must be a status or a range of them, as 200 or 200-399");
	spec->status_min = (unsigned)first;
	spec->status_max = (unsigned)last;
	return 0;
}

static const struct setting {
	const char *key;
	bool is_http; /* for http and https only */
	int (*set)(struct check_spec *spec, const char *value, struct mf_err *err);
} settings[] = {
    {"interval", false, set_interval}, {"timeout", false, set_timeout},
    {"rise", false, set_rise},	       {"fall", false, set_fall},
    {"method", true, set_method},      {"header", true, add_header},
    {"text", true, set_text},	       {"status", true, set_status},
};

int check_spec_set(struct check_spec *spec, const char *key, const char *value, struct mf_err *err)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strcmp(settings[i].key, key) != 0)
			continue;
		if (settings[i].is_http && spec->kind != CHECK_HTTP)
			return mf_err_set(err, MF_EDATA, "%s: only for http and https", key);
		if (settings[i].set(spec, value, err) != 0)
			return mf_err_wrap(err, "%s", key);
		return 0;
	}
	return mf_err_set(err, MF_EDATA,
			  "%s: must be one of interval, timeout, rise, fall, method, header, text, "
			  "status",
			  key);
}

/* --- as values ------------------------------------------------------------------------------- */

struct check_spec *check_spec_dup(const struct check_spec *spec)
{
	struct check_spec *copy = MEM_NEW(copy);

	*copy = *spec;
	copy->scheme = mem_dup_str(spec->scheme);
	copy->host = mem_dup_str(spec->host);
	copy->path = mem_dup_str(spec->path);
	copy->argv = strlist_dup(spec->argv);
	copy->method = mem_dup_str(spec->method);
	copy->headers = strlist_dup(spec->headers);
	copy->text = mem_dup_str(spec->text);
	return copy;
}

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool check_spec_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->kind == b->kind && is_same(a->scheme, b->scheme) && is_same(a->host, b->host) &&
	       a->port == b->port && is_same(a->path, b->path) &&
	       strlist_is_equal(a->argv, b->argv) && is_same(a->method, b->method) &&
	       strlist_is_equal(a->headers, b->headers) && is_same(a->text, b->text) &&
	       a->status_min == b->status_min && a->status_max == b->status_max &&
	       a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
	       a->rise == b->rise && a->fall == b->fall;
}

void check_spec_free(struct check_spec *spec)
{
	if (spec == NULL)
		return;
	free(spec->scheme);
	free(spec->host);
	free(spec->path);
	strlist_free(spec->argv);
	free(spec->method);
	strlist_free(spec->headers);
	free(spec->text);
	free(spec);
}
