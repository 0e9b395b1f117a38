/* A line of HAProxy's ring.  Knows no sockets. */
#include "operator/tapped.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "operator/doc.h"
#include "operator/tapped_log.h"
#include "operator/whose.h"

enum {
	TIME,
	CALLER,
	METHOD,
	STATUS,
	TOOK,
	BACKEND, /* that was used: a version, what stands in for one, or a section of ours */
	SERVER,
	ENVIRONMENT,
	WANTED, /* what was looked for, in this order: each with what stands in for it */
	CHOSEN,
	CHOSEN_SPARE,
	NEXT,
	NEXT_SPARE,
	ERROR,
	WORD_COUNT,
};

#define NOBODY "nothing-there" /* the backend that says why nobody answers */
#define SPARE  "spare::"

static bool is_prefix(const char *prefix, struct span s)
{
	return s.len >= strlen(prefix) && memcmp(s.at, prefix, strlen(prefix)) == 0;
}

static bool is_same(struct span a, struct span b)
{
	return span_compare(a, b) == 0;
}

/* What HAProxy writes for nothing, such as "-" and "<NOSRV>". */
static struct span unless_none(struct span word)
{
	if (span_is(word, "-") || (word.len > 0 && word.at[0] == '<'))
		word.len = 0;
	return word;
}

/* "1795970126.025" */
static bool parse_time(struct span word, struct tapped *tapped)
{
	const char *dot = memchr(word.at, '.', word.len);
	struct span seconds, ms;

	if (dot == NULL || word.at + word.len - dot != 4)
		return false;
	seconds = (struct span){word.at, (size_t)(dot - word.at)};
	if (seconds.len > 12)
		return false;
	for (size_t i = 0; i < seconds.len; i++) {
		if (seconds.at[i] < '0' || seconds.at[i] > '9')
			return false;
		tapped->seconds = 10 * tapped->seconds + (seconds.at[i] - '0');
	}
	ms = (struct span){dot + 1, 3};
	while (ms.len > 1 && ms.at[0] == '0')
		ms = (struct span){ms.at + 1, ms.len - 1};
	return span_parse_number(ms, &tapped->milliseconds);
}

/* service:version */
static void split(struct span name, struct tapped *tapped)
{
	const char *colon = name.len == 0 ? NULL : memchr(name.at, ':', name.len);

	if (colon == NULL)
		return;
	tapped->service = (struct span){name.at, (size_t)(colon - name.at)};
	tapped->version = (struct span){colon + 1, name.len - tapped->service.len - 1};
}

static void find_version(const struct span *words, struct tapped *tapped)
{
	struct span used = words[BACKEND];

	if (is_prefix(SPARE, used))
		split(is_same(words[NEXT_SPARE], used)	   ? words[NEXT]
		      : is_same(words[CHOSEN_SPARE], used) ? words[CHOSEN]
							   : words[WANTED],
		      tapped);
	else
		split(span_is(used, NOBODY) ? words[WANTED] : used, tapped);
}

static bool parse_tap(struct span line, struct tapped *ret_tapped)
{
	struct tapped tapped = {.seconds = 0};
	struct span words[WORD_COUNT];

	for (size_t i = 0; i < WORD_COUNT; i++) {
		words[i] = span_take_word(&line);
		if (words[i].len == 0)
			return false;
	}
	if (!parse_time(words[TIME], &tapped))
		return false;
	/* "-1" where there was none */
	if (!span_parse_number(words[STATUS], &tapped.status))
		tapped.status = 0;
	(void)span_parse_number(words[TOOK], &tapped.took_ms);
	tapped.caller = unless_none(words[CALLER]);
	tapped.method = unless_none(words[METHOD]);
	tapped.environment = unless_none(words[ENVIRONMENT]);
	tapped.instance = unless_none(words[SERVER]);
	tapped.error = unless_none(words[ERROR]);
	tapped.path = unless_none(span_trim(line));
	find_version(words, &tapped);
	*ret_tapped = tapped;
	return true;
}

