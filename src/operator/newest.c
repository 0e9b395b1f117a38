/*
 * Keys that are there say when they changed, and those that were deleted say nothing.  But how many
 * there were at any revision can be asked: whoever has applied one at which there were others than
 * now has yet to hear of a deletion.
 */
#include "operator/newest.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/node.h"
#include "base/str.h"
#include "model/kind.h"
#include "operator/ask.h"
#include "operator/call.h"
#include "operator/fleet.h"

#define MAX_PARTS   ((size_t)16)
#define MAX_APPLIED ((size_t)16)

struct newest {
	int64_t newest, revision;
	int64_t counts[MAX_PARTS];    /* of keys below each prefix that is followed */
	int64_t applied[MAX_APPLIED]; /* by nodes: the highest revisions, each once */
	size_t applied_count;
};

static void on_begin(void *ctx)
{
	struct newest *n = ctx;

	*n = (struct newest){.newest = 0};
}

static void note_applied(struct newest *n, int64_t revision)
{
	size_t lowest = 0;

	for (size_t i = 0; i < n->applied_count; i++) {
		if (n->applied[i] == revision)
			return;
		if (n->applied[i] < n->applied[lowest])
			lowest = i;
	}
	if (n->applied_count < MAX_APPLIED)
		n->applied[n->applied_count++] = revision;
	else if (revision > n->applied[lowest])
		n->applied[lowest] = revision;
}

static void take_report(struct newest *n, const struct etcd_kv *kv)
{
	struct node *report = fleet_parse_report(kv->value, kv->value_len);
	int64_t revision;

	if (report != NULL && node_int_at(report, "revision", &revision))
		note_applied(n, revision);
	node_free(report);
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	struct newest *n = ctx;
	const char *part;

	if (str_has_prefix(key, "nodes/"))
		take_report(n, kv);
	if (kind_is_followed(key) && kv->mod_revision > n->newest)
		n->newest = kv->mod_revision;
	for (size_t i = 0; i < MAX_PARTS && (part = kind_followed_part(i)) != NULL; i++)
		n->counts[i] += str_has_prefix(key, part);
}

/* The first revision behind this one from which on there are as many as now. */
static int search(struct call *call, const char *part, int64_t count, int64_t behind, int64_t now,
		  int64_t *ret_revision, struct mf_err *err)
{
	int64_t low = behind, high = now;

	while (low + 1 < high) {
		int64_t middle = low + (high - low) / 2, n;

		if (ask_count(call, part, middle, &n, err) != 0)
			return err->code;
		if (n == count)
			high = middle;
		else
			low = middle;
	}
	*ret_revision = high;
	return 0;
}

/* What was deleted of a part since a revision that somebody has applied. */
static int look_behind(struct call *call, const struct newest *n, size_t part, int64_t applied,
		       int64_t *newest, struct mf_err *err)
{
	const char *below = kind_followed_part(part);
	int64_t count, deleted = 0;

	if (applied < n->newest || applied >= n->revision)
		return 0;
	if (ask_count(call, below, applied, &count, err) != 0)
		return err->code;
	if (count < 0 || count == n->counts[part])
		return 0;
	if (search(call, below, n->counts[part], applied, n->revision, &deleted, err) != 0)
		return err->code;
	if (deleted > *newest)
		*newest = deleted;
	return 0;
}

int newest_find(struct call *call, int64_t *ret_revision, struct mf_err *err)
{
	static const struct ask_list events = {on_begin, on_kv};
	struct newest n = {.newest = 0};
	int64_t newest;

	if (ask_list(call, "", &events, &n, &n.revision, err) != 0)
		return err->code;
	newest = n.newest;
	note_applied(&n, n.newest);
	for (size_t i = 0; i < MAX_PARTS && kind_followed_part(i) != NULL; i++)
		for (size_t j = 0; j < n.applied_count; j++)
			if (look_behind(call, &n, i, n.applied[j], &newest, err) != 0)
				return err->code;
	*ret_revision = newest;
	return 0;
}
