/* What a check is to ask, and its settings: from text, from files, compared and copied. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/fields.h"
#include "model/name.h"
#include "register/check.h"
#include "register/check_kind.h"

enum {
	MAX_TEXT = 4096,  /* of the whole word */
	MAX_VALUE = 1024, /* of a header, of the text to be found */
	MAX_METHOD = 16,
	DAY_MS = 24 * 3600 * 1000,
};

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define TOKEN "!#$%&'*+-.^_`|~0123456789" UPPER LOWER /* RFC 9110, section 5.6.2 */

const struct check_kind *const check_kinds[] = {&check_tcp, &check_http, &check_https, &check_exec,
						NULL};

int check_spec_refuse(const char *value, struct mf_err *err, const char *why)
{
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, value, strlen(value));
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data, why);
}

int check_spec_parse_port(const char *s, unsigned *ret_port, struct mf_err *err)
{
	int64_t n;

	if (!str_parse_int(s, 1, 65535, &n))
		return check_spec_refuse(s, err, "not a port from 1 to 65535");
	*ret_port = (unsigned)n;
	return 0;
}

static const struct check_kind *find_kind(const char *name, size_t len)
{
	for (const struct check_kind *const *kind = check_kinds; *kind != NULL; kind++)
		if (strlen((*kind)->name) == len && strncmp((*kind)->name, name, len) == 0)
			return *kind;
	return NULL;
}

static int refuse_kind(const char *text, struct mf_err *err)
{
	buf_auto struct buf why = BUF_INIT;

	buf_add_str(&why, "must be ");
	for (size_t i = 0; check_kinds[i] != NULL; i++)
		buf_printf(&why, "%s%s%s", i == 0 ? "" : ", ",
			   check_kinds[i + 1] == NULL ? "or " : "", check_kinds[i]->form);
	return check_spec_refuse(text, err, buf_str(&why));
}

static struct check_spec *spec_new(const struct check_kind *kind)
{
	struct check_spec *spec = MEM_NEW(spec);

	fields_preset(&check_fields, spec);
	spec->kind = kind;
	spec->status_min = 200;
	spec->status_max = 399;
	return spec;
}

int check_spec_parse(const char *text, struct check_spec **ret_spec, struct mf_err *err)
{
	size_t len = strcspn(text, ":");
	const struct check_kind *kind = find_kind(text, len);
	struct check_spec *spec;

	if (strlen(text) > MAX_TEXT)
		return check_spec_refuse(text, err, "too long (4096 bytes at most)");
	if (kind == NULL || (text[len] == '\0' && !kind->is_bare))
		return refuse_kind(text, err);
	spec = spec_new(kind);
	if (kind->parse(text + len, spec, err) != 0) {
		check_spec_free(spec);
		return err->code;
	}
	*ret_spec = spec;
	return 0;
}

/* --- from files ------------------------------------------------------------------------------- */

static int check_method(const char *value, struct mf_err *err)
{
	size_t len = strlen(value);

	if (len == 0 || len > MAX_METHOD || strspn(value, UPPER) != len)
		return check_spec_refuse(value, err,
					 "must be a method in capital letters, such as HEAD");
	return 0;
}

/* The value may be a secret: it is not repeated. */
static int check_header(const char *value, struct mf_err *err)
{
	size_t name_len = strspn(value, TOKEN);

	if (name_len == 0 || value[name_len] != ':' || str_has_control(value) ||
	    value[name_len + 1 + strspn(value + name_len + 1, " ")] == '\0')
		return mf_err_set(err, MF_EDATA, "must be NAME: VALUE");
	return strlen(value) > MAX_VALUE ? mf_err_set(err, MF_EDATA, "longer than 1024 bytes") : 0;
}

static int check_text(const char *value, struct mf_err *err)
{
	size_t len = strlen(value);

	return len == 0 || len > MAX_VALUE
		   ? check_spec_refuse(value, err, "must have 1 to 1024 bytes")
		   : 0;
}

