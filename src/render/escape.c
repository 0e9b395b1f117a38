/*
 * Escaping, one function for each kind of output.  Knows only bytes: what a value means is the
 * templates' matter.
 */
#include "render/escape.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

int escape_none(struct buf *out, const char *s, size_t len, struct mf_err *err)
{
	(void)err;
	buf_add(out, s, len);
	return 0;
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

int escape_html(struct buf *out, const char *s, size_t len, struct mf_err *err)
{
	size_t done = 0;

	(void)err;
	for (size_t i = 0; i < len; i++) {
		const char *entity = html_entity(s[i]);

		if (entity == NULL)
			continue;
		buf_add(out, s + done, i - done);
		buf_add_str(out, entity);
		done = i + 1;
	}
	buf_add(out, s + done, len - done);
	return 0;
}

/*
 * How an ASCII byte is written in a word of haproxy.cfg: '.' as it is, '\\' behind a backslash, 'x'
 * as \xHH.  The quotes are never written bare, so that a tag inside a template's own quotes cannot
 * end them either.  '$' must not meet HAProxy's environment, and ' has no backslash form within "".
 */
static const char haproxy_forms[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
				    "\\.\\\\x..x........................"
				    "............................\\..."
				    "...............................x";
static_assert(sizeof(haproxy_forms) == 0x80 + 1, "one form for each ASCII byte");

static char haproxy_form(unsigned char c)
{
	return (char)(c < 0x80 ? haproxy_forms[c] : '.');
}

static void add_haproxy_byte(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	buf_add_char(out, '\\');
	if (haproxy_form(c) == '\\') {
		buf_add_char(out, (char)c);
	} else if (c == '\n') {
		buf_add_char(out, 'n');
	} else {
		buf_add_char(out, 'x');
		buf_add_char(out, digits[c >> 4]);
		buf_add_char(out, digits[c & 15]);
	}
}

int escape_haproxy(struct buf *out, const char *s, size_t len, struct mf_err *err)
{
	size_t done = 0;

	if (len == 0) {
		buf_add(out, "\"\"", 2);
		return 0;
	}
	if (memchr(s, '\0', len) != NULL)
		return mf_err_set(err, MF_EDATA, "not allowed: a NUL byte");
	for (size_t i = 0; i < len; i++) {
		if (haproxy_form((unsigned char)s[i]) == '.')
			continue;
		buf_add(out, s + done, i - done);
		add_haproxy_byte(out, (unsigned char)s[i]);
		done = i + 1;
	}
	buf_add(out, s + done, len - done);
	return 0;
}

/* Why a byte that cannot be part of a word of a map or hosts file cannot. */
static const char *word_fault(unsigned char c)
{
	switch (c) {
	case ' ':
		return "a space";
	case '"':
	case '\'':
		return "a quote";
	case '#':
		return "'#'";
	case ';':
		return "';'";
	case '\\':
		return "a backslash";
	default:
		return c > 0x7f ? "a byte that is not ASCII" : "a control byte";
	}
}

/* Whether it can be one: '.' or 'x' for each ASCII byte, as maps have megabytes of them. */
static const char word_forms[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
				 "x.xx...x...................x...."
				 "............................x..."
				 "...............................x";
static_assert(sizeof(word_forms) == 0x80 + 1, "one form for each ASCII byte");

int escape_word(struct buf *out, const char *s, size_t len, struct mf_err *err)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0;

	if (len == 0)
		return mf_err_set(err, MF_EDATA, "not allowed: an empty value");
	while (i < len && p[i] < 0x80 && word_forms[p[i]] == '.')
		i++;
	if (i < len)
		return mf_err_set(err, MF_EDATA, "not allowed: %s", word_fault(p[i]));
	buf_add(out, s, len);
	return 0;
}

static const struct {
	const char *name;
	template_escape_fn *escape;
} escapes[] = {
    {"html", escape_html},
    {"haproxy", escape_haproxy},
    {"word", escape_word},
    {"none", escape_none},
};

template_escape_fn *escape_find(const char *name)
{
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		if (strcmp(escapes[i].name, name) == 0)
			return escapes[i].escape;
	}
	return NULL;
}
