/* What a check is to ask, and its settings: from text, from files, compared and copied. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/name.h"
#include "model/node.h"
#include "register/check.h"
#include "register/check_kind.h"

enum {
	MAX_TEXT = 4096, /* of the whole word */
	MAX_HEADERS = 32,
	MAX_VALUE = 1024, /* of a header, of the text to be found */
	MAX_METHOD = 16,
	MAX_STREAK = 100,
	MIN_MS = 10,
	MAX_MS = 24 * 3600 * 1000,
	MAX_KEYS = 24, /* of a map: kinds and settings */
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

/* --- single settings ------------------------------------------------------------------------- */

static int set_duration(int64_t *ret_ms, const char *value, struct mf_err *err)
{
	int64_t ms;

	if (!str_parse_duration(value, &ms) || ms < MIN_MS || ms > MAX_MS)
		return check_spec_refuse(value, err,
					 "must be a duration with a unit from 10ms to 1d");
	*ret_ms = ms;
	return 0;
}

static int set_streak(unsigned *ret, const char *value, struct mf_err *err)
{
	int64_t n;

	if (!str_parse_int(value, 1, MAX_STREAK, &n))
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

	if (len == 0 || len > MAX_METHOD || strspn(value, UPPER) != len)
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
	if (strlen(value) > MAX_VALUE || strlist_count(spec->headers) == MAX_HEADERS)
		return mf_err_set(err, MF_EDATA, "longer than 1024 bytes, or more than 32");
	strlist_add(&spec->headers, value);
	return 0;
}

static int set_text(struct check_spec *spec, const char *value, struct mf_err *err)
{
	size_t len = strlen(value);

	if (len == 0 || len > MAX_VALUE)
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

const struct check_setting check_settings[] = {
    {"interval", "TIME", "time from one check to the next (default 10s)", false, set_interval},
    {"timeout", "TIME", "a check without an answer by then has failed (default 2s)", false,
     set_timeout},
    {"rise", "N", "successes in a row that bring the instance up (default 1)", false, set_rise},
    {"fall", "N", "failures in a row that take the instance down (default 3)", false, set_fall},
    {"method", "METHOD", "HTTP method of http and https checks (default GET)", true, set_method},
    {"header", "HEADER", "NAME: VALUE, sent with http and https checks; may be repeated", true,
     add_header},
    {"text", "TEXT", "text that the answer to an http or https check must contain", true, set_text},
    {"status", "RANGE", "HTTP status that passes http and https checks (default 200-399)", true,
     set_status},
    {0},
};

static int refuse_setting(const char *key, struct mf_err *err)
{
	buf_auto struct buf keys = BUF_INIT;

	for (const struct check_setting *s = check_settings; s->key != NULL; s++)
		buf_printf(&keys, "%s%s", s == check_settings ? "" : ", ", s->key);
	return mf_err_set(err, MF_EDATA, "%s: must be one of %s", key, buf_str(&keys));
}

int check_spec_set(struct check_spec *spec, const char *key, const char *value, struct mf_err *err)
{
	for (const struct check_setting *s = check_settings; s->key != NULL; s++) {
		if (strcmp(s->key, key) != 0)
			continue;
		if (s->is_http && !spec->kind->is_http)
			return mf_err_set(err, MF_EDATA, "%s: only for http and https", key);
		return s->set(spec, value, err) == 0 ? 0 : mf_err_wrap(err, "%s", key);
	}
	return refuse_setting(key, err);
}

/* --- from text -------------------------------------------------------------------------------- */

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

int check_spec_parse(const char *text, struct check_spec **ret_spec, struct mf_err *err)
{
	size_t len = strcspn(text, ":");
	const struct check_kind *kind = find_kind(text, len);
	struct check_spec *spec;

	if (strlen(text) > MAX_TEXT)
		return check_spec_refuse(text, err, "too long (4096 bytes at most)");
	if (kind == NULL || (text[len] == '\0' && kind != &check_tcp))
		return refuse_kind(text, err);
	spec = MEM_NEW(spec);
	*spec = (struct check_spec){
	    .kind = kind,
	    .status_min = 200,
	    .status_max = 399,
	    .interval_ms = 10000,
	    .timeout_ms = 2000,
	    .rise = 1,
	    .fall = 3,
	};
	if (kind->parse(text + len, spec, err) != 0) {
		check_spec_free(spec);
		return err->code;
	}
	*ret_spec = spec;
	return 0;
}

/* --- from files ------------------------------------------------------------------------------- */

static bool is_kind(const struct node *node)
{
	return find_kind(node->key, strlen(node->key)) != NULL;
}

/* What follows the kind's name: `http: /health`, `tcp: 8080`, `tcp:`. */
static int read_kind(const struct node *node, struct check_spec **ret_spec, struct mf_err *err)
{
	bool is_program = find_kind(node->key, strlen(node->key))->is_program;
	mem_auto_free char *text = NULL;
	struct mf_err why;

	if (node->kind != NODE_SCALAR)
		return node_error(node, err, "%s: must be a single value", node->key);
	if (node->style == NODE_NULL || node->text[0] == '\0')
		text = mem_printf("%s%s", node->key, strcmp(node->key, "tcp") == 0 ? "" : ":");
	else if (!is_program && str_has_prefix(node->text, node->key) &&
		 node->text[strlen(node->key)] == ':')
		text = mem_dup_str(node->text); /* http: http://... */
	else
		text = mem_printf("%s:%s", node->key, node->text);
	if (check_spec_parse(text, ret_spec, &why) != 0)
		return node_error(node, err, "%s", why.msg);
	return 0;
}

static int read_setting(struct check_spec *spec, const char *key, const struct node *node,
			struct mf_err *err)
{
	struct mf_err why;

	if (node->kind != NODE_SCALAR || node->style == NODE_NULL)
		return node_error(node, err, "%s: must be a single value", key);
	if (check_spec_set(spec, key, node->text, &why) != 0)
		return node_error(node, err, "%s", why.msg);
	return 0;
}

static int read_settings(const struct node *map, struct check_spec *spec, struct mf_err *err)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < map->child_count; i++) {
		const struct node *node = &map->children[i];
		bool is_list = node->kind == NODE_LIST && strcmp(node->key, "header") == 0;

		if (!is_list && !is_kind(node))
			code = read_setting(spec, node->key, node, err);
		for (size_t j = 0; is_list && code == 0 && j < node->child_count; j++)
			code = read_setting(spec, node->key, &node->children[j], err);
	}
	return code;
}

