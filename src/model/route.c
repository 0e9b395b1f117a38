/* Routes read from maps, written as such, and said in words.  Knows neither services nor HAProxy.
 */
#include "model/route.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/str.h"
#include "model/fields.h"

#define EXACT_END "/?"

enum { DAY = 86400000, STATUS_FOUND = 302 };

/* --- as a map -------------------------------------------------------------------------------- */

struct redirect {
	uint8_t scheme, scheme_said;
	const char *host, *prefix;
	uint32_t status;
};

struct form {
	const char *path;
	uint8_t *methods; /* indices of words */
	uint8_t method_count;
	bool exact, strip;
	const char *rewrite;
	int64_t timeout;
	struct redirect redirect;
	uint8_t redirect_said;
};

const char *const route_method_words[ROUTE_METHODS + 1] = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", NULL};
static const char *const schemes[] = {"http", "https", NULL};

static int finish_redirect(const struct node *node, void *object, struct mf_err *err)
{
	const struct redirect *redirect = object;
	uint32_t status = redirect->status;

	if (status > 303 && status < 307)
		return node_error(node_find(node, "status"), err,
				  "route.redirect.status: must be 301, 302, 303, 307 or 308");
	if (redirect->scheme_said == FIELD_IS_UNSAID && redirect->host == NULL &&
	    redirect->prefix == NULL)
		return node_error(node, err,
				  "route.redirect: must have a scheme, a host or a prefix");
	return 0;
}

#define REDIRECT(member) FIELD_AT(struct redirect, member)
static const struct field redirect_rows[] = {
    {"scheme", FIELD_WORD, 0, REDIRECT(scheme), FIELD_SAID(struct redirect, scheme_said),
     .words = schemes, .doc = "The scheme; by default that of the request."},
    {"host", FIELD_TEXT, 0, REDIRECT(host), .type = &value_host,
     .doc = "The host name; by default that of the request."},
    {"prefix", FIELD_TEXT, 0, REDIRECT(prefix), .type = &value_route,
     .doc = "What comes in the place of the path that the route matches; by default that path."},
    {"status", FIELD_INT, 0, REDIRECT(status), .min = 301, .max = 308, .preset = "302",
     .doc = "301, 302, 303, 307 or 308."},
};
static const struct fields redirect_fields = {
    FIELDS_ROWS(redirect_rows),
    .section = "route.redirect",
    .expected = "http, https, or a map with scheme, host, prefix or status",
    .is_bare = true,
    .finish = finish_redirect,
};

