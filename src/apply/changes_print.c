/*
 * Typed steps as words and as JSON.  What comes from a file on disk is escaped: it may be
 * anybody's.
 */
#include <assert.h>
#include <string.h>

#include "apply/changes.h"
#include "base/str.h"

/* --- for people ------------------------------------------------------------------------------ */

static void add_span(struct buf *text, struct change_span s)
{
	str_add_escaped(text, s.at, s.len);
}

static void add_count(struct buf *text, size_t count, const char *what)
{
	if (count == 0)
		buf_printf(text, "no %s", what);
	else
		buf_printf(text, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

/*
 * A line as a pattern: %i what it is in, %n its name, %f and %t what it was and is; the rest as it
 * stands.
 */
static const char *pattern_of(enum change_kind kind)
{
	static const char *const patterns[CHANGE_KIND_COUNT] = {
	    [CHANGE_ENV_ADD] = "environment %n: new",
	    [CHANGE_ENV] = "environment %n: changed",
	    [CHANGE_ENV_REMOVE] = "environment %n: gone",
	    [CHANGE_SERVICE_ADD] = "environment %i: %n %t added",
	    [CHANGE_SERVICE] = "environment %i: %n %f -> %t",
	    [CHANGE_SERVICE_REMOVE] = "environment %i: %n %f removed",
	    [CHANGE_ROUTE_ADD] = "environment %i: route %n to %t added",
	    [CHANGE_ROUTE] = "environment %i: route %n: %f -> %t",
	    [CHANGE_ROUTE_REMOVE] = "environment %i: route %n to %f removed",
	    [CHANGE_HOST_ADD] = "host %n: new -> %t",
	    [CHANGE_HOST] = "host %n: %f -> %t",
	    [CHANGE_HOST_REMOVE] = "host %n: %f -> gone",
	    [CHANGE_PREFIX_ADD] = "prefix %n: new -> %t",
	    [CHANGE_PREFIX] = "prefix %n: %f -> %t",
	    [CHANGE_PREFIX_REMOVE] = "prefix %n: %f -> gone",
	    [CHANGE_HEADER_ADD] = "header %n: new -> %t",
	    [CHANGE_HEADER] = "header %n: %f -> %t",
	    [CHANGE_HEADER_REMOVE] = "header %n: %f -> gone",
	    [CHANGE_BACKEND_ADD] = "version %n: new",
	    [CHANGE_BACKEND_REMOVE] = "version %n: gone",
	    [CHANGE_SERVER_ADD] = "instance %i %n: added",
	    [CHANGE_SERVER_WEIGHT] = "instance %i %n: weight %f -> %t",
	    [CHANGE_SERVER_DRAIN] = "instance %i %n: drain",
	    [CHANGE_SERVER_MAINT] = "instance %i %n: maint",
	    [CHANGE_SERVER_READY] = "instance %i %n: ready",
	    [CHANGE_SERVER] = "instance %i %n: changed",
	    [CHANGE_SERVER_REMOVE] = "instance %i %n: removed",
	};

	return patterns[kind];
}

static void add_pattern(struct buf *text, const char *pattern, const struct change *change)
{
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p != '%') {
			buf_add_char(text, *p);
			continue;
		}
		p++;
		assert(strchr("infi", *p) != NULL || *p == 't');
		add_span(text, *p == 'i'   ? change->in
			       : *p == 'n' ? change->name
			       : *p == 'f' ? change->from
					   : change->to);
	}
}

static void add_details(struct buf *text, const struct change *change)
{
	switch (change->kind) {
	case CHANGE_ENV_ADD:
		buf_add_str(text, " (");
		add_count(text, change->count, "service");
		buf_add_char(text, ')');
		break;
	case CHANGE_BACKEND_ADD:
		buf_add_str(text, change->count == 0 ? ", " : " (reload), ");
		add_count(text, change->count, "instance");
		break;
	case CHANGE_SERVER_ADD:
		if (strcmp(change->state, "up") != 0)
			buf_printf(text, " (%s)", change->state);
		else if (change->weight != 100)
			buf_printf(text, " (weight %u)", change->weight);
		break;
	default:
		break;
	}
}

void changes_print(const struct changes *changes, struct buf *ret_text)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->changes[i];
		const char *pattern = pattern_of(change->kind);

		if (pattern == NULL || change->is_part)
			continue;
		add_pattern(ret_text, pattern, change);
		add_details(ret_text, change);
		buf_add_char(ret_text, '\n');
	}
}

/* --- for programs ---------------------------------------------------------------------------- */

static const struct {
	const char *word, *in, *name, *from, *to;
} kinds[] = {
#define X(id, word, in, name, from, to) [id] = {word, in, name, from, to},
    CHANGES_KINDS(X)
#undef X
};

static void add_field(struct buf *text, const char *name, struct change_span value, bool is_number)
{
	bool is_digits = is_number && value.len > 0 && value.len < 10 && value.at[0] != '0';

	if (name[0] == '\0')
		return;
	buf_printf(text, ",\"%s\":", name);
	for (size_t i = 0; i < value.len; i++)
		is_digits = is_digits && value.at[i] >= '0' && value.at[i] <= '9';
	if (is_digits || (is_number && value.len == 1 && value.at[0] == '0'))
		buf_add(text, value.at, value.len);
	else
		str_add_json_string(text, value.at, value.len);
}

static void add_json(struct buf *text, const struct change *change)
{
	bool is_number =
	    change->kind == CHANGE_SERVER_WEIGHT || change->kind == CHANGE_SERVER_DRAIN;

	buf_printf(text, "{\"kind\":\"%s\"", kinds[change->kind].word);
	add_field(text, kinds[change->kind].in, change->in, false);
	add_field(text, kinds[change->kind].name, change->name, false);
	add_field(text, kinds[change->kind].from, change->from, is_number);
	add_field(text, kinds[change->kind].to, change->to, is_number);
	if (change->kind == CHANGE_ENV_ADD)
		buf_printf(text, ",\"services\":%zu", change->count);
	if (change->kind == CHANGE_BACKEND_ADD || change->kind == CHANGE_BACKEND_REMOVE)
		buf_printf(text, ",\"servers\":%zu", change->count);
	if (change->kind == CHANGE_SERVER_ADD)
		buf_printf(text, ",\"weight\":%u,\"state\":\"%s\"", change->weight, change->state);
	buf_add_char(text, '}');
}

void changes_print_json(const struct changes *changes, struct buf *ret_text)
{
	for (size_t i = 0; i < changes->count; i++) {
		if (i > 0)
			buf_add_char(ret_text, ',');
		add_json(ret_text, &changes->changes[i]);
	}
}
