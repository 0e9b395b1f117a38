/*
 * The kinds of keys below the prefix, and the objects that their values are: environments,
 * instances, settings of services, overrides, states that operators say,
 * names for dnsmasq, settings of applications, what is noted of how long environments live.
 */
#ifndef MF_MODEL_KIND_H
#define MF_MODEL_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct mf_err;

enum kind_id {
	KIND_ENV,
	KIND_INSTANCE,
	KIND_SERVICE,
	KIND_OVERRIDE,
	KIND_STATE,
	KIND_NAME,
	KIND_CONFIG,
	KIND_LIFETIME,
	KIND_STRAY, /* of no kind, and nobody else's: misspelt */
	KIND_COUNT
};

struct kind {
	const char *prefix, *word;
	const char *shape; /* of its keys, in errors */
	size_t parts;
	int (*parse)(const char *const parts[], const char *value, size_t len, int64_t created,
		     void **ret_object, struct mf_err *err);
	void *(*keep)(void *object); /* takes a reference */
	void (*drop)(void *object);
	/* Canonical, and one line; NULL: it is never written to the disk, as it may be a secret. */
	void (*format)(const void *object, struct buf *ret_value);
};

extern const struct kind kinds[KIND_COUNT];

/* NULL: the key is another part of Mayfly's. */
const struct kind *kind_find(const char *key);

/* Whether proxies have to follow such a key: people and registrars write it.  The others, such as
 * nodes/ and history/, report what is or was. */
bool kind_is_followed(const char *key);
/* The i-th prefix of such keys; NULL: there are no more. */
const char *kind_followed_part(size_t i);

/* What only tells of what was, and may be large: parts of prefix that nobody follows, as
 * etcd_list_events has them in `without`.  also: one more part, "backends/"; or NULL.  To be freed
 * by strlist_free. */
char **kind_make_past(const char *prefix, const char *also);

/* The object of a key's value.  MF_EDATA. */
int kind_parse(const struct kind *kind, const char *key, const char *value, size_t len,
	       int64_t created, void **ret_object, struct mf_err *err);

/* What messages call a key: "environment dev"; handed over. */
char *kind_make_object(const struct kind *kind, const char *key);

#endif
