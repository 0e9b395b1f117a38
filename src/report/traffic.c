/* Rows of the table between one reading and the next.  Knows no HTTP and no clock. */
#include "report/traffic.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/name.h"

enum {
	CLASSES = 4, /* of status; the columns of the table begin with them */
	BOUNDS = 10, /* of time; then so many, each without those below */
	COLUMNS = CLASSES + BOUNDS,
	ROWS_MAX = 20480, /* HAProxy's table has no more */
};

static const char *const classes[CLASSES] = {"2xx", "3xx", "4xx", "5xx"};
static const unsigned bounds_ms[BOUNDS] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10000};

struct row {
	char *environment, *service, *version; /* service and version may be "" */
	uint64_t last[COLUMNS];		       /* as HAProxy had them */
	uint64_t total[COLUMNS];	       /* since it is shown */
	uint64_t weight;		       /* answers, the older the less */
	int64_t used_at;		       /* seconds since 1970 */
	bool is_shown, is_there;
};

struct traffic {
	struct strmap *rows; /* by the table's key */
	size_t shown_max, shown;
	uint64_t rest[COLUMNS]; /* of those that are not shown */
	char pid[24];		/* of the HAProxy that was read */
};

static void free_row(void *value)
{
	struct row *row = value;

	free(row->environment);
	free(row->service);
	free(row->version);
	free(row);
}

struct traffic *traffic_new(size_t shown_max)
{
	struct traffic *traffic = MEM_NEW(traffic);

	traffic->shown_max = shown_max;
	traffic->rows = strmap_new(free_row);
	return traffic;
}

