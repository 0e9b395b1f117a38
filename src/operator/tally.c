/* Sums of requests.  Knows no clock, and nothing of who reads them. */
#include "operator/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "operator/tapped.h"

struct tally {
	struct strmap *by_key; /* struct tally_row */
	size_t count;	       /* requests */
	int64_t missed;
	const struct tally_row **rows; /* as they were listed; or NULL */
};

static void free_row(void *value)
{
	struct tally_row *row = value;

	free(row->environment);
	free(row->service);
	free(row->version);
	free(row->took_ms);
	free(row);
}

struct tally *tally_new(void)
{
	struct tally *tally = MEM_NEW(tally);

	tally->by_key = strmap_new(free_row);
	return tally;
}

void tally_free(struct tally *tally)
{
	if (tally == NULL)
		return;
	strmap_free(tally->by_key);
	free(tally->rows);
	free(tally);
}

void tally_clear(struct tally *tally)
{
	strmap_free(tally->by_key);
	tally->by_key = strmap_new(free_row);
	tally->count = 0;
	tally->missed = 0;
}

static char *copy(struct span text)
{
	return mem_dup_bytes(text.len == 0 ? "" : text.at, text.len);
}

static struct tally_row *find_row(struct tally *tally, const struct tapped *tapped)
{
	buf_auto struct buf key = BUF_INIT;
	struct tally_row *row;

	buf_add(&key, tapped->environment.at, tapped->environment.len);
	buf_add_char(&key, '\n');
	buf_add(&key, tapped->service.at, tapped->service.len);
	buf_add_char(&key, ':');
	buf_add(&key, tapped->version.at, tapped->version.len);
	row = strmap_find(tally->by_key, buf_str(&key));
	if (row != NULL)
		return row;
	row = MEM_NEW(row);
	row->environment = copy(tapped->environment);
	row->service = copy(tapped->service);
	row->version = copy(tapped->version);
	strmap_set(tally->by_key, buf_str(&key), row);
	return row;
}

void tally_add(struct tally *tally, const struct tapped *tapped)
{
	struct tally_row *row;

	if (tally->count >= TALLY_MAX) {
		tally->missed++;
		return;
	}
	tally->count++;
	row = find_row(tally, tapped);
	MEM_GROW(row->took_ms, row->requests, row->cap);
	row->took_ms[row->requests++] = tapped->took_ms;
	row->errors_4xx += tapped->status / 100 == 4;
	row->errors_5xx += tapped->status / 100 == 5;
}

void tally_add_missed(struct tally *tally, unsigned count)
{
	tally->missed += count;
}

int64_t tally_missed(const struct tally *tally)
{
	return tally->missed;
}

static int compare_times(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static unsigned percentile(const struct tally_row *row, size_t percent)
{
	return row->took_ms[(row->requests * percent + 99) / 100 - 1];
}

static int compare_rows(const void *a, const void *b)
{
	const struct tally_row *x = *(const struct tally_row *const *)a;
	const struct tally_row *y = *(const struct tally_row *const *)b;
	int order = (x->requests < y->requests) - (x->requests > y->requests);

	if (order == 0)
		order = strcmp(x->environment, y->environment);
	if (order == 0)
		order = strcmp(x->service, y->service);
	return order != 0 ? order : strcmp(x->version, y->version);
}

size_t tally_list(struct tally *tally, const struct tally_row *const **ret_rows)
{
	size_t count = 0;
	void *cursor = NULL, *value;
	const char *key;

	free(tally->rows);
	tally->rows = mem_alloc((strmap_count(tally->by_key) + 1) * sizeof(const void *));
	while (strmap_next(tally->by_key, &cursor, &key, &value)) {
		struct tally_row *row = value;

		qsort(row->took_ms, row->requests, sizeof(*row->took_ms), compare_times);
		row->p50_ms = percentile(row, 50);
		row->p95_ms = percentile(row, 95);
		tally->rows[count++] = row;
	}
	if (count > 1)
		qsort(tally->rows, count, sizeof(const void *), compare_rows);
	*ret_rows = tally->rows;
	return count;
}
