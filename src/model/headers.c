/* Changes of headers, read.  Which names nobody may change is said here. */
#include "model/headers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "model/node.h"

enum { OPS = 3 };

const char *const headers_kind_words[HEADERS_KINDS] = {
    [HEADERS_REQUEST_SET] = "request.set",	 [HEADERS_REQUEST_ADD] = "request.add",
    [HEADERS_REQUEST_REMOVE] = "request.remove", [HEADERS_RESPONSE_SET] = "response.set",
    [HEADERS_RESPONSE_ADD] = "response.add",	 [HEADERS_RESPONSE_REMOVE] = "response.remove",
};

/* --- names ------------------------------------------------------------------------------------ */

/* What a connection and a message's end are told by, who the client is, and what leads a request
 * through Mayfly, is for nobody to change. */
static bool is_reserved(const char *name)
{
	static const char *const reserved[] = {
	    "baggage",
	    "connection",
	    "content-length",
	    "forwarded",
	    "host",
	    "http2-settings",
	    "keep-alive",
	    "proxy-authenticate",
	    "proxy-connection",
	    "proxy-authorization",
	    "te",
	    "trailer",
	    "upgrade",
	    "transfer-encoding",
	};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return strstr(name, "mayfly") != NULL || str_has_prefix(name, "x-forwarded-");
}

/* A '_' is a '-' to some services, so that what is reserved would be changed by another name. */
int headers_check_name(const char *name, struct mf_err *err)
{
	if (name_check(NAME_CHANGED, name, strlen(name), err) != 0)
		return MF_EDATA;
	if (is_reserved(name))
		return mf_err_set(err, MF_EDATA, "\"%s\": no environment may change this header",
				  name);
	return 0;
}

