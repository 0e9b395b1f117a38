/* Knows of an environment's keys but one. */
#include "model/env_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/scan.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/node.h"
#include "model/service_texts.h"

struct splitting {
	struct env_parts *parts;
	const char *start, *end; /* of the list; NULL: there is none */
};

/* There must be one list, and no name that an escape hides. */
static bool take_member(void *ctx, struct scan *scan, const struct scan_span *name)
{
	struct splitting *s = ctx;

	if (memchr(name->text, '\\', name->len) != NULL)
		return false;
	if (!scan_is(name, "services"))
		return scan_skip(scan, NODE_MAX_DEPTH);
	if (s->start != NULL)
		return false;
	scan_skip_blanks(scan);
	s->start = scan->at;
	if (!service_texts_read(scan, &s->parts->services, &s->parts->count))
		return false;
	s->end = scan->at;
	return true;
}

bool env_parts_split(const char *text, size_t len, struct env_parts *ret_parts,
		     struct buf *ret_rest)
{
	struct env_parts parts = {.services = NULL};
	struct splitting s = {.parts = &parts};
	struct scan scan = {text, text + len};

	if (len > NODE_MAX_BYTES || !scan_object(&scan, take_member, &s) || s.start == NULL) {
		free(parts.services);
		return false;
	}
	buf_add(ret_rest, text, (size_t)(s.start - text));
	buf_add_str(ret_rest, "[]");
	buf_add(ret_rest, s.end, (size_t)(text + len - s.end));
	*ret_parts = parts;
	return true;
}

bool env_parts_join(struct env_parts *parts, struct env *draft)
{
	free(draft->services);
	draft->services = parts->services;
	draft->service_count = parts->count;
	parts->services = NULL;
	/* Where nobody else says anything, what is not said is the default. */
	for (size_t i = 0; draft->parent_count == 0 && i < draft->service_count; i++) {
		draft->services[i].version_said = FIELD_IS_SAID;
		draft->services[i].route_said = FIELD_IS_SAID;
	}
	return draft->without_count == 0;
}
