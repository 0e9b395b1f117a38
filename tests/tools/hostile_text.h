/*
 * Texts and documents that somebody who means harm would try, drawn by a seed: the same for the
 * same. Nothing of it may be a name of anything.
 */
#ifndef MF_TESTS_HOSTILE_TEXT_H
#define MF_TESTS_HOSTILE_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

enum { HUGE_BYTES = 90 * 1000, DEEP = 2000 };

static uint64_t seed = 1;
static unsigned etcd_port = 2379, http_port = 80;
static const char *victim = "www.example.com";
static bool is_utf8; /* nothing else is said, as an engine does not */

/* xorshift64* */
static inline uint64_t draw(uint64_t below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 2685821657736338717ULL >> 33) % below;
}

#define PICK(array) (array)[draw(sizeof(array) / sizeof((array)[0]))]

static inline void repeat(struct buf *text, const char *what, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_add_str(text, what);
}

/* --- texts ------------------------------------------------------------------------------------ */

static inline void add_huge(struct buf *text)
{
	repeat(text, "x", HUGE_BYTES);
}

static inline void add_control(struct buf *text)
{
	for (int i = 0; i < 12; i++)
		buf_add_char(text, (char)(1 + draw(31)));
	buf_add_str(text, "\x7f\xc2\x9b"
			  "31m");
}

static inline void add_bytes(struct buf *text)
{
	for (int i = 0; i < 40; i++)
		buf_add_char(text, (char)(128 + draw(128)));
}

/* Nothing of this may be a name of anything. */
static inline void add_text(struct buf *text)
{
	static const char *const all[] = {
	    /* separators, of paths and of our own keys */
	    "a/b",
	    "a:b",
	    "../../etc/passwd",
	    "a//b",
	    "..",
	    "a b",
	    "/",
	    "a/../b",
	    "a@b/c",
	    " ",
	    /* templates of several kinds */
	    "{{name}}",
	    "{{{env}}}",
	    "{{#x}}{{/x}}",
	    "${PATH}",
	    "$(id)",
	    "`id`",
	    "%[env(PATH)]",
	    "%s%n%s",
	    "<%= 7*7 %>",
	    "#{7*7}",
	    /* lines of configurations and of headers */
	    "a\nprogram evil\n    command id",
	    "a\r\nx-mayfly: prod",
	    "a\n10.0.0.1 evil",
	    "a; disable frontend external",
	    "a if TRUE",
	    "a # b",
	    "a\\",
	    "\"",
	    "'",
	    "a\nserver x 127.0.0.1:1",
	    "a\tb",
	    "<script>alert(1)</script>",
	    "%0d%0ax: y",
	    /* not in what an alphabet has */
	    "\xc3\xa9",
	    "\xef\xbb\xbf-",
	    "\xe2\x80\xae-",
	    "*",
	    "*.*",
	    ".",
	    "-",
	    "",
	    "a..b.",
	};

	switch (draw(8)) {
	case 0:
		add_huge(text);
		break;
	case 1:
		add_control(text);
		break;
	case 2:
		if (is_utf8)
			buf_add_str(text, PICK(all));
		else
			add_bytes(text);
		break;
	default:
		buf_add_str(text, PICK(all));
		break;
	}
}

/* An address that is not a service's, as it can be spelled: any of loopback is etcd's by its port.
 */
static inline void add_address(struct buf *text)
{
	static const char *const loopback[] = {
	    "127.0.0.1",   "[::1]",	"[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]",
	    "127.200.3.4", "localhost", "2130706433",	      "0x7f.1",
	    "0.0.0.0",	   "[::]"};
	static const char *const link[] = {"169.254.169.254:80", "[fe80::1]:80", "[fe80::1%lo]:80",
					   "[::ffff:169.254.1.1]:80"};

	switch (draw(4)) {
	case 0:
		buf_printf(text, "127.0.0.1:%u", http_port);
		break;
	case 1:
		buf_add_str(text, PICK(link));
		break;
	default:
		buf_printf(text, "%s:%u", PICK(loopback), etcd_port);
		break;
	}
}

