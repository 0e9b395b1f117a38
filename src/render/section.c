/*
 * Sections of haproxy.cfg, read line by line.  Believes nothing of what it reads, and understands
 * little of it.
 */
#include "render/section.h"

#include <stdio.h>
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
	section->is_plain = section->is_plain && span_is(word, "default-server");
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

/* --- options of servers ----------------------------------------------------------------------- */

/*
 * Management guide, `add server`, and tried on 2.6, 3.0, 3.2 and 3.4: words that mean there what
 * they mean in a file, and so many more that belong to each.
 */
static const struct {
	const char *word;
	int more;
} known[] = {
    {"addr", 1},
    {"alpn", 1},
    {"backup", 0},
    {"ca-file", 1},
    {"check", 0},
    {"check-alpn", 1},
    {"check-proto", 1},
    {"check-send-proxy", 0},
    {"check-sni", 1},
    {"check-ssl", 0},
    {"downinter", 1},
    {"error-limit", 1},
    {"fall", 1},
    {"fastinter", 1},
    {"inter", 1},
    {"maxconn", 1},
    {"maxqueue", 1},
    {"minconn", 1},
    {"observe", 1},
    {"on-error", 1},
    {"on-marked-down", 1},
    {"on-marked-up", 1},
    {"pool-low-conn", 1},
    {"pool-max-conn", 1},
    {"pool-purge-delay", 1},
    {"port", 1},
    {"proto", 1},
    {"rise", 1},
    {"send-proxy", 0},
    {"send-proxy-v2", 0},
    {"slowstart", 1},
    {"sni", 1},
    {"source", 1},
    {"ssl", 0},
    {"verify", 1},
    {"verifyhost", 1},
};

/* Without quotes, and nothing that either command line reads as more. */
static bool is_bare(struct span word)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._:/,()@+-";

	for (size_t i = 0; i < word.len; i++)
		if (memchr(allowed, word.at[i], sizeof(allowed) - 1) == NULL)
			return false;
	return word.len != 0;
}

static int words_behind(struct span word)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_is(word, known[i].word))
			return known[i].more;
	return -1;
}

static bool add_option(struct section_options *options, struct span word)
{
	size_t len = strlen(options->words);

	if (!is_bare(word) || len + word.len + 2 > sizeof(options->words))
		return false;
	(void)snprintf(options->words + len, sizeof(options->words) - len, "%s%.*s",
		       len == 0 ? "" : " ", (int)word.len, word.at);
	return true;
}

static void add_options(struct section_options *options, struct span words)
{
	struct span word;

	while ((word = span_take_word(&words)).len != 0 && word.at[0] != '#') {
		int more = words_behind(word);

		if (span_is(word, "weight")) { /* each has its own */
			(void)span_take_word(&words);
			continue;
		}
		if (more < 0 || !add_option(options, word) ||
		    (more > 0 && !add_option(options, span_take_word(&words)))) {
			if (options->unknown[0] == '\0')
				(void)snprintf(options->unknown, sizeof(options->unknown), "%.*s",
					       (int)word.len, word.at);
			return;
		}
		options->has_check = options->has_check || span_is(word, "check");
	}
}

/* `defaults NAME from OTHER`: what stands there is beside what the other has. */
static bool takes_over(struct span rest)
{
	(void)span_take_word(&rest);
	return span_is(span_take_word(&rest), "from");
}

void section_find_options(struct span config, struct span backend,
			  struct section_options *ret_options)
{
	struct section_options options = {.has_check = false};
	struct span line;
	bool is_defaults = false, is_it = false;

	while (span_take_line(&config, &line)) {
		struct span rest = line, word = span_take_word(&rest);

		if (section_opens(word)) {
			if (is_it)
				break;
			is_defaults = span_is(word, "defaults");
			is_it = span_is(word, "backend") &&
				span_compare(span_take_word(&rest), backend) == 0;
			if (is_defaults && !takes_over(rest))
				options = (struct section_options){.has_check = false};
		} else if ((is_defaults || is_it) && span_is(word, "default-server")) {
			add_options(&options, rest);
		} else if (is_it && span_is(word, "server")) {
			(void)span_take_word(&rest);
			(void)span_take_word(&rest);
			add_options(&options, rest);
			break;
		}
	}
	*ret_options = options;
}

/* --- those in reserve ------------------------------------------------------------------------- */

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