static int check_keys(const struct node *map, struct mf_err *err)
{
	const char *keys[MAX_KEYS];
	size_t count = 0;

	for (size_t i = 0; check_kinds[i] != NULL && count < MAX_KEYS; i++)
		keys[count++] = check_kinds[i]->name;
	for (size_t i = 0; check_settings[i].key != NULL && count < MAX_KEYS; i++)
		keys[count++] = check_settings[i].key;
	return node_check_keys(map, keys, count, err);
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

static int read_map(const struct node *map, struct check_spec **ret_spec, struct mf_err *err)
{
	const struct node *kind = NULL;
	struct check_spec *spec = NULL;
	size_t count = 0;

	if (check_keys(map, err) != 0)
		return err->code;
	for (size_t i = 0; i < map->child_count; i++) {
		if (!is_kind(&map->children[i]))
			continue;
		kind = &map->children[i];
		count++;
	}
	if (count != 1)
		return refuse_kinds(map, err);
	if (read_kind(kind, &spec, err) != 0)
		return err->code;
	if (read_settings(map, spec, err) != 0) {
		check_spec_free(spec);
		return err->code;
	}
	*ret_spec = spec;
	return 0;
}

int check_spec_read(const struct node *node, struct check_spec **ret_spec, struct mf_err *err)
{
	struct mf_err why;
	int code = 0;

	if (node->kind == NODE_MAP)
		code = read_map(node, ret_spec, err);
	else if (node->kind != NODE_SCALAR || node->style == NODE_NULL)
		code = node_error(node, err, "must be a word or a map");
	else if (check_spec_parse(node->text, ret_spec, &why) != 0)
		code = node_error(node, err, "%s", why.msg);
	return code == 0 ? 0 : mf_err_wrap(err, "check");
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

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool check_spec_is_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->kind == b->kind && is_same(a->host, b->host) && a->port == b->port &&
	       is_same(a->path, b->path) && strlist_is_equal(a->argv, b->argv) &&
	       is_same(a->method, b->method) && strlist_is_equal(a->headers, b->headers) &&
	       is_same(a->text, b->text) && a->status_min == b->status_min &&
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
	free(spec->method);
	strlist_free(spec->headers);
	free(spec->text);
	free(spec);
}