static int read_status(const struct node *node, void *place, struct mf_err *err)
{
	struct check_spec *spec = place;
	mem_auto_free char *min = mem_dup_str(node->text);
	char *dash = min == NULL ? NULL : strchr(min, '-');
	buf_auto struct buf quoted = BUF_INIT;
	int64_t first, last;

	if (node->kind != NODE_SCALAR || node->style == NODE_NULL)
		return node_error(node, err, "must be a single value");
	if (dash != NULL)
		*dash = '\0';
	if (!str_parse_int(min, 100, 599, &first) ||
	    !str_parse_int(dash == NULL ? min : dash + 1, first, 599, &last)) {
		name_add_quoted(&quoted, node->text, strlen(node->text));
		return node_error(node, err,
				  "%s: must be a status or a range of them, as 200 or 200-399",
				  quoted.data);
	}
	spec->status_min = (unsigned)first;
	spec->status_max = (unsigned)last;
	return 0;
}

/* What follows the kind's name: `http: /health`, `http: http://...`, `tcp: 8080`, `tcp:`. */
static int read_kind(const struct node *node, void *place, struct mf_err *err)
{
	struct check_spec *spec = place;
	const char *name = node->key, *text = node->text;
	mem_auto_free char *behind = NULL;
	struct mf_err why;

	if (node->kind != NODE_SCALAR)
		return node_error(node, err, "must be a single value");
	spec->kind = find_kind(name, strlen(name));
	assert(spec->kind != NULL);
	if (!spec->kind->is_program && str_has_prefix(text, name) && text[strlen(name)] == ':')
		text += strlen(name) + 1;
	behind = mem_printf("%s%s", text[0] == '\0' && spec->kind->is_bare ? "" : ":", text);
	if (spec->kind->parse(behind, spec, &why) != 0)
		return node_error(node, err, "%s", why.msg);
	return 0;
}

static int refuse_kinds(const struct node *map, struct mf_err *err)
{
	buf_auto struct buf names = BUF_INIT;

	for (size_t i = 0; check_kinds[i] != NULL; i++)
		buf_printf(&names, "%s%s",
			   i == 0			? ""
			   : check_kinds[i + 1] == NULL ? " and "
							: ", ",
			   check_kinds[i]->name);
	return node_error(map, err, "must have one of %s", buf_str(&names));
}

