/*
 * One environment: a choice of versions.  Immutable once parsed, shared by counting references.
 * One that extends others says what differs from them, and what it comes to is an environment, too.
 *
 * The file format (YAML) and the etcd value (JSON) have the same fields; JSON also has "origin",
 * {"owner": …, "source": …}, which says who put it there, so that nobody deletes another's.
 */
#ifndef MF_MODEL_ENV_H
#define MF_MODEL_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/door.h"

struct buf;
struct choice;
struct fields;
struct headers;
struct mf_err;

#define ENV_MAX_SERVICES    512
#define ENV_MAX_ROUTES	    64 /* of one service */
#define ENV_MAX_LIMITED	    64 /* routes for some methods only */
#define ENV_MAX_HOSTS	    64
#define ENV_MAX_PARENTS	    16
#define ENV_MAX_DESCRIPTION 1024 /* bytes */
#define ENV_MAX_OWNER	    255	 /* bytes */
#define ENV_MAX_SOURCE	    4352 /* a path and the name of a file */
#define ENV_VERSION_DEFAULT "latest"
#define ENV_DEFAULT_PREFIX  "www-" /* and the name */

struct env_service {
	const char *name;
	const char *version;	 /* of a choice its main version */
	struct choice *choice;	 /* of several versions; NULL: there is one */
	struct headers *headers; /* changes of them, after the environment's; NULL: none */
	const char **routes;	 /* "/", "/tasks/": see model/route.h; sorted, distinct */
	uint8_t route_count;
	bool is_override; /* somebody's version in the place of the environment's own */
	bool is_interned; /* name and routes are those of model/interned.h */
	/* As written, of an environment that extends others: enum field_said (model/fields.h). */
	uint8_t version_said, route_said, headers_said;
	/* As composed: who says so, an index of the lineage. */
	uint8_t version_from, route_from;
};

/* Who answers where that version of a service has no live instance, or none of ENV_ANY_VERSION. */
#define ENV_ANY_VERSION "@" /* of its choice */
struct env_fallback {
	const char *service, *version;
	const char *next; /* version */
	uint8_t from;	  /* whose that is: an index of the lineage */
};

/* A route that is for some methods only: which service, and which of its routes. */
struct env_limited {
	uint16_t service, route;
};

enum env_missing { MISSING_FAIL, MISSING_BASELINE };

struct env {
	unsigned refs;
	const char *name;
	const char *prefix;	 /* default www-<name> */
	const char *header;	 /* default <name> */
	const char *description; /* NULL: none */
	const char *expires;	 /* a duration or a time, see model/lifetime.h; NULL: never */
	const char *idle;	 /* a duration without requests, the same */
	const char **hosts;	 /* sorted, distinct */
	size_t host_count;
	const char **parents; /* those that it extends, in order; distinct */
	size_t parent_count;
	const char **without; /* services of theirs that it has not; sorted, distinct */
	size_t without_count;
	struct headers *headers;	/* changes of them; NULL: none */
	uint8_t headers_said;		/* enum field_said */
	struct door *doors[DOOR_KINDS]; /* NULL: none */
	uint8_t doors_said[DOOR_KINDS]; /* enum field_said */
	struct choice *split;		/* of visitors among environments; NULL: none */
	struct env_service *services;	/* sorted by name, distinct */
	size_t service_count;
	enum env_missing missing; /* what becomes of a request without a live instance */
	uint8_t missing_said;	  /* enum field_said */
	const char *owner;	  /* "" when put by hand */
	const char *source;	  /* the owner's word for where it comes from, a file's path; "" */
	/* As composed (model/compose.h) of itself, which comes first, and those that it extends. */
	const char **lineage; /* their names; none: it extends nobody */
	size_t lineage_count;
	const char *aside; /* why it has no services; NULL: it is in force */
	/* The last of the lineage, where it has just its routes: maps say only what differs. */
	const char *base;
	struct env_fallback
	    *fallbacks; /* by service, then nearest first; of overrides and of MISSING_BASELINE */
	size_t fallback_count;
	struct env_limited *limited; /* in the order of the services */
	size_t limited_count;
	int64_t created;  /* etcd create revision, 0 from files: see model/claims.h */
	uint64_t digest;  /* of what maps say of it alone: equal digest, equal entries */
	uint64_t content; /* of everything that decides routing, also where its base says it */
	uint64_t said;	  /* of all that it says itself, if it ends some day; 0: it does not */
	uint64_t first;	  /* kept by the table that has it in force: see model/epochs.h */
};

/*
 * A whole environment file: one environment, or a list of them.  The good ones are handed over in
 * an array; for each bad one on_bad is called with the reason.  Returns MF_EDATA only when the file
 * as a whole cannot be read (syntax, a repeated name); err then holds the place.
 */
typedef void env_bad_fn(void *ctx, const struct mf_err *why);
int env_parse_file(const char *text, size_t len, struct env ***ret_envs, size_t *ret_count,
		   env_bad_fn *on_bad, void *ctx, struct mf_err *err);

/* From a draft, which may lie anywhere; lists must be sorted and distinct.  One reference. */
struct env *env_pack(const struct env *draft);

/* The value of /mayfly/environments/<name>; its "name" must be the key's. */
int env_parse_json(const char *name, const char *text, size_t len, int64_t created,
		   struct env **ret_env, struct mf_err *err);

/* Canonical JSON: all defaults written out, sorted, no white space; origin when owner is not "". */
void env_format_json(const struct env *env, const char *owner, const char *source,
		     struct buf *ret_json);

/* Whose a stored value is, also one that is no valid environment: "" where it says nothing.  Both
 * are handed over. */
void env_find_origin(const char *value, size_t len, char **ret_owner, char **ret_source);

struct env *env_ref(struct env *env);
void env_unref(struct env *env);		 /* NULL is fine */
size_t env_count_limited(const struct env *env); /* routes for some methods only */
bool env_has_default_prefix(const struct env *env);
/* Whether maps say the service for its base, and not for itself. */
bool env_is_of_base(const struct env *env, const struct env_service *chosen);
const struct env_service *env_find_service(const struct env *env, const char *name);
/* What it chooses of a service: of struct env_service. */
extern const struct fields fields_of_env_service;
/* Each version that a service may be sent to, the main one first; NULL: there are no more. */
const char *env_service_version(const struct env_service *service, size_t i);
bool env_service_has_version(const struct env_service *service, const char *version);
bool env_service_is_same_choice(const struct env_service *a, const struct env_service *b);
/* The version as a person writes it, or `1.4=90%,1.5-rc1=10%`; one word. */
void env_service_add_choice(const struct env_service *service, struct buf *ret_word);

#endif
