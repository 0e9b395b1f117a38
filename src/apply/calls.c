/* Counts of calls, added up by the caller's address.  Knows no registry. */
#include "apply/calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/span.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/name.h"

struct calls {
	const char *probe;    /* NULL: none */
	struct strmap *index; /* of callers, from 1, by address */
	struct calls_caller *callers;
	size_t count, cap;
};

struct calls *calls_new(const char *probe)
{
	struct calls *calls = MEM_NEW(calls);

	calls->probe = probe;
	calls->index = strmap_new(NULL);
	return calls;
}

void calls_free(struct calls *calls)
{
	if (calls == NULL)
		return;
	for (size_t i = 0; i < calls->count; i++) {
		for (size_t j = 0; j < calls->callers[i].called_count; j++)
			free(calls->callers[i].called[j].service);
		free(calls->callers[i].called);
		free(calls->callers[i].address);
	}
	free(calls->callers);
	strmap_free(calls->index);
	free(calls);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct entry {
	struct span address, service, probe;
	uint64_t calls;
	int64_t idle_ms;
};

/* The number behind the last place where the line says this. */
static bool find_number(struct span line, const char *before, int64_t *ret)
{
	size_t len = strlen(before);
	char digits[24];
	size_t count = 0;

	for (size_t at = line.len; at-- > 0;) {
		if (at + len > line.len || memcmp(line.at + at, before, len) != 0)
			continue;
		for (at += len; at < line.len && count < sizeof(digits) - 1; at++) {
			if (line.at[at] < '0' || line.at[at] > '9')
				break;
			digits[count++] = line.at[at];
		}
		digits[count] = '\0';
		return str_parse_int(digits, 0, INT64_MAX, ret);
	}
	return false;
}

/* What an IPv4 client has at an address of IPv6, it has at its own. */
static struct span take_mapped(struct span address)
{
	static const char mapped[] = "::ffff:";
	size_t len = sizeof(mapped) - 1;

	if (address.len > len && memcmp(address.at, mapped, len) == 0 &&
	    memchr(address.at, '.', address.len) != NULL)
		return (struct span){address.at + len, address.len - len};
	return address;
}

/* `0x55d0: key=10.0.0.7/search use=0 exp=86399954 shard=0 http_req_cnt=3` */
static bool read_entry(struct span line, struct entry *ret)
{
	struct span rest = line, key;
	int64_t calls, left;
	const char *slash, *second;

	(void)span_take_word(&rest);
	key = span_take_word(&rest);
	slash = key.len < 4 ? NULL : memchr(key.at, '/', key.len);
	if (slash == NULL || memcmp(key.at, "key=", 4) != 0 ||
	    !find_number(line, "http_req_cnt=", &calls) || !find_number(line, " exp=", &left))
		return false;
	ret->address = take_mapped((struct span){key.at + 4, (size_t)(slash - key.at) - 4});
	ret->service = (struct span){slash + 1, (size_t)(key.at + key.len - slash) - 1};
	second = memchr(ret->service.at, '/', ret->service.len);
	ret->probe = span_of("");
	if (second != NULL) {
		ret->probe = (struct span){second + 1, (size_t)(key.at + key.len - second) - 1};
		ret->service.len = (size_t)(second - ret->service.at);
	}
	if (name_check(NAME_SERVICE, ret->service.at, ret->service.len, NULL) != 0)
		ret->service = span_of("");
	ret->calls = (uint64_t)calls;
	ret->idle_ms = left < CALLS_EXPIRE_MS ? CALLS_EXPIRE_MS - left : 0;
	return ret->address.len != 0;
}

/* --- adding up -------------------------------------------------------------------------------- */

static struct calls_caller *find_caller(struct calls *calls, struct span address)
{
	uintptr_t known = (uintptr_t)strmap_find_bytes(calls->index, address.at, address.len);
	struct calls_caller *caller;

	if (known != 0)
		return &calls->callers[known - 1];
	MEM_GROW(calls->callers, calls->count, calls->cap);
	caller = &calls->callers[calls->count++];
	*caller = (struct calls_caller){.address = mem_dup_bytes(address.at, address.len)};
	strmap_set(calls->index, caller->address, (void *)(uintptr_t)calls->count);
	return caller;
}

static struct calls_called *find_called(struct calls_caller *caller, struct span service)
{
	struct calls_called *called;

	for (size_t i = 0; i < caller->called_count; i++)
		if (span_is(service, caller->called[i].service))
			return &caller->called[i];
	caller->called =
	    mem_realloc(caller->called, caller->called_count + 1, sizeof(*caller->called));
	called = &caller->called[caller->called_count++];
	*called = (struct calls_called){.service = mem_dup_bytes(service.at, service.len)};
	return called;
}

static void add(struct calls_count *count, const struct entry *entry, bool is_without)
{
	bool is_first = count->calls == 0 || (is_without && count->without == 0);

	count->calls += entry->calls;
	count->without += is_without ? entry->calls : 0;
	if (is_first || (is_without == (count->without != 0) && entry->idle_ms < count->idle_ms))
		count->idle_ms = entry->idle_ms;
}

static void add_entry(struct calls *calls, const struct entry *entry, bool is_without)
{
	struct calls_caller *caller = find_caller(calls, entry->address);

	add(&caller->count, entry, is_without);
	add(&find_called(caller, entry->service)->count, entry, is_without);
}

/* `# table: calls-with-environment, type: string, size:51200, used:1` */
static bool is_table(struct span line, const char *name)
{
	static const char before[] = "# table: ";
	size_t len = strlen(name);

	return line.len > sizeof(before) + len &&
	       memcmp(line.at, before, sizeof(before) - 1) == 0 &&
	       memcmp(line.at + sizeof(before) - 1, name, len) == 0 &&
	       line.at[sizeof(before) - 1 + len] == ',';
}

bool calls_add(struct calls *calls, const char *reply, int64_t max_idle_ms)
{
	struct span rest = span_of(reply), line;
	bool is_probes = false, is_with = false, is_without = false;
	struct entry entry;

	while (span_take_line(&rest, &line)) {
		is_with |= is_table(line, CALLS_TABLE_WITH);
		is_without |= is_table(line, CALLS_TABLE_WITHOUT);
		is_probes |= is_table(line, CALLS_TABLE_PROBES);
		if ((is_with || is_without) && is_probes == (calls->probe != NULL) &&
		    read_entry(line, &entry) && entry.calls != 0 &&
		    (calls->probe == NULL || span_is(entry.probe, calls->probe)) &&
		    (max_idle_ms == 0 || entry.idle_ms <= max_idle_ms))
			add_entry(calls, &entry, is_without && !is_probes);
	}
	return is_with && is_without && is_probes;
}

/* --- in order --------------------------------------------------------------------------------- */

static int compare_called(const void *a, const void *b)
{
	return strcmp(((const struct calls_called *)a)->service,
		      ((const struct calls_called *)b)->service);
}

static int compare_callers(const void *a, const void *b)
{
	const struct calls_caller *x = a, *y = b;

	if (x->count.without != y->count.without)
		return x->count.without > y->count.without ? -1 : 1;
	return strcmp(x->address, y->address);
}

size_t calls_list(struct calls *calls, const struct calls_caller **ret_callers)
{
	for (size_t i = 0; i < calls->count; i++)
		if (calls->callers[i].called_count > 1)
			qsort(calls->callers[i].called, calls->callers[i].called_count,
			      sizeof(*calls->callers[i].called), compare_called);
	if (calls->count > 1)
		qsort(calls->callers, calls->count, sizeof(*calls->callers), compare_callers);
	strmap_free(calls->index);
	calls->index = strmap_new(NULL);
	for (size_t i = 0; i < calls->count; i++)
		strmap_set(calls->index, calls->callers[i].address, (void *)(uintptr_t)(i + 1));
	*ret_callers = calls->callers;
	return calls->count;
}