static bool is_http_only(const char *key)
{
	static const char *const keys[] = {"method", "header", "text", "status"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static int finish(const struct node *map, void *object, struct mf_err *err)
{
	const struct check_spec *spec = object;

	for (size_t i = 0; i < map->child_count; i++)
		if (is_http_only(map->children[i].key) && !spec->kind->is_http)
			return node_error(&map->children[i], err, "%s: only for http and https",
					  map->children[i].key);
	return 0;
}

static const struct value_type method_type = {.check = check_method};
static const struct value_type header_type = {.check = check_header};
static const struct value_type text_type = {.check = check_text};
static const struct field header = {
    .kind = FIELD_TEXT, .flags = FIELD_OWN, .size = sizeof(char *), .type = &header_type};

#define AT(member) FIELD_AT(struct check_spec, member)
#define WHOLE	   .offset = 0, .size = sizeof(struct check_spec)
#define KIND(word, means)                                                                          \
	{                                                                                          \
		word, FIELD_OTHER, WHOLE, .read = read_kind, .doc = (means)                        \
	}

static const struct field rows[] = {
    KIND("tcp", "A port, or <address>:<port>, that takes a connection."),
    KIND("http", "A path, or //<host>:<port>/<path>, to request."),
    KIND("https", "The same over TLS."),
    KIND("exec", "A program and its arguments, which must end with status 0."),
    {"interval", FIELD_DURATION, AT(interval_ms), .min = 10, .max = DAY_MS, .preset = "10s",
     .doc = "The time from one check to the next."},
    {"timeout", FIELD_DURATION, AT(timeout_ms), .min = 10, .max = DAY_MS, .preset = "2s",
     .doc = "A check that has no answer by then has failed."},
    {"rise", FIELD_INT, AT(rise), .min = 1, .max = 100, .preset = "1",
     .doc = "So many successes in a row bring the instance up."},
    {"fall", FIELD_INT, AT(fall), .min = 1, .max = 100, .preset = "3",
     .doc = "So many failures in a row take it down."},
    {"method", FIELD_TEXT, FIELD_OWN, AT(method), .type = &method_type,
     .doc = "The method of http and https; `GET` by default."},
    {"header", FIELD_LIST, FIELD_OR_ONE, AT(headers), FIELD_COUNT(struct check_spec, header_count),
     .max = 32, .item = &header, .doc = "Header fields to send, <name>: <value>."},
    {"text", FIELD_TEXT, FIELD_OWN, AT(text), .type = &text_type,
     .doc = "What the body must contain, within its first 64 KiB."},
    {"status", FIELD_OTHER, WHOLE, .read = read_status,
     .schema = "\"type\":[\"integer\",\"string\"],\"pattern\":\"^[1-5][0-9][0-9](-[1-5][0-9][0-9])?"
	       "$\"",
     .doc = "The status that passes, or a range; `200-399` by default."},
};

const struct fields check_fields = {FIELDS_ROWS(rows), .finish = finish};

const char *check_spec_setting(size_t i)
{
	for (size_t row = 0; row < check_fields.count; row++)
		if (rows[row].read != read_kind && i-- == 0)
			return rows[row].key;
	return NULL;
}

int check_spec_set(struct check_spec *spec, const char *key, const char *value, struct mf_err *err)
{
	buf_auto struct buf keys = BUF_INIT;

	if (is_http_only(key) && !spec->kind->is_http)
		return mf_err_set(err, MF_EDATA, "%s: only for http and https", key);
	for (size_t i = 0; check_spec_setting(i) != NULL; i++) {
		if (strcmp(check_spec_setting(i), key) == 0)
			return fields_set(&check_fields, key, value, spec, err);
		buf_printf(&keys, "%s%s", i == 0 ? "" : ", ", check_spec_setting(i));
	}
	return mf_err_set(err, MF_EDATA, "%s: must be one of %s", key, buf_str(&keys));
}

static int read_map(const struct node *map, struct check_spec **ret_spec, struct mf_err *err)
{
	struct check_spec *spec;
	size_t count = 0;

	for (size_t i = 0; check_kinds[i] != NULL; i++)
		count += node_find(map, check_kinds[i]->name) != NULL;
	if (count != 1)
		return refuse_kinds(map, err);
	spec = spec_new(NULL);
	if (fields_read(&check_fields, map, spec, false, err) != 0) {
		check_spec_free(spec);
		return err->code;
	}
	*ret_spec = spec;
	return 0;
}

int check_spec_read(const struct node *node, struct check_spec **ret_spec, struct mf_err *err)
{
	struct mf_err why;

	if (node->kind == NODE_MAP)
		return read_map(node, ret_spec, err);
	if (node->kind != NODE_SCALAR || node->style == NODE_NULL)
		return node_error(node, err, "must be a word or a map");
	if (check_spec_parse(node->text, ret_spec, &why) != 0)
		return node_error(node, err, "%s", why.msg);
	return 0;
}

/* --- as values ------------------------------------------------------------------------------- */

const char *check_spec_find_risk(const struct check_spec *spec)
{
	if (spec->kind->is_program)
		return "runs a program here";
	return spec->host == NULL ? NULL : "asks another host";
}

struct check_spec *check_spec_dup(const struct check_spec *spec)
{
	struct check_spec *copy = MEM_NEW(copy);

	*copy = *spec;
	copy->host = mem_dup_str(spec->host);
	copy->path = mem_dup_str(spec->path);
	copy->argv = strlist_dup(spec->argv);
	copy->method = mem_dup_str(spec->method);
	copy->headers = strlist_dup(spec->headers);
	copy->text = mem_dup_str(spec->text);
	return copy;
}

bool check_spec_is_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->kind == b->kind && str_is_same(a->host, b->host) && a->port == b->port &&
	       str_is_same(a->path, b->path) && strlist_is_equal(a->argv, b->argv) &&
	       str_is_same(a->method, b->method) && strlist_is_equal(a->headers, b->headers) &&
	       str_is_same(a->text, b->text) && a->status_min == b->status_min &&
	       a->status_max == b->status_max && a->interval_ms == b->interval_ms &&
	       a->timeout_ms == b->timeout_ms && a->rise == b->rise && a->fall == b->fall;
}

void check_spec_free(struct check_spec *spec)
{
	if (spec == NULL)
		return;
	free(spec->host);
	free(spec->path);
	strlist_free(spec->argv);
	fields_fini(&check_fields, spec);
	free(spec);
}