/* A redirect asks no service: nothing of what is done for one has a sense beside it. */
static int finish_form(const struct node *node, void *object, struct mf_err *err)
{
	static const char *const others[] = {"strip", "rewrite", "timeout"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (((const struct form *)object)->redirect_said != FIELD_IS_UNSAID &&
		    node_find(node, others[i]) != NULL)
			return node_error_key(node_find(node, others[i]), err,
					      "route: redirect and %s: only one is allowed",
					      others[i]);
	return 0;
}

static const struct field method = {
    .kind = FIELD_WORD,
    .words = route_method_words,
    .size = sizeof(uint8_t),
};

#define FORM(member) FIELD_AT(struct form, member)
static const struct field form_rows[] = {
    {"path", FIELD_TEXT, FIELD_REQUIRED, FORM(path), .type = &value_route,
     .doc = "The path prefix."},
    {"exact", FIELD_BOOL, 0, FORM(exact), .preset = "false",
     .doc = "Whether it is a whole path, and no prefix. It counts before any prefix."},
    {"methods", FIELD_LIST, FIELD_OR_ONE | FIELD_NOT_EMPTY, FORM(methods),
     FIELD_COUNT(struct form, method_count), .max = ROUTE_METHODS, .item = &method,
     .doc = "The only methods that it is for, a list of `GET`, `HEAD`, `POST`, `PUT`, `DELETE`, "
	    "`PATCH`, `OPTIONS` and `TRACE`. Others pass on to the next route that matches, and "
	    "are answered 405 if there is none."},
    {"strip", FIELD_BOOL, 0, FORM(strip), .preset = "false", .not_with = "rewrite",
     .doc =
	 "Whether the matched path is taken off before the service is asked. It gets it as "
	 "`x-forwarded-prefix`, and has to put it before the paths of its redirects and cookies."},
    {"rewrite", FIELD_TEXT, 0, FORM(rewrite), .type = &value_route,
     .doc = "What comes in the place of the matched path: with `/tasks` and `/v1`, the service is "
	    "asked for `/v1/7` instead of `/tasks/7`."},
    {"timeout", FIELD_DURATION, 0, FORM(timeout), .min = 1, .max = DAY,
     .doc = "How long the service may take until its answer begins, and between the parts of it; "
	    "then the client gets 504. By default 60s, or what the service's settings say."},
    {"redirect", FIELD_OBJECT, 0, FORM(redirect), FIELD_SAID(struct form, redirect_said),
     .fields = &redirect_fields,
     .doc = "Where the client is sent instead of asking the service. `https` alone is short for "
	    "that scheme."},
};
static const struct fields form_fields = {
    FIELDS_ROWS(form_rows),
    .section = "route",
    .finish = finish_form,
};

/* Without slashes at the end, but a text: "/" for the root. */
static void add_trimmed(struct buf *b, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	buf_add(b, path, len);
}

/* What it matches, and takes off the path: nothing of the root, as each path begins with it. */
static void add_prefix(struct buf *b, const struct form *form)
{
	if (form->exact)
		buf_add_str(b, form->path);
	else if (form->path[1] != '\0')
		add_trimmed(b, form->path);
}

static void add_answer(struct buf *b, const struct form *form)
{
	const struct redirect *redirect = &form->redirect;

	if (form->redirect_said == FIELD_IS_UNSAID)
		return;
	buf_printf(b, "%u!%s!%s", (unsigned)redirect->status,
		   redirect->scheme_said == FIELD_IS_UNSAID ? "" : schemes[redirect->scheme],
		   redirect->host == NULL ? "" : redirect->host);
}

static char *make_text(const struct form *form)
{
	const char *rewrite = form->strip ? "/" : form->rewrite;
	struct buf text = BUF_INIT;
	unsigned methods = 0;
	size_t match;

	if (form->redirect.prefix != NULL)
		rewrite = form->redirect.prefix;
	add_prefix(&text, form);
	buf_add_str(&text, form->exact ? EXACT_END : "/");
	match = text.len;
	for (uint8_t i = 0; i < form->method_count; i++)
		methods |= 1U << form->methods[i];
	buf_add_char(&text, '|');
	route_add_methods(methods, &text);
	buf_add_char(&text, '|');
	if (form->timeout != 0)
		buf_printf(&text, "%lld", (long long)form->timeout);
	buf_add_char(&text, '|');
	if (rewrite != NULL)
		add_prefix(&text, form);
	buf_add_char(&text, '|');
	if (rewrite != NULL)
		add_trimmed(&text, rewrite);
	buf_add_char(&text, '|');
	add_answer(&text, form);
	if (strcmp(buf_str(&text) + match, "|||||") == 0)
		text.data[match] = '\0';
	return buf_take(&text);
}

static int read_form(const struct node *node, void *place, struct mf_err *err)
{
	struct form form = {.path = NULL};
	int code;

	fields_preset(&form_fields, &form);
	code = fields_read(&form_fields, node, &form, false, err);
	if (code == 0) {
		free(*(char **)place);
		*(char **)place = make_text(&form);
	}
	fields_fini(&form_fields, &form);
	return code;
}

/* --- as a text ------------------------------------------------------------------------------- */

size_t route_match_len(const char *route)
{
	return strcspn(route, "|");
}

const char *route_options(const char *route)
{
	const char *bar = strchr(route, '|');
	const char *options = bar == NULL ? NULL : strchr(bar + 1, '|') + 1;

	return options == NULL || strcmp(options, "|||") == 0 ? NULL : options;
}

int route_compare(const char *a, const char *b)
{
	size_t len = route_match_len(a), other = route_match_len(b);
	int order = strncmp(a, b, len < other ? len : other);

	return order != 0 ? order : (len > other) - (len < other);
}

static bool is_exact(const char *route)
{
	return route[route_match_len(route) - 1] == '?';
}

void route_add_path(const char *route, struct buf *b)
{
	buf_add(b, route, route_match_len(route) - (is_exact(route) ? strlen(EXACT_END) : 0));
}

void route_add_methods(unsigned methods, struct buf *b)
{
	const size_t start = b->len;

	for (unsigned i = 0; i < ROUTE_METHODS; i++)
		if ((methods >> i & 1) != 0)
			buf_printf(b, "%s%s", b->len == start ? "" : ",", route_method_words[i]);
}

/* A method's bit; 0: it is none. */
static unsigned bit_of(struct span word)
{
	for (unsigned i = 0; i < ROUTE_METHODS; i++)
		if (span_is(word, route_method_words[i]))
			return 1U << i;
	return 0;
}

unsigned route_methods(const char *route)
{
	const char *at = route + route_match_len(route);
	unsigned methods = 0;

	while (*at != '\0' && at[1] != '|') {
		size_t len = strcspn(++at, ",|");

		methods |= bit_of((struct span){at, len});
		at += len;
		if (*at == '|')
			break;
	}
	return methods;
}

bool route_collides(const char *a, const char *b)
{
	unsigned x = route_methods(a), y = route_methods(b);

	return x == y || (x & y) != 0;
}

struct options {
	struct span timeout, prefix, rewrite, answer;
};

/* Takes what stands before the sign off the text, and the sign. */
static struct span cut(const char **text, char sign)
{
	const char *end = strchr(*text, sign);
	struct span part = {*text, end == NULL ? strlen(*text) : (size_t)(end - *text)};

	*text += part.len + (end != NULL);
	return part;
}

static struct options read_options(const char *route)
{
	const char *at = route_options(route);
	struct options options;

	if (at == NULL)
		at = "";
	options.timeout = cut(&at, '|');
	options.prefix = cut(&at, '|');
	options.rewrite = cut(&at, '|');
	options.answer = cut(&at, '|');
	return options;
}

bool route_is_redirect(const char *route)
{
	const struct options options = read_options(route);

	return options.answer.len != 0 && options.answer.at[0] == '3';
}

struct answer {
	struct span status, scheme, host;
};

static struct answer read_answer(struct span text)
{
	const char *at = text.at;
	struct answer answer;

	answer.status = cut(&at, '!');
	answer.scheme = cut(&at, '!');
	answer.host = (struct span){at, (size_t)(text.at + text.len - at)};
	return answer;
}

/* As HAProxy puts the path together, see templates/haproxy-more.mustache. */
static void add_redirected(const struct options *options, const char *path, struct buf *b)
{
	const size_t start = b->len;

	buf_add(b, options->rewrite.at, options->rewrite.len);
	if (b->len > start && b->data[b->len - 1] == '/')
		b->len--;
	if (options->rewrite.len != 0 && strlen(path) >= options->prefix.len)
		path += options->prefix.len;
	if (b->len == start && path[0] != '/')
		buf_add_char(b, '/');
	buf_add_str(b, path);
}

bool route_find_redirect(const char *route, const char *path, struct route_redirect *ret_redirect)
{
	const struct options options = read_options(route);
	const struct answer answer = read_answer(options.answer);
	size_t len = answer.host.len < sizeof(ret_redirect->host) - 1
			 ? answer.host.len
			 : sizeof(ret_redirect->host) - 1;

	if (!route_is_redirect(route))
		return false;
	ret_redirect->status = (unsigned)strtoul(answer.status.at, NULL, 10);
	ret_redirect->has_scheme = answer.scheme.len != 0;
	memcpy(ret_redirect->host, answer.host.at, len);
	ret_redirect->host[len] = '\0';
	add_redirected(&options, path, ret_redirect->path);
	return true;
}

static bool is_strip(const struct options *options)
{
	return options->rewrite.len == 1 && options->answer.len == 0;
}

static void add_timeout(const struct options *options, struct buf *b)
{
	field_add_duration(b, strtoll(options->timeout.at, NULL, 10));
}

static void add_span(struct buf *b, struct span span)
{
	buf_add(b, span.at, span.len);
}

/* Only what is a word of JSON as it is goes in. */
static void add_member(struct buf *b, const char *key, struct span value)
{
	if (value.len == 0)
		return;
	buf_printf(b, "%s\"%s\":\"", b->data[b->len - 1] == '{' ? "" : ",", key);
	add_span(b, value);
	buf_add_char(b, '"');
}

static void write_redirect(const struct options *options, struct buf *b)
{
	const struct answer answer = read_answer(options->answer);

	buf_add_str(b, ",\"redirect\":{");
	add_member(b, "scheme", answer.scheme);
	add_member(b, "host", answer.host);
	add_member(b, "prefix", options->rewrite);
	buf_printf(b, ",\"status\":%.*s}", (int)answer.status.len, answer.status.at);
}

static void write_methods(unsigned methods, struct buf *b)
{
	buf_add_str(b, ",\"methods\":[");
	for (unsigned i = 0; i < ROUTE_METHODS; i++)
		if ((methods >> i & 1) != 0)
			buf_printf(b, "%s\"%s\"", b->data[b->len - 1] == '[' ? "" : ",",
				   route_method_words[i]);
	buf_add_char(b, ']');
}

static void write_form(const void *place, struct buf *b)
{
	const char *route = *(const char *const *)place;
	const struct options options = read_options(route);

	if (!is_exact(route) && strchr(route, '|') == NULL) {
		buf_printf(b, "\"%s\"", route);
		return;
	}
	buf_add_str(b, "{\"path\":\"");
	route_add_path(route, b);
	buf_add_char(b, '"');
	if (is_exact(route))
		buf_add_str(b, ",\"exact\":true");
	if (route_methods(route) != 0)
		write_methods(route_methods(route), b);
	if (is_strip(&options))
		buf_add_str(b, ",\"strip\":true");
	else if (options.answer.len == 0)
		add_member(b, "rewrite", options.rewrite);
	if (options.timeout.len != 0) {
		buf_add_str(b, ",\"timeout\":\"");
		add_timeout(&options, b);
		buf_add_char(b, '"');
	}
	if (options.answer.len != 0)
		write_redirect(&options, b);
	buf_add_char(b, '}');
}

static void add_word(struct buf *b, size_t start, const char *word, struct span value)
{
	buf_printf(b, "%s%s%s%.*s", b->len == start ? "" : ", ", word, value.len == 0 ? "" : " ",
		   (int)value.len, value.at);
}

/* In maps a route stands for others, too, which are for some methods only. */
static bool has_others(const char *route)
{
	const char *bar = strchr(route, '|');

	return bar != NULL && bar[1] == '/';
}

static void add_redirect_words(const struct options *options, size_t start, struct buf *b)
{
	const struct answer answer = read_answer(options->answer);

	add_word(b, start, "redirect", answer.status);
	buf_add_str(b, " to ");
	add_span(b, answer.scheme);
	buf_add_str(b, answer.scheme.len == 0 ? "" : "://");
	add_span(b, answer.host);
	add_span(b, options->rewrite);
}

void route_add_words(const char *route, struct buf *b)
{
	const struct options options = read_options(route);
	const struct span none = {"", 0};
	const size_t start = b->len;

	if (is_exact(route))
		add_word(b, start, "exact", none);
	if (has_others(route))
		add_word(b, start, "by method", none);
	if (route_methods(route) != 0) {
		add_word(b, start, "", none);
		route_add_methods(route_methods(route), b);
	}
	if (is_strip(&options))
		add_word(b, start, "strip", none);
	else if (options.rewrite.len != 0 && options.answer.len == 0)
		add_word(b, start, "rewrite", options.rewrite);
	if (options.timeout.len != 0) {
		add_word(b, start, "timeout ", none);
		add_timeout(&options, b);
	}
	if (options.answer.len != 0 && options.answer.at[0] != '4')
		add_redirect_words(&options, start, b);
}

void route_add_summary(const char *route, struct buf *b)
{
	buf_auto struct buf words = BUF_INIT;

	route_add_path(route, b);
	route_add_words(route, &words);
	if (words.len != 0)
		buf_printf(b, " (%s)", buf_str(&words));
}

const struct field field_of_route = {
    .kind = FIELD_NAME,
    .noun = "route",
    .type = &value_route,
    .flags = FIELD_OWN,
    .size = sizeof(char *),
    .fields = &form_fields,
    .read = read_form,
    .write = write_form,
};
