/*
 * How long an environment lives that says `expires`: until a time, or for so long after its last
 * change; and one that says `idle`: for so long after its last request, or change.  etcd knows no
 * times, so kvwatch(1) notes when it saw the change, and now and then a use, in a key beside the
 * environment's.  Immutable, shared by counting references.  Pure: the time is handed in, in
 * seconds since 1970.
 */
#ifndef MF_MODEL_LIFETIME_H
#define MF_MODEL_LIFETIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct env;
struct mf_err;
struct shared_list;

#define LIFETIME_NEVER INT64_MAX

struct lifetime {
	unsigned refs;
	const char *env;
	const char *since;	/* when its content was seen first (RFC 3339) */
	const char *content;	/* which content: lifetime_describe_content */
	const char *keep_until; /* somebody asked for it; "": nobody */
	const char *kept_by;	/* who; "" */
	const char *used;	/* a use of it, as somebody of the fleet saw; "": none yet */
	int64_t created;	/* etcd's create revision of the environment's key */
};

/*
 * /mayfly/lifetimes/<env>:
 *     {"since":"2006-01-02T15:04:05Z","content":"00c0ffee00c0ffee","created":812,
 *      "keep_until":"2006-01-04T15:04:05Z","kept_by":"anna@laptop",
 *      "used":"2006-01-03T15:04:05Z"}
 * Errors: `lifetime pr-42: ...`.
 */
int lifetime_parse(const char *env, const char *value, size_t len, struct lifetime **ret_lifetime,
		   struct mf_err *err);
struct lifetime *lifetime_ref(struct lifetime *lifetime);
void lifetime_unref(struct lifetime *lifetime); /* NULL is fine */
void lifetime_format(const struct lifetime *lifetime, struct buf *ret_value);

/* Of a list that is sorted by environment; either may be NULL. */
const struct lifetime *lifetime_find(const struct shared_list *list, const char *env);

/* Whether it ends some day. */
bool lifetime_is_limited(const struct env *env);
/* A word that is another one when the environment says something else. */
char *lifetime_describe_content(const struct env *env);

/*
 * When it ends.  noted NULL, or of another content: it is not known yet, and LIFETIME_NEVER where
 * it depends on that.
 */
int64_t lifetime_end(const struct env *env, const struct lifetime *noted);

/* The same for `expires` alone, and for `idle` alone, where `keep_until` counts as well. */
int64_t lifetime_end_by_time(const struct env *env, const struct lifetime *noted);
int64_t lifetime_end_by_use(const struct env *env, const struct lifetime *noted);
/*
 * From when on it is ended: after its last use a little later, as others of the fleet may have seen
 * one that they have not noted yet.
 */
int64_t lifetime_due(const struct env *env, const struct lifetime *noted);
/* In so many seconds uses are counted anew, of an environment with `idle`. */
int64_t lifetime_read_s(const struct env *env);
/* The last change or use that is noted; 0: none. */
int64_t lifetime_used(const struct env *env, const struct lifetime *noted);

/* What we have seen of it ourselves; 0: nothing. */
struct lifetime_seen {
	int64_t content; /* its content first, by a clock put right since it was noted */
	int64_t used;	 /* its last use */
};

enum lifetime_step {
	LIFETIME_WAIT,	 /* there is nothing to do before its end */
	LIFETIME_NOTE,	 /* note its content and the time, or a use */
	LIFETIME_END,	 /* it has ended */
	LIFETIME_FORGET, /* what is noted is of no use */
};

/* What is to be done at that time.  env NULL: there is none of that name. */
enum lifetime_step lifetime_judge(const struct env *env, const struct lifetime *noted, int64_t now,
				  struct lifetime_seen seen);
/* For LIFETIME_NOTE: what is to be noted in the place of that. */
void lifetime_format_next(const struct env *env, const struct lifetime *noted, int64_t now,
			  struct lifetime_seen seen, struct buf *ret_value);
/* For LIFETIME_END: what ends it, `expires: 8h`; handed over. */
char *lifetime_describe_end(const struct env *env, const struct lifetime *noted, int64_t now);

#endif