/* As JSON has it, but for bytes that are no UTF-8. */
static inline void add_quoted(struct buf *out, const struct buf *text)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 32)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '"');
}

static inline void add_quoted_text(struct buf *out)
{
	buf_auto struct buf text = BUF_INIT;

	add_text(&text);
	add_quoted(out, &text);
}

static inline void add_wrong_type(struct buf *out)
{
	static const char *const all[] = {"null",	"true", "-1",
					  "1e999",	"[[]]", "{\"a\":{\"b\":1}}",
					  "[null]",	"0x10", "18446744073709551616",
					  "{\"\":\"\"}"};

	buf_add_str(out, PICK(all));
}

/* --- documents -------------------------------------------------------------------------------- */

/* The value of one field is hostile. */
static inline void add_bad_field(struct buf *out, const char *name)
{
	static const char *const forms[] = {
	    "\"prefix\":%",
	    "\"header\":%",
	    "\"hosts\":[%]",
	    "\"hosts\":[\"a.example.com\",%]",
	    "\"services\":[%]",
	    "\"services\":[{\"name\":\"web\",\"version\":%}]",
	    "\"services\":[{\"name\":%}]",
	    "\"services\":[{\"name\":\"web\",\"route\":[\"/\",%]}]",
	    "\"services\":[{\"name\":\"web\",\"route\":\"/\",\"version\":\"1\",\"x\":%}]",
	    "\"extends\":%",
	    "\"expires\":%",
	    "\"services\":%"};
	const char *form = PICK(forms);
	size_t before = strcspn(form, "%");

	buf_printf(out, "{\"name\":\"%s\",%.*s", name, (int)before, form);
	if (draw(5) == 0)
		add_wrong_type(out);
	else
		add_quoted_text(out);
	buf_printf(out, "%s}", form + before + 1);
}

/* What is somebody else's; the rest of the environment may stand. */
static inline void add_claim(struct buf *out, const char *name)
{
	buf_printf(out,
		   "{\"name\":\"%s\",\"hosts\":[\"%s\"],\"services\":[{\"name\":\"evil\","
		   "\"version\":\"1\",\"route\":\"/\"}]}",
		   name, victim);
}

static inline void add_deep(struct buf *out, const char *name)
{
	buf_printf(out, "{\"name\":\"%s\",\"services\":", name);
	repeat(out, "[", DEEP);
	repeat(out, "]", DEEP);
	buf_add_char(out, '}');
}

static inline void add_many(struct buf *out, const char *name)
{
	buf_printf(out, "{\"name\":\"%s\",\"hosts\":[", name);
	for (int i = 0; i < 5000; i++)
		buf_printf(out, "%s\"%d.%s.example.com\"", i == 0 ? "" : ",", i, name);
	buf_add_str(out, "],\"services\":[]}");
}

static inline void add_twice(struct buf *out, const char *name)
{
	buf_printf(out,
		   "{\"name\":\"%s\",\"services\":[],\"services\":[{\"name\":\"evil\"}],"
		   "\"name\":\"%s\"}",
		   name, name);
}

static inline void add_document(struct buf *out, const char *name)
{
	static void (*const all[])(struct buf * out, const char *name) = {
	    add_bad_field, add_bad_field, add_bad_field, add_bad_field, add_bad_field,
	    add_bad_field, add_claim,	  add_deep,	 add_many,	add_twice};

	PICK(all)(out, name);
}

static inline void add_junk(struct buf *out)
{
	static const char *const all[] = {"&a [*a, *a]",
					  "{<<: {<<: {}}}",
					  "!!python/object/apply:os.system [id]",
					  "- - - - - - - - - - x",
					  "%YAML 9.9\n--- x",
					  "{a: b}: c",
					  "a: |\n  x\n b",
					  "\t- x",
					  "[1, 2",
					  "--- {}\n--- {}",
					  "? [a]\n: b"};

	switch (draw(4)) {
	case 0:
		add_bytes(out);
		break;
	case 1:
		repeat(out, "- 1\n", 6000);
		break;
	default:
		buf_add_str(out, PICK(all));
		break;
	}
}

#endif
