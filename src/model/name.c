/*
 * What names may look like: one table of alphabets and lengths, and the error messages.
 * Knows nothing of where a name stands.
 */
#include "model/name.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define DIGITS	   "0123456789"
#define LOWER	   "abcdefghijklmnopqrstuvwxyz"
#define UPPER	   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define QUOTED_MAX ((size_t)64)
#define LABEL_MAX  ((size_t)63)

enum shape { SHAPE_ANY, SHAPE_LABELS, SHAPE_TAG, SHAPE_PATH };

static const struct rule {
	const char *chars; /* NULL: printable ASCII but '/' and space */
	size_t max;
	enum shape shape;
} rules[] = {
    [NAME_ENVIRONMENT] = {LOWER DIGITS "-", 63, SHAPE_LABELS},
    [NAME_PREFIX] = {LOWER DIGITS "-", 63, SHAPE_LABELS},
    [NAME_HEADER] = {LOWER UPPER DIGITS "._-", 128, SHAPE_ANY},
    [NAME_HOST] = {LOWER DIGITS "-.", 253, SHAPE_LABELS},
    [NAME_SERVICE] = {LOWER DIGITS "_-.", 63, SHAPE_LABELS},
    [NAME_VERSION] = {LOWER UPPER DIGITS "_.-", 128, SHAPE_TAG},
    [NAME_INSTANCE] = {NULL, 255, SHAPE_ANY},
    [NAME_FIELD] = {LOWER UPPER DIGITS "_-", 64, SHAPE_ANY},
    [NAME_PARAMETER] = {LOWER UPPER DIGITS "_.-", 64, SHAPE_ANY},
    [NAME_CHANGED] = {LOWER DIGITS "-", 64, SHAPE_ANY},
    [NAME_ROUTE] = {LOWER UPPER DIGITS "/._~%@:+=,-", 512, SHAPE_PATH},
};
_Static_assert(sizeof(rules) / sizeof(rules[0]) == NAME_KINDS, "one rule a kind");

void name_add_quoted(struct buf *b, const char *s, size_t len)
{
	size_t cut = len;

	if (cut > QUOTED_MAX) {
		cut = QUOTED_MAX;
		while (cut > QUOTED_MAX - 4 && ((unsigned char)s[cut] & 0xc0) == 0x80)
			cut--; /* not within a UTF-8 sequence */
	}
	buf_add_char(b, '"');
	str_add_escaped(b, s, cut);
	buf_add_str(b, cut < len ? "...\"" : "\"");
}

static int refuse(const char *s, size_t len, struct mf_err *err, const char *why)
{
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, s, len);
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data, why);
}

static bool is_allowed(const struct rule *rule, char c)
{
	if (rule->chars == NULL)
		return c > ' ' && c < 0x7f && c != '/';
	return c != '\0' && strchr(rule->chars, c) != NULL;
}

/* Names the character at s[i] for people. */
static void describe(struct buf *b, const char *s, size_t len, size_t i)
{
	unsigned char c = (unsigned char)s[i];
	size_t n = 1;

	if (c == ' ')
		buf_add_str(b, "a space");
	else if (c == '\n')
		buf_add_str(b, "a newline");
	else if (c == '\t')
		buf_add_str(b, "a tab");
	else if (c < 0x20 || c == 0x7f)
		buf_printf(b, "a control character (0x%02x)", c);
	else if (c >= 'A' && c <= 'Z')
		buf_printf(b, "\"%c\": write lower case", c);
	else {
		while (c >= 0x80 && n < 4 && i + n < len &&
		       ((unsigned char)s[i + n] & 0xc0) == 0x80)
			n++;
		name_add_quoted(b, s + i, n);
	}
}

static const char *check_labels(const char *s, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != '.')
			continue;
		if (i == start)
			return "not allowed: an empty label (\".\" at its start, its end or "
			       "doubled)";
		if (i - start > LABEL_MAX)
			return "a label between dots is longer than 63 bytes";
		if (s[start] == '-' || s[i - 1] == '-')
			return "not allowed: \"-\" at the start or the end";
		start = i + 1;
	}
	return NULL;
}

/* "%61" is "a", and matched as that: what RFC 3986, section 2.3, calls unreserved. */
static bool is_plain_escape(const char *s, size_t len)
{
	const char hex[] = {len > 1 ? s[1] : '\0', len > 2 ? s[2] : '\0', '\0'};
	unsigned char c;

	if (s[0] != '%' || strspn(hex, "0123456789abcdefABCDEF") != 2)
		return false;
	c = (unsigned char)strtoul(hex, NULL, 16);
	return c != '\0' && strchr(LOWER UPPER DIGITS "-._~", c) != NULL;
}