void traffic_free(struct traffic *traffic)
{
	if (traffic == NULL)
		return;
	strmap_free(traffic->rows);
	free(traffic);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* `gpc3=17`: the name ends with a number, or not. */
static bool take_number(struct span word, const char *name, unsigned *ret_index, uint64_t *ret)
{
	size_t len = strlen(name);
	const char *equal = memchr(word.at, '=', word.len);
	size_t key = equal == NULL ? 0 : (size_t)(equal - word.at);
	char digits[24];
	int64_t n;

	if (key < len || memcmp(word.at, name, len) != 0 || word.len - key > sizeof(digits))
		return false;
	*ret_index = 0;
	if (key > len && !span_parse_number((struct span){word.at + len, key - len}, ret_index))
		return false;
	memcpy(digits, equal + 1, word.len - key - 1);
	digits[word.len - key - 1] = '\0';
	if (!str_parse_int(digits, 0, INT64_MAX, &n))
		return false;
	*ret = (uint64_t)n;
	return true;
}

static char *name_or_empty(enum name_kind kind, const char *at, size_t len)
{
	return name_check(kind, at, len, NULL) == 0 ? mem_dup_bytes(at, len) : mem_dup_str("");
}

/* environment/service:version; NULL: it is none of that. */
static struct row *new_row(struct span key)
{
	const char *end = key.at + key.len, *slash = memchr(key.at, '/', key.len), *colon;
	struct row *row;

	if (slash == NULL ||
	    name_check(NAME_ENVIRONMENT, key.at, (size_t)(slash - key.at), NULL) != 0)
		return NULL;
	row = MEM_NEW(row);
	row->environment = mem_dup_bytes(key.at, (size_t)(slash - key.at));
	slash++;
	colon = memchr(slash, ':', (size_t)(end - slash));
	row->service =
	    name_or_empty(NAME_SERVICE, slash, (size_t)((colon == NULL ? end : colon) - slash));
	row->version = colon == NULL
			   ? mem_dup_str("")
			   : name_or_empty(NAME_VERSION, colon + 1, (size_t)(end - colon - 1));
	return row;
}

static struct row *find_row(struct traffic *traffic, struct span key)
{
	mem_auto_free char *copy = mem_dup_bytes(key.at, key.len);
	struct row *row = strmap_find(traffic->rows, copy);

	if (row != NULL || strmap_count(traffic->rows) >= ROWS_MAX)
		return row;
	row = new_row(key);
	if (row == NULL)
		return NULL;
	row->is_shown = traffic->shown < traffic->shown_max;
	traffic->shown += row->is_shown;
	strmap_set(traffic->rows, copy, row);
	return row;
}

/* HAProxy's may have begun anew: it forgets a row for another one when there are too many. */
static void add_columns(struct traffic *traffic, struct row *row, const uint64_t *now)
{
	bool is_new = false;

	for (size_t i = 0; i < COLUMNS; i++)
		is_new = is_new || now[i] < row->last[i];
	for (size_t i = 0; i < COLUMNS; i++) {
		uint64_t more = is_new ? now[i] : now[i] - row->last[i];

		(row->is_shown ? row->total : traffic->rest)[i] += more;
		row->weight += i < CLASSES ? more : 0;
		row->last[i] = now[i];
	}
}

/* `0x55d0: key=prod/web:1 use=0 exp=86399954 shard=0 gpc0=3 gpc1=0 ...` */
static void read_line(struct traffic *traffic, struct span line, int64_t now)
{
	uint64_t columns[COLUMNS] = {0}, left = 0, n;
	struct span word, key = {NULL, 0};
	struct row *row;
	unsigned i;

	while ((word = span_take_word(&line)).len > 0) {
		if (word.len > 4 && memcmp(word.at, "key=", 4) == 0)
			key = (struct span){word.at + 4, word.len - 4};
		else if (take_number(word, "exp", &i, &n))
			left = n;
		else if (take_number(word, "gpc", &i, &n) && i < COLUMNS)
			columns[i] = n;
	}
	row = key.len == 0 ? NULL : find_row(traffic, key);
	if (row == NULL)
		return;
	row->is_there = true;
	if (left <= (uint64_t)TRAFFIC_EXPIRE_MS)
		row->used_at = now - (TRAFFIC_EXPIRE_MS - (int64_t)left) / 1000;
	add_columns(traffic, row, columns);
}

/* A new process of HAProxy counts from nothing, and this one's last answers are not known. */
static void read_pid(struct traffic *traffic, struct span pid)
{
	void *cursor = NULL, *value;
	const char *key;

	if (pid.len >= sizeof(traffic->pid) || span_is(pid, traffic->pid))
		return;
	memcpy(traffic->pid, pid.at, pid.len);
	traffic->pid[pid.len] = '\0';
	while (strmap_next(traffic->rows, &cursor, &key, &value))
		memset(((struct row *)value)->last, 0, sizeof(((struct row *)value)->last));
}

/* --- which are shown -------------------------------------------------------------------------- */

static void show_row(struct traffic *traffic, struct row *row, bool is_shown)
{
	row->is_shown = is_shown;
	memset(row->total, 0, sizeof(row->total));
	traffic->shown += is_shown ? 1 : (size_t)-1;
}

static struct row *extreme_row(const struct traffic *traffic, bool is_shown)
{
	struct row *found = NULL;
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(traffic->rows, &cursor, &key, &value)) {
		struct row *row = value;

		if (row->is_shown == is_shown &&
		    (found == NULL ||
		     (is_shown ? row->weight < found->weight : row->weight > found->weight)))
			found = row;
	}
	return found;
}

/* One row a reading gives its place to another one that is twice as busy. */
static void choose_shown(struct traffic *traffic)
{
	struct row *next = extreme_row(traffic, false), *least;

	while (next != NULL && traffic->shown < traffic->shown_max) {
		show_row(traffic, next, true);
		next = extreme_row(traffic, false);
	}
	least = next == NULL ? NULL : extreme_row(traffic, true);
	if (least == NULL || next->weight <= 2 * least->weight)
		return;
	show_row(traffic, least, false);
	show_row(traffic, next, true);
}

/* What HAProxy has forgotten for a day; half of each weight goes with each reading. */
static void end_reading(struct traffic *traffic, int64_t now)
{
	void *cursor = NULL, *value;
	const char *key;

	choose_shown(traffic);
	while (strmap_next(traffic->rows, &cursor, &key, &value)) {
		struct row *row = value;

		row->weight /= 2;
		if (row->is_there || now - row->used_at < TRAFFIC_EXPIRE_MS / 1000) {
			row->is_there = false;
			continue;
		}
		traffic->shown -= row->is_shown;
		(void)strmap_del(traffic->rows, key);
	}
}