static int check_name(const struct node *at, const char *name, struct mf_err *err)
{
	struct mf_err why;

	if (headers_check_name(name, &why) != 0)
		return node_error(at, err, "%s", why.msg);
	return 0;
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool is_of_request(enum headers_kind kind)
{
	return kind < HEADERS_RESPONSE_SET;
}

/* Takes the name over.  value: NULL where it is removed. */
static int add_change(struct headers *headers, enum headers_kind kind, const struct node *at,
		      char *name, const char *value, struct mf_err *err)
{
	struct headers_change change = {kind, name, NULL};
	int code = check_name(at, name, err);

	for (size_t i = 0; i < headers->count && code == 0; i++)
		if (is_of_request(headers->changes[i].kind) == is_of_request(kind) &&
		    strcmp(headers->changes[i].name, name) == 0)
			code = node_error(at, err, "%s: is there twice", name);
	if (code != 0) {
		free(name);
		return code;
	}
	change.value = value == NULL ? NULL : mem_dup_str(value);
	headers->changes =
	    mem_realloc(headers->changes, headers->count + 1, sizeof(*headers->changes));
	headers->changes[headers->count++] = change;
	return 0;
}

static char *lower(const char *name)
{
	char *made = mem_dup_str(name);

	str_lower(made);
	return made;
}

/* A map of names to values, or a list of names. */
static int read_op(struct headers *headers, enum headers_kind kind, const struct node *node,
		   struct mf_err *err)
{
	bool is_removal = kind == HEADERS_REQUEST_REMOVE || kind == HEADERS_RESPONSE_REMOVE;

	if (node->kind != (is_removal ? NODE_LIST : NODE_MAP))
		return node_error(node, err, "must be a %s",
				  is_removal ? "list of names" : "map of names to values");
	if (node->child_count > HEADERS_MAX)
		return node_error(node, err, "%zu of them, at most %d are allowed",
				  node->child_count, HEADERS_MAX);
	for (size_t i = 0; i < node->child_count; i++) {
		const struct node *child = &node->children[i];
		const char *text = "";

		if (is_removal ? node_get_text(child, &text, err) != 0
			       : node_get_line(child, HEADERS_VALUE_MAX, &text, err) != 0)
			return is_removal ? err->code : mf_err_wrap(err, "%s", child->key);
		if (add_change(headers, kind, child, lower(is_removal ? text : child->key),
			       is_removal ? NULL : text, err) != 0)
			return err->code;
	}
	return 0;
}

static int read_side(struct headers *headers, enum headers_kind first, const struct node *node,
		     struct mf_err *err)
{
	static const char *const keys[OPS] = {"set", "add", "remove"};

	if (node_check_keys(node, keys, OPS, err) != 0)
		return err->code;
	for (int op = 0; op < OPS; op++) {
		const struct node *child = node_find(node, keys[op]);

		if (child != NULL &&
		    read_op(headers, first + (enum headers_kind)op, child, err) != 0)
			return mf_err_wrap(err, "%s", keys[op]);
	}
	return 0;
}

static int compare_changes(const void *a, const void *b)
{
	const struct headers_change *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

/* --- as a text -------------------------------------------------------------------------------- */

static void add_string(struct buf *b, const char *s)
{
	str_add_json_string(b, s, strlen(s));
}

/* All changes of a kind from the first on; how many they are. */
static size_t add_changes(const struct headers *headers, size_t first, struct buf *b)
{
	const struct headers_change *changes = &headers->changes[first];
	size_t count = 0;

	buf_printf(b, "\"%s\":%c", strchr(headers_kind_words[changes[0].kind], '.') + 1,
		   changes[0].value == NULL ? '[' : '{');
	for (; first + count < headers->count && changes[count].kind == changes[0].kind; count++) {
		buf_add_str(b, count == 0 ? "" : ",");
		add_string(b, changes[count].name);
		if (changes[count].value == NULL)
			continue;
		buf_add_char(b, ':');
		add_string(b, changes[count].value);
	}
	buf_add_char(b, changes[0].value == NULL ? ']' : '}');
	return count;
}

static void make_text(struct headers *headers)
{
	struct buf text = BUF_INIT;

	buf_add_char(&text, '{');
	for (size_t i = 0; i < headers->count;) {
		bool is_request = is_of_request(headers->changes[i].kind);

		buf_printf(&text, "%s\"%s\":{", i == 0 ? "" : ",",
			   is_request ? "request" : "response");
		while (i < headers->count &&
		       is_of_request(headers->changes[i].kind) == is_request) {
			if (text.data[text.len - 1] != '{')
				buf_add_char(&text, ',');
			i += add_changes(headers, i, &text);
		}
		buf_add_char(&text, '}');
	}
	buf_add_char(&text, '}');
	headers->text = buf_take(&text);
}

/* --- the whole -------------------------------------------------------------------------------- */

int headers_read(const struct node *node, struct headers **ret_headers, struct mf_err *err)
{
	static const char *const keys[] = {"request", "response"};
	static const enum headers_kind firsts[] = {HEADERS_REQUEST_SET, HEADERS_RESPONSE_SET};
	struct headers *headers = MEM_NEW(headers);
	int code = node_check_keys(node, keys, 2, err);

	headers->refs = 1;
	for (size_t i = 0; i < 2 && code == 0; i++) {
		const struct node *side = node_find(node, keys[i]);

		if (side != NULL && read_side(headers, firsts[i], side, err) != 0)
			code = mf_err_wrap(err, "%s", keys[i]);
	}
	if (code != 0) {
		headers_unref(headers);
		return code;
	}
	if (headers->count > 1)
		qsort(headers->changes, headers->count, sizeof(*headers->changes), compare_changes);
	make_text(headers);
	*ret_headers = headers;
	return 0;
}

struct headers *headers_ref(struct headers *headers)
{
	if (headers != NULL)
		headers->refs++;
	return headers;
}

void headers_unref(struct headers *headers)
{
	if (headers == NULL || --headers->refs != 0)
		return;
	for (size_t i = 0; i < headers->count; i++) {
		free(headers->changes[i].name);
		free(headers->changes[i].value);
	}
	free(headers->changes);
	free(headers->text);
	free(headers);
}

#define NAME "\"pattern\":\"^[A-Za-z0-9-]{1,64}$\""
#define VALUES                                                                                     \
	"{\"type\":\"object\",\"maxProperties\":16,\"propertyNames\":{" NAME                       \
	"},\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"],\"minLength\":"  \
	"1,"                                                                                       \
	"\"maxLength\":512}}"
#define SIDE                                                                                       \
	"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"set\":" VALUES      \
	",\"add\":" VALUES ",\"remove\":{\"type\":\"array\",\"maxItems\":16,\"items\":{"           \
	"\"type\":\"string\"," NAME "}}}}"
const char headers_schema[] = "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
			      "\"request\":" SIDE ",\"response\":" SIDE "}";
