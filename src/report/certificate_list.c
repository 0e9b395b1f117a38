/* A sorted copy, and its two forms. */
#include "report/certificate_list.h"

#include <stdlib.h>
#include <string.h>

#include "apply/certificates.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

void certificate_list_fini(struct certificate_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free((char *)list->states[i].name);
		free((char *)list->states[i].names);
		free((char *)list->states[i].reason);
	}
	free(list->states);
	*list = (struct certificate_list){NULL, 0, 0};
}

static int compare(const void *one, const void *other)
{
	const struct certificate_state *a = one, *b = other;
	int refused = (b->reason[0] != '\0') - (a->reason[0] != '\0');

	if (refused != 0)
		return refused;
	if (a->ends != b->ends)
		return a->ends < b->ends ? -1 : 1;
	return strcmp(a->name, b->name);
}

void certificate_list_set(struct certificate_list *list, const struct certificate_state *states,
			  size_t count)
{
	certificate_list_fini(list);
	if (count == 0)
		return;
	list->states = mem_alloc(count * sizeof(*states));
	list->count = count;
	for (size_t i = 0; i < count; i++) {
		list->states[i] = states[i];
		list->states[i].name = mem_dup_str(states[i].name);
		list->states[i].names = mem_dup_str(states[i].names);
		list->states[i].reason = mem_dup_str(states[i].reason);
		list->refused += states[i].reason[0] != '\0';
	}
	qsort(list->states, count, sizeof(*list->states), compare);
}

/* A name of one that is refused for its name may have any bytes; it has no end to tell, though. */
void certificate_list_add_metrics(const struct certificate_list *list, struct buf *text)
{
	static const char metric[] = "mayfly_certificate_end_timestamp_seconds";

	if (list->count > 0)
		buf_printf(text,
			   "# HELP %s When the certificate that HAProxy shows ends.\n"
			   "# TYPE %s gauge\n",
			   metric, metric);
	for (size_t i = 0; i < list->count; i++)
		if (list->states[i].ends != 0)
			buf_printf(text, "%s{certificate=\"%s\"} %lld\n", metric,
				   list->states[i].name, (long long)list->states[i].ends);
}

void certificate_list_put(const struct certificate_list *list, size_t max, struct buf *json)
{
	if (list->count == 0)
		return;
	json_put_int(json, "certificates_count", (int64_t)list->count);
	json_open(json, "certificates", '[');
	for (size_t i = 0; i < list->count && i < max; i++) {
		const struct certificate_state *state = &list->states[i];
		buf_auto struct buf ends = BUF_INIT;

		if (state->ends != 0)
			str_add_time(&ends, state->ends, -1);
		json_open(json, NULL, '{');
		json_put(json, "name", state->name);
		json_put(json, "names", state->names);
		json_put(json, "ends", buf_str(&ends));
		json_put(json, "reason", state->reason);
		json_close(json, '}');
	}
	json_close(json, ']');
}