static bool parse_log(const struct span *values, struct tapped *ret_tapped)
{
	struct tapped tapped = {.seconds = 0};

	if (!parse_time(values[TAPPED_LOG_TIME], &tapped))
		return false;
	if (!span_parse_number(values[TAPPED_LOG_STATUS], &tapped.status))
		tapped.status = 0;
	(void)span_parse_number(values[TAPPED_LOG_MS], &tapped.took_ms);
	tapped.caller = unless_none(values[TAPPED_LOG_CLIENT]);
	tapped.method = values[TAPPED_LOG_METHOD];
	tapped.environment = unless_none(values[TAPPED_LOG_ENVIRONMENT]);
	tapped.service = unless_none(values[TAPPED_LOG_SERVICE]);
	tapped.version = unless_none(values[TAPPED_LOG_VERSION]);
	tapped.instance = unless_none(values[TAPPED_LOG_INSTANCE]);
	tapped.error = unless_none(values[TAPPED_LOG_ERROR]);
	*ret_tapped = tapped;
	ret_tapped->path = tapped_log_unescape(values[TAPPED_LOG_PATH], ret_tapped->path_copy,
					       sizeof(ret_tapped->path_copy));
	return true;
}

bool tapped_parse(struct span line, struct tapped *ret_tapped)
{
	struct span values[TAPPED_LOG_COUNT];

	return tapped_log_split(line, values) ? parse_log(values, ret_tapped)
					      : parse_tap(line, ret_tapped);
}

bool tapped_parse_missed(struct span line, unsigned *ret_count)
{
	struct span number = span_take_word(&line), events = span_take_word(&line);

	return is_prefix("event", events) && is_prefix("dropped", span_trim(line)) &&
	       span_parse_number(number, ret_count);
}

/* --- as a row ----------------------------------------------------------------------------------
 */

static void add_text(struct node *row, const char *key, struct span text)
{
	buf_auto struct buf copy = BUF_INIT;

	if (text.len == 0)
		return;
	buf_add(&copy, text.at, text.len);
	doc_add_text(row, key, buf_str(&copy));
}

static void add_time(struct node *row, const struct tapped *tapped, bool is_page)
{
	buf_auto struct buf time = BUF_INIT;

	str_add_time(&time, tapped->seconds, (int)tapped->milliseconds);
	if (is_page) /* people know which day it is */
		buf_drop_front(&time, strlen("2026-11-29T"));
	doc_add_text(row, "time", buf_str(&time));
}

/* What has so many names, such as a host that all share, has none.  For people in its place. */
static void add_caller(struct node *row, const struct tapped *tapped, const struct whose *callers,
		       bool is_page)
{
	bool has_names = callers->count > 0 && callers->count <= TAPPED_MAX_CALLERS;
	struct node *list;

	if (!is_page || !has_names)
		add_text(row, "caller", tapped->caller);
	if (!has_names)
		return;
	list = doc_add_list(row, is_page ? "caller" : "caller_names");
	for (size_t i = 0; i < callers->count; i++) {
		const struct whose_name *name = &callers->list[i];
		buf_auto struct buf text = BUF_INIT;

		buf_add_str(&text, name->version);
		if (name->instance != NULL)
			buf_printf(&text, "/%s", name->instance);
		doc_add_text(list, NULL, buf_str(&text));
	}
}

/* They stand together in a line of tap's own, and not in the access log's. */
static void add_version_name(struct node *row, const struct tapped *tapped)
{
	buf_auto struct buf name = BUF_INIT;

	buf_add(&name, tapped->service.at, tapped->service.len);
	buf_add_char(&name, ':');
	buf_add(&name, tapped->version.at, tapped->version.len);
	add_text(row, "version_name", (struct span){name.data, name.len});
}

void tapped_add_row(struct node *list, const char *node, const struct tapped *tapped,
		    const struct whose *callers, bool is_page)
{
	struct node *row = doc_add_map(list, NULL);

	add_time(row, tapped, is_page);
	doc_add_text(row, "node", node);
	add_text(row, "environment", tapped->environment);
	add_text(row, "method", tapped->method);
	add_text(row, "path", tapped->path);
	add_text(row, "service", tapped->service);
	add_text(row, "version", tapped->version);
	if (is_page && tapped->service.len > 0)
		add_version_name(row, tapped);
	add_text(row, "instance", tapped->instance);
	if (tapped->status > 0)
		doc_add_int(row, "status", tapped->status);
	doc_add_int(row, "ms", tapped->took_ms);
	add_caller(row, tapped, callers, is_page);
	add_text(row, "error", tapped->error);
}
