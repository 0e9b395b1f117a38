/*
 * Sections of haproxy.cfg, read line by line.  Believes nothing of what it reads, and understands
 * little of it.
 */
#include "render/section.h"

#include <string.h>

#include "base/str.h"

enum { KIND_DIGITS = 16 };

/* HAProxy configuration manual, sections 2 to 4 and 12: the keywords that open a section. */
bool section_opens(struct span word)
{
	static const char *const words[] = {
	    "global",	 "defaults",  "frontend",    "backend",	    "listen",
	    "peers",	 "resolvers", "userlist",    "mailers",	    "program",
	    "cache",	 "ring",      "fcgi-app",    "http-errors", "traces",
	    "crt-store", "acme",      "log-forward", "lua",	    "log-profile",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_is(word, words[i]))
			return true;
	return false;
}

void section_begin(struct section *section, struct span rest)
{
	*section = (struct section){
	    .name = span_take_word(&rest), .kind = STR_HASH_INIT, .is_plain = true};
}

/* Same manual, `balance`: the algorithms that take servers by the runtime API. */
static bool is_dynamic(struct span algorithm)
{
	return span_is(algorithm, "roundrobin") || span_is(algorithm, "leastconn") ||
	       span_is(algorithm, "random") || span_is(algorithm, "first");
}

void section_add_line(struct section *section, struct span line)
{
	struct span rest = line, word = span_take_word(&rest);

	if (word.len == 0 || word.at[0] == '#' || span_is(word, "server"))
		return;
	if (span_is(word, "balance"))
		section->is_static = !is_dynamic(span_take_word(&rest));
	section->is_plain = false;
	section->kind = str_hash(str_hash(section->kind, line.at, line.len), "\n", 1);
}

void section_walk_backends(struct span config, section_fn *on_backend, void *ctx)
{
	struct span line;
	struct section section;
	bool is_backend = false;

	while (span_take_line(&config, &line)) {
		struct span rest = line, word = span_take_word(&rest);

		if (!section_opens(word)) {
			if (is_backend)
				section_add_line(&section, line);
			continue;
		}
		if (is_backend)
			on_backend(ctx, &section);
		is_backend = span_is(word, "backend");
		section_begin(&section, rest);
	}
	if (is_backend)
		on_backend(ctx, &section);
}

static bool parse_digits(struct span digits, uint64_t *ret)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t value = 0;

	for (size_t i = 0; i < KIND_DIGITS; i++) {
		const char *at = i < digits.len ? memchr(hex, digits.at[i], KIND_DIGITS) : NULL;

		if (at == NULL)
			return false;
		value = value << 4 | (uint64_t)(at - hex);
	}
	*ret = value;
	return true;
}

bool section_is_spare(struct span name, uint64_t *ret_kind)
{
	size_t skip = strlen(SECTION_SPARE);

	return name.len > skip + KIND_DIGITS && memcmp(name.at, SECTION_SPARE, skip) == 0 &&
	       parse_digits((struct span){name.at + skip, name.len - skip}, ret_kind);
}
