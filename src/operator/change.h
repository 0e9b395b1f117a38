/*
 * A command that writes keys of one kind: what it wants is decided by what is there, and written in
 * one transaction that compares each key's revision.  When somebody else was first, nothing is
 * written, and it is decided again.
 */
#ifndef MF_OPERATOR_CHANGE_H
#define MF_OPERATOR_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "operator/outcome.h"
#include "store/etcd.h"

struct buf;
struct call;
struct env;
struct mf_err;
struct snapshot;
struct strmap;
struct table;

#define CHANGE_OWNER	"mayfly" /* unless --owner says another */
#define CHANGE_MAX_KEYS ETCD_MAX_OPS
#define CHANGE_ATTEMPTS 5 /* while others write the same keys first */

struct change_stored {
	char *value;
	size_t len;
	int64_t create_revision, revision;
	char *owner, *source; /* "" where there is no origin; NULL: it was not looked for */
};
struct change_stored *change_stored_new(const struct etcd_kv *kv);
void change_stored_free(void *stored);

/* What there is below a prefix: a change_stored by the rest of each key.  For strmap_free. */
int change_list(struct call *call, const char *below, struct strmap **ret_stored,
		struct mf_err *err);

struct change_kind {
	const char *below; /* its keys begin with it: "environments/" */
	const char *word;  /* "environment" */
	const char *gone;  /* what is done with one whose key goes: "deleted" */
};
extern const struct change_kind change_of_envs;

struct change {
	struct call *call;
	const struct change_kind *kind;
	struct strmap *stored; /* all of the kind by name: struct change_stored */
	struct table *table;   /* the same */
	int64_t revision;
	struct etcd_if ifs[CHANGE_MAX_KEYS];
	struct etcd_op ops[CHANGE_MAX_KEYS];
	size_t count;
	int64_t newest;	     /* revision of what is there already, or was written */
	struct outcome said; /* what is done with each */
};

/*
 * decide says by the functions below what is to be done; it is called again with what is there then
 * when a write came too late.  Prints what was done; with --dry-run what would be, and sets the
 * call's status to 2 if that is anything.  MF_ETIMEOUT when others were first again and again.
 */
typedef int change_fn(struct change *change, void *ctx, struct mf_err *err);
int change_run(struct call *call, const struct change_kind *kind, change_fn *decide, void *ctx,
	       struct mf_err *err);

/* NULL: not there. */
const struct change_stored *change_find(const struct change *change, const char *name);
/* MF_ENOINPUT with the nearest name when it is not there. */
int change_check_known(const struct change *change, const char *name, struct mf_err *err);
/* MF_EPERM when it is another owner's, unless --force; what is not there is nobody's. */
int change_check_owner(const struct change *change, const char *name, struct mf_err *err);

/* Whose what is written is: --owner, or CHANGE_OWNER. */
const char *change_owner(const struct change *change);

/*
 * What is to be done, with at most CHANGE_MAX_KEYS keys.  change_put, of an environment: false when
 * it is there with the same content, whoever's, and stays as it is.  change_put_value: the same of
 * a value, byte by byte; what: "drained"; NULL: "created" or "changed".  change_delete: a name that
 * was given before is skipped.
 */
bool change_put(struct change *change, const struct env *env);
bool change_put_value(struct change *change, const char *name, const char *value, const char *what);
void change_delete(struct change *change, const char *name);
/* Either of them, without a look at what is there: value NULL: it is deleted. */
void change_add(struct change *change, const char *name, const struct buf *value, const char *what);
void change_clear(struct change *change); /* nothing is to be done any more */
/* Those of these names that there are and may be, or none of them: as the two checks above. */
int change_delete_all(struct change *change, char *const *names, size_t count, struct mf_err *err);
void change_keep(struct change *change, const char *name); /* says that it stays as it is */

/* All with what was put so far; to be dropped. */
struct snapshot *change_snapshot(const struct change *change);
/* Says of an environment of it why it would not be in force; NULL: there is none. */
void change_warn_of_aside(const struct env *env);
/* Why the environment would not be in force with all that was put so far; to be freed; NULL: it
 * would be. */
char *change_find_aside(const struct change *change, const char *name);

#endif
