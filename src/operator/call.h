/*
 * What each command of mayfly(1) is given: the call as it was typed, the settings, and the loop.
 */
#ifndef MF_OPERATOR_CALL_H
#define MF_OPERATOR_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct etcd;
struct loop;
struct mf_err;
struct settings;

/* What is done when settings change that a program has; else it gets a signal. */
enum call_on_change { CALL_RESTART = 0, CALL_NOTHING = -1 };

#define CALL_STATUS_DRY 2 /* of --dry-run: something would be changed */

enum call_format { CALL_TABLE, CALL_WIDE, CALL_JSON, CALL_YAML, CALL_NAME };

struct call_options {
	enum call_format format;
	const char *environments, *backends; /* files instead of etcd; NULL: none */
	int64_t timeout_ms;		     /* of each call to etcd, and to wait; 0: the default */
	char **headers;			     /* of a request, "name: value"; NULL at the end */
	const char *method;		     /* NULL: GET */
	bool is_local;			     /* it comes in at haproxy.local_bind */
	bool is_live;			     /* ask the running HAProxy, too */
	bool watch;			     /* show it again at each change */
	char **extends;			     /* environments; NULL at the end, or none was given */
	const char *file;		     /* of what is written; "-": standard input */
	const char *owner;		     /* of what is written; NULL: CHANGE_OWNER */
	bool force;			     /* also what another owner has */
	bool dry_run;			     /* write nothing */
	bool is_exact;			     /* also delete what is not in the snapshot */
	bool is_waiting;		     /* until the proxies have what is written */
	int64_t revision;		     /* to wait for, or to go back to; 0: the newest */
	int64_t nodes;			     /* that are to have it; 0: all */
	bool is_ready;			     /* wait also until an instance answers */
	int64_t for_ms;			     /* how long it holds; 0: the default */
	const char *probe;		     /* a URL; NULL: none */
	const char *id;			     /* of a deployment; NULL: none was given */
	bool is_printing;		     /* what would be run with, instead of running it */
	int64_t since_ms;		     /* how long ago at most; 0: whenever */
	const char *listen;		     /* where; NULL: as the settings say */
	int on_change;			     /* a signal, or a call_on_change */
};

struct call {
	struct call_options options;
	const struct settings *settings;
	struct loop *loop;
	const char *below; /* of the keys that a command that looks reads; NULL: all */
	struct etcd *etcd; /* NULL until somebody asks it (operator/ask.h) */
	int argc;	   /* operands, behind the command's own words */
	char **argv;
	int behind;	   /* so many of them stand behind "--"; -1: there is none */
	const char *words; /* as it was typed, but for most options: for the history */
	struct buf *out;   /* what it says is added to it; NULL: it is printed */
	int status;	   /* the command's to set: what to exit with when nothing failed */
};

/* All of the text.  MF_EWRITE. */
int call_print(const struct call *call, const struct buf *text, struct mf_err *err);

static inline bool call_is_offline(const struct call *call)
{
	return call->options.environments != NULL || call->options.backends != NULL;
}

#endif
