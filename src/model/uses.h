/*
 * The names that requests are asked for: of headers, query parameters and cookies in conditions
 * (model/when.h), and of headers that requests are sticky by; and those of headers that are
 * changed; and whether an environment's uses are counted.  HAProxy's configuration has a rule for
 * each, so that a name which nobody had used takes a reload, and there can be only so many.
 *
 * An empty backend in the configuration, its mark, says of each that the rule is there.
 */
#ifndef MF_MODEL_USES_H
#define MF_MODEL_USES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/door.h"
#include "model/headers.h"

struct buf;
struct env;
struct snapshot;

#define USES_MAX 32 /* names of a kind, in all environments; those of older environments first */

enum use_kind {
	USE_WHEN, /* conditions at all; without a name */
	USE_HEADER,
	USE_QUERY,
	USE_COOKIE,
	USE_STICKY,
	USE_IDLE,  /* counting at all; without a name */
	USE_DOORS, /* the first of DOOR_KINDS (model/door.h); without names */
	USE_CHANGES =
	    USE_DOORS + DOOR_KINDS, /* of headers: the first of HEADERS_KINDS (model/headers.h) */
	USE_KINDS = USE_CHANGES + HEADERS_KINDS
};

#define USE_MARK "uses." /* what a mark begins with */

struct use {
	enum use_kind kind;
	const char *name; /* borrowed from the environment; "": none */
};

/* Each that an environment has; some of them twice. */
void uses_walk(const struct env *env, void (*visit)(void *ctx, const struct use *use), void *ctx);

char *uses_make_mark(const struct use *use); /* "uses.header.x-canary"; handed over */
char *uses_describe(const struct use *use);  /* "header x-canary"; handed over */

struct uses {
	struct use_list {
		const char **names; /* sorted, distinct; borrowed from the snapshot */
		size_t count;
	} lists[USE_KINDS];
};

/* Those that configurations for the snapshot have. */
void uses_find(const struct snapshot *snapshot, struct uses *ret_uses);
void uses_fini(struct uses *uses);
bool uses_has(const struct uses *uses, const struct use *use);
/* Which of an environment's they lack, and why; nothing: none. */
void uses_describe_left_out(const struct uses *uses, const struct env *env, struct buf *ret_text);

/* How many there are of each kind, while environments come and go. */
struct uses_count;
struct uses_count *uses_count_new(void);
void uses_count_free(struct uses_count *count);
/* One environment in the place of another; either may be NULL.  Whether one of them has any. */
bool uses_count_move(struct uses_count *count, const struct env *old, const struct env *new);
/* Whether there are more than USES_MAX of a kind. */
bool uses_count_is_over(const struct uses_count *count);

#endif
