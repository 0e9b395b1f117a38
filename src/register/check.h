/*
 * Health checks of an endpoint: what to ask, how often, and what the answers come to.
 *
 * Terms are HAProxy's: `fall` failures in a row make what was up go down, `rise` successes in a row
 * bring it up.  Each check runs by itself, never twice at a time, with a jitter of a tenth of its
 * interval, so that many do not come together.  Until its first success it runs once a second, or
 * each timeout if that is longer, unless its interval is shorter: a slow start costs no more.  Its
 * first run is within 1 s, and 5 ms for each other of the process that waits for its own, or within
 * its interval if that is shorter.
 */
#ifndef MF_REGISTER_CHECK_H
#define MF_REGISTER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check;
struct check_kind;
struct fields;
struct loop;
struct mf_err;
struct node;

struct check_spec {
	const struct check_kind *kind; /* a row of check_kinds, register/check_kind.h */
	char *host;		       /* HTTP; TCP, numeric: NULL: the instance's address */
	unsigned port;	/* TCP, HTTP: 0: the instance's port, or the scheme's where host is given */
	char *path;	/* HTTP: with its query; "/" when there is none */
	char **argv;	/* EXEC: never a shell.  0 passes. */
	char *method;	/* HTTP: default GET */
	char **headers; /* HTTP: "Name: value" */
	size_t header_count;
	char *text;			 /* HTTP: the body must contain this; NULL: anything */
	unsigned status_min, status_max; /* HTTP: default 200 to 399; redirects are not followed */
	int64_t interval_ms, timeout_ms; /* default 10 s, 2 s */
	unsigned rise, fall;		 /* default 1, 3 */
};

/* Of a map in a file, and of the settings beside what is asked. */
extern const struct fields check_fields;
const char *check_spec_setting(size_t i); /* the key of the i-th of these; NULL: no more */

/*
 * "tcp", "tcp:PORT", "tcp:ADDRESS:PORT"; "http:/path", "http://[HOST][:PORT]/path" and https;
 * "exec:PROGRAM [ARG...]", split at spaces.  All else gets its default.  Handed over; MF_EDATA:
 * `"udp": must be ...`.
 */
int check_spec_parse(const char *text, struct check_spec **ret_spec, struct mf_err *err);
/*
 * A setting from its text: durations carry units, header adds one.  MF_EDATA: `interval: "10": must
 * be ...`; also where the kind has no such setting.
 */
int check_spec_set(struct check_spec *spec, const char *key, const char *value, struct mf_err *err);
/*
 * The same as text, or a map {tcp | http | https | exec: what follows the colon, and the settings
 * above; header is one or a list}.  MF_EDATA with the place: `"udp": ...`.
 */
int check_spec_read(const struct node *node, struct check_spec **ret_spec, struct mf_err *err);
/* What not everybody may have done: "runs a program here", "asks another host"; NULL: nothing. */
const char *check_spec_find_risk(const struct check_spec *spec);
struct check_spec *check_spec_dup(const struct check_spec *spec);
bool check_spec_is_equal(const struct check_spec *a, const struct check_spec *b);
void check_spec_free(struct check_spec *spec); /* NULL is fine */

/* Where the questions go, and what a program finds in its environment. */
struct check_target {
	const char *service, *version, *instance;
	const char *address; /* canonical, without brackets */
	unsigned port;
};

/*
 * Called at each change of the verdict, the first one included, never from inside check_start; why:
 * the last failure, `tcp 127.0.0.1:80: Connection refused`, or NULL when up.
 */
typedef void check_fn(void *ctx, bool is_up, const char *why);

/* All is copied. */
struct check *check_start(struct loop *loop, const struct check_spec *spec,
			  const struct check_target *target, check_fn *on_change, void *ctx);
void check_stop(struct check *check); /* NULL is fine; also inside on_change */

#endif