void traffic_read(struct traffic *traffic, const char *reply, int64_t now)
{
	struct span rest = span_of(reply), line;

	while (span_take_line(&rest, &line)) {
		if (line.len > 5 && memcmp(line.at, "Pid: ", 5) == 0)
			read_pid(traffic, (struct span){line.at + 5, line.len - 5});
		else if (line.len > 2 && memcmp(line.at, "0x", 2) == 0)
			read_line(traffic, line, now);
	}
	end_reading(traffic, now);
}

/* --- as text ---------------------------------------------------------------------------------- */

/* Names have no character that would have to be escaped. */
static void add_labels(struct buf *text, const struct row *row)
{
	buf_printf(text, "environment=\"%s\",service=\"%s\",version=\"%s\"", row->environment,
		   row->service, row->version);
}

static void add_requests(struct buf *text, const struct row *row, const uint64_t *columns)
{
	for (size_t i = 0; i < CLASSES; i++) {
		buf_add_str(text, "mayfly_requests_total{");
		add_labels(text, row);
		buf_printf(text, ",code=\"%s\"} %llu\n", classes[i],
			   (unsigned long long)columns[i]);
	}
}

/* The sum of the times is not known; each counts with the middle of its bounds. */
static void add_durations(struct buf *text, const struct row *row, const uint64_t *columns)
{
	static const char metric[] = "mayfly_request_duration_seconds";
	uint64_t count = 0, all = 0, half_ms = 0, below = 0;

	for (size_t i = 0; i < CLASSES; i++)
		all += columns[i];
	for (size_t i = 0; i < BOUNDS; i++) {
		count += columns[CLASSES + i];
		half_ms += columns[CLASSES + i] * (below + bounds_ms[i]);
		below = bounds_ms[i];
		buf_printf(text, "%s_bucket{", metric);
		add_labels(text, row);
		buf_printf(text, ",le=\"%g\"} %llu\n", bounds_ms[i] / 1e3,
			   (unsigned long long)count);
	}
	all = all < count ? count : all; /* read between one column and the other */
	half_ms += 2 * below * (all - count);
	buf_printf(text, "%s_bucket{", metric);
	add_labels(text, row);
	buf_printf(text, ",le=\"+Inf\"} %llu\n%s_sum{", (unsigned long long)all, metric);
	add_labels(text, row);
	buf_printf(text, "} %.4f\n%s_count{", (double)half_ms / 2e3, metric);
	add_labels(text, row);
	buf_printf(text, "} %llu\n", (unsigned long long)all);
}

static void add_each(const struct traffic *traffic, struct buf *text,
		     void (*add)(struct buf *, const struct row *, const uint64_t *))
{
	static char none[] = "";
	static const struct row rest = {.environment = none, .service = none, .version = none};
	void *cursor = NULL, *value;
	const char *key;

	while (strmap_next(traffic->rows, &cursor, &key, &value))
		if (((struct row *)value)->is_shown)
			add(text, value, ((struct row *)value)->total);
	add(text, &rest, traffic->rest);
}

static void add_last(struct buf *text, const struct row *row, const uint64_t *columns)
{
	(void)columns;
	if (row->environment[0] == '\0')
		return;
	buf_add_str(text, "mayfly_environment_last_request_seconds{");
	add_labels(text, row);
	buf_printf(text, "} %lld\n", (long long)row->used_at);
}

static void add_head(struct buf *text, const char *metric, const char *type, const char *help)
{
	buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

void traffic_format(const struct traffic *traffic, struct buf *ret_text)
{
	add_head(
	    ret_text, "mayfly_requests_total", "counter",
	    "Answers by HAProxy; an empty environment is the sum of those that are less busy.");
	add_each(traffic, ret_text, add_requests);
	add_head(ret_text, "mayfly_request_duration_seconds", "histogram",
		 "Time from a request to the beginning of its answer; the sum is estimated.");
	add_each(traffic, ret_text, add_durations);
	add_head(ret_text, "mayfly_environment_last_request_seconds", "gauge",
		 "When the last request of a version came.");
	add_each(traffic, ret_text, add_last);
}