static const char *check_path(const char *s, size_t len)
{
	size_t start = 1;

	if (s[0] != '/')
		return "must start with \"/\"";
	for (size_t i = 1; i <= len; i++) {
		size_t n = i - start;

		if (i < len && is_plain_escape(s + i, len - i))
			return "not allowed: the escape of a plain letter, a digit or \"-._~\": "
			       "write it as it is";
		if (i < len && s[i] != '/')
			continue;
		if (n == 0 && i < len)
			return "not allowed: \"//\"";
		if ((n == 1 || n == 2) && memcmp(s + start, "..", n) == 0)
			return "not allowed: \".\" or \"..\" as a segment";
		start = i + 1;
	}
	return NULL;
}

static const char *check_shape(enum shape shape, const char *s, size_t len)
{
	switch (shape) {
	case SHAPE_LABELS:
		return check_labels(s, len);
	case SHAPE_PATH:
		return check_path(s, len);
	case SHAPE_TAG:
		return s[0] == '.' || s[0] == '-' ? "must start with a letter, a digit or \"_\""
						  : NULL;
	case SHAPE_ANY:
		break;
	}
	return NULL;
}

bool name_find_fault(enum name_kind kind, const char *s, size_t len, struct buf *ret_why)
{
	const struct rule *rule = &rules[kind];
	const char *wrong;

	if (len > rule->max) {
		buf_printf(ret_why, "too long (%zu bytes, at most %zu)", len, rule->max);
		return true;
	}
	for (size_t i = 0; i < len; i++) {
		if (is_allowed(rule, s[i]))
			continue;
		buf_add_str(ret_why, "not allowed: ");
		describe(ret_why, s, len, i);
		return true;
	}
	wrong = len == 0 ? "must not be empty" : check_shape(rule->shape, s, len);
	if (wrong != NULL)
		buf_add_str(ret_why, wrong);
	return wrong != NULL;
}

int name_check(enum name_kind kind, const char *s, size_t len, struct mf_err *err)
{
	buf_auto struct buf why = BUF_INIT;

	return name_find_fault(kind, s, len, &why) ? refuse(s, len, err, buf_str(&why)) : 0;
}

/* text is bounded: inet_pton takes no length. */
static bool canonicalize(int family, const char *s, size_t len, char ret_text[INET6_ADDRSTRLEN])
{
	static const struct in6_addr any6 = IN6ADDR_ANY_INIT;
	struct in6_addr address = {0};
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text) || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	if (inet_pton(family, text, &address) != 1)
		return false;
	if (family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&address)) { /* the kernel connects by IPv4 */
		family = AF_INET;
		memmove(&address, address.s6_addr + 12, 4);
		memset(address.s6_addr + 4, 0, sizeof(address) - 4);
	}
	/* To connect to "any address" is to connect to whatever HAProxy makes of it. */
	if (memcmp(&address, &any6, sizeof(address)) == 0)
		return false;
	return inet_ntop(family, &address, ret_text, INET6_ADDRSTRLEN) != NULL;
}

int name_parse_address(const char *s, size_t len, char **ret_address, struct mf_err *err)
{
	char text[INET6_ADDRSTRLEN];

	if (!canonicalize(AF_INET, s, len, text) && !canonicalize(AF_INET6, s, len, text))
		return refuse(s, len, err,
			      "must be a numeric address, such as 10.0.0.5 or fd00::5");
	*ret_address = mem_dup_str(text);
	return 0;
}

static bool parse_port(const char *s, size_t len, unsigned *ret_port)
{
	unsigned port = 0;

	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		port = port * 10 + (unsigned)(s[i] - '0');
	}
	*ret_port = port;
	return port >= 1 && port <= 65535;
}

int name_parse_endpoint(const char *s, size_t len, char **ret_address, unsigned *ret_port,
			struct mf_err *err)
{
	char text[INET6_ADDRSTRLEN];
	const char *colon = memrchr(s, ':', len);
	size_t n = colon == NULL ? 0 : (size_t)(colon - s);
	unsigned port;
	bool good;

	if (n > 2 && s[0] == '[' && s[n - 1] == ']')
		good = canonicalize(AF_INET6, s + 1, n - 2, text);
	else
		good = canonicalize(AF_INET, s, n, text);
	if (!good)
		return refuse(s, len, err,
			      "must be a numeric address and a port, such as 10.0.0.5:8080 or "
			      "[fd00::5]:8080");
	if (!parse_port(s + n + 1, len - n - 1, &port))
		return refuse(s, len, err, "the port must be a number from 1 to 65535");
	*ret_address = mem_dup_str(text);
	*ret_port = port;
	return 0;
}
