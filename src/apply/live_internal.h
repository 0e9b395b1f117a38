/*
 * What the modules of the runtime driver share: what is known of the worker, the script of commands
 * that is in progress, and who does what.
 *
 *	live.c          what is desired, what is done next, what is reported
 *	live_worker.c   what is known of the running worker
 *	live_script.c   commands to one connection, replies to their commands
 *	live_diff.c     the difference of two snapshots as commands: environments and names
 *	live_servers.c  servers: of two snapshots, or as HAProxy shows them
 *	live_backends.c backends that come and go
 *	live_spares.c   backends kept in reserve: which version stands in which of them
 *	live_sync.c     reading everything back, comparing, repairing
 *	live_maps.c     one map as HAProxy shows it: compared, and repaired
 *	live_collect.c  replacing maps that are mostly garbage
 */
#ifndef MF_APPLY_LIVE_INTERNAL_H
#define MF_APPLY_LIVE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/live.h"
#include "apply/op.h"
#include "apply/walk.h"
#include "base/buf.h"
#include "base/err.h"
#include "render/routing.h"
#include "render/section.h"

struct backend;
struct env;
struct service;
struct live_collect;
struct live_seen;
struct live_step;
struct live_sync;
struct loop_timer;
struct strmap;
struct uses;
struct usock;

/* --- scripts --------------------------------------------------------------------------------- */

/* reply: without the line's end, terminated; lives as long as the whole reply. */
typedef void live_reply_fn(struct live *live, const struct live_step *step, char *reply,
			   size_t len);

struct live_step {
	size_t at;		 /* where the command begins in the script's text */
	live_reply_fn *on_reply; /* NULL: whatever it is */
	const void *object;	 /* what it is about; borrowed until the reply */
};

struct live_script {
	struct buf text;
	struct live_step *steps;
	size_t count, cap;
	size_t payload;	   /* bytes in the payload that is open; 0: none is */
	struct mf_err err; /* a word was refused: it will not be sent */
};

/*
 * One command of these words; or one whose last word is the payload of the entries that follow.
 * Entries are split into as many commands as HAProxy's buffers ask for; version 0: the map as it
 * is, else a prepared one.
 */
#define live_add(live, on_reply, object, ...)                                                      \
	live_add_words((live), (on_reply), (object), (const char *const[]){__VA_ARGS__, NULL})
void live_add_words(struct live *live, live_reply_fn *on_reply, const void *object,
		    const char *const *words);
/* The same, and more words, which may also have parentheses. */
#define live_add_phrase(live, on_reply, object, phrase, ...)                                       \
	live_add_phrase_words((live), (on_reply), (object), (phrase),                              \
			      (const char *const[]){__VA_ARGS__, NULL})
void live_add_phrase_words(struct live *live, live_reply_fn *on_reply, const void *object,
			   const char *phrase, const char *const *words);
void live_add_entry(struct live *live, enum routing_map map, unsigned version,
		    const struct routing_entry *entry);
void live_end_entries(struct live *live);
/* A map's next version, which a later script is to fill and commit; untouched if it is refused. */
void live_prepare_map(struct live *live, enum routing_map map, unsigned *ret_version);
const char *live_map_path(enum routing_map map); /* "maps/routes.map" */

/*
 * Send what was added, hear the replies, then call on_done: 0, or MF_EUNAVAIL, MF_ETIMEOUT (some
 * replies did not come), MF_EDATA (nothing was sent) with the reason in live->err.  Another process
 * than before is complained of, and is sent nothing of it; to_any is for what only reads.
 */
void live_send(struct live *live, void (*on_done)(struct live *live, int code));
void live_send_to_any(struct live *live, void (*on_done)(struct live *live, int code));
void live_script_clear(struct live_script *script);

/* The script of commands that are for later, added to the other's end. */
void live_add_later(struct live *live);

/* An operation as a command. */
void live_add_op(struct live *live, const struct op *op);

/* Handlers of replies.  Nothing must be said; it must begin with what. */
live_reply_fn live_expect_nothing;
live_reply_fn live_expect_prefix; /* object: what the reply has to begin with */

/* HAProxy does not hold what is desired: the first reason is kept. */
void live_complain(struct live *live, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with an operation that is to be done yet; with a command and its reply. */
void live_complain_of_op(struct live *live, const struct op *op);
void live_complain_of_command(struct live *live, const char *command, const char *reply);
void live_complain_of(struct live *live, const struct live_step *step, const char *reply);

/* --- the driver ------------------------------------------------------------------------------ */

/* Entries of routes and versions that an environment's content has brought. */
struct live_generation {
	size_t entries;
	uint64_t sum;	 /* of their hashes, while it is ... */
	bool is_partial; /* read back, and it is no longer desired: it may lack some, or have some
			    twice */
	bool is_kept;	 /* by the replacement that is in progress */
};

/* What is known of the running worker, but for what the applied snapshot says of it. */
struct live_worker {
	char version[32];
	int64_t pid, uptime;
	bool can_add_backends;
	struct strmap *backends;    /* names of those it has, in reserve or not */
	struct strmap *spares;	    /* names of those in reserve to struct live_spare */
	struct strmap *carried;	    /* those that stand in one, to it */
	struct strmap *left;	    /* spares that a version has left, to when, in us; NULL: the
				       worker has not been asked yet what others have left */
	struct strmap *generations; /* "<env>@<digest>" to struct live_generation */
	size_t entries;		    /* of all generations together */
	size_t live_entries;	    /* of those that applied has */
	struct strmap *deferred;    /* environment to its value in the worker, "": none */
	struct strmap *missing;	    /* backends with instances, and marks (model/uses.h), that it
				       lacks, to the reason */
	struct strmap *waiting;	    /* servers that it can take by a reload only, to the reason */
	struct buf changed;	    /* settings that it can take by a reload only: the reason */
	struct strmap *going;	    /* backends to be deleted, to how often it was tried */
	struct strmap *draining;    /* "<backend>/<server>" of those to be deleted when idle */
};

/* What haproxy.cfg says of a backend; the last answer is kept, as it is a rendering. */
struct live_described {
	char *name;
	struct service *settings; /* NULL: none */
	bool is_good;		  /* it could be rendered */
	struct section section;
	struct section_options options;
};

enum live_phase {
	LIVE_IDLE,
	LIVE_CHANGING,	 /* a script is sent, or the second half of one waits */
	LIVE_SYNCING,	 /* all is read, and repaired (live_sync.c) */
	LIVE_DRAINING,	 /* servers that wait to be deleted are tried again */
	LIVE_COLLECTING, /* a step of live_collect.c */
	LIVE_WAITING,	 /* for a reload that brings what would be much work now */
};

struct live {
	struct loop *loop;
	const struct settings *settings;
	const struct live_events *events;
	void *ctx;

	struct snapshot *desired; /* the newest; NULL: none yet */
	int64_t desired_at;	  /* us */
	bool is_due;		  /* it has not been taken up yet */
	bool must_verify;	  /* all that is known has to be verified with it */
	bool is_holding;	  /* by order: nothing new is begun */
	enum live_phase phase;
	struct snapshot *target; /* in progress; NULL: nothing is */
	struct uses *uses;	 /* of the target; NULL: nobody has asked yet */
	int64_t target_since;
	struct live_worker worker;
	struct snapshot *applied; /* what it holds, but for deferred and missing */
	bool is_synced;		  /* it does, and what is known of it is so */
	bool has_changed;	  /* since the last step of a collection */
	uint64_t turn;		  /* of live_turn.c: how many there were ... */
	struct strmap *waiting;	  /* ... and which environments wait for one of the next */
	int64_t waited_pid;	  /* the worker for whose reload it has waited once */

	struct usock *usock;
	void (*on_done)(struct live *live, int code);
	/*
	 * Later is what takes a server out of the traffic, when all that brings others in has been
	 * done.
	 */
	struct live_script script, later;
	struct live_script *out; /* the one that is added to */
	struct mf_err err;
	char *reply;		   /* the last one as a whole; NULL: somebody has taken it */
	bool is_stopped;	   /* another process than before answered, and got nothing of it */
	bool is_wrong;		   /* a reply was not as it should be ... */
	struct buf complaint;	   /* ... the first of them */
	struct buf broken;	   /* what no repair could change */
	struct live_result result; /* of the target */

	struct loop_timer *drain_timer;
	int64_t drain_ms; /* from one try to the next */
	bool must_drain;  /* a try was due while something else was in progress */
	struct loop_timer *quiet_timer;
	struct loop_timer *later_timer;
	void (*on_later_done)(struct live *live, int code);

	struct live_sync *sync;	      /* in progress */
	struct live_seen *seen;	      /* when all was last read, and as it should be */
	struct live_collect *collect; /* in progress */
	struct live_described described;
};

void live_set_phase(struct live *live, enum live_phase phase);
/* The target is dealt with.  0: it is in force, but for what needs a reload; reason: why not. */
void live_finish(struct live *live, int code, const char *reason);
/* The target is not in force, and has to wait until the hold is over. */
void live_put_off(struct live *live);
/* Send what is for later, in a while. */
void live_send_later(struct live *live, void (*on_done)(struct live *live, int code));
/* What is known of the worker no longer holds: read all before the next change. */
void live_distrust(struct live *live);
/* Nothing is in progress any more: do what is to be done next. */
void live_go_on(struct live *live);

/* live_worker.c */
/* Of a reply to `show info`, which may be followed by more; noting complains of another process. */
bool live_is_same_worker(const struct live *live, const char *info_reply);
void live_note_worker(struct live *live, const char *info_reply);
void live_worker_forget(
    struct live_worker *worker); /* all but who it is and what was left; also for the first use */
void live_worker_forget_backends(struct live_worker *worker);
void live_worker_fini(struct live_worker *worker);
/* It has, of routes and versions, just what the snapshot's environments need. */
void live_worker_note_envs(struct live_worker *worker, const struct snapshot *snapshot);
/* Whether an environment of the target names a backend with instances that it lacks, or asks
 * requests for a name that it has no rule for, which is noted. */
bool live_worker_is_deferred(struct live *live, const struct env *env);
/* Why it needs a reload; nothing: it does not. */
void live_worker_add_reasons(const struct live_worker *worker, struct buf *ret_reason);

/* live_turn.c */
/* From what is applied towards what is desired, not further than one turn: one reference. */
struct snapshot *live_take_turn(struct live *live);

/* live_diff.c */
/*
 * The script brings in what is new; what goes is for later: at once, or, where a request in
 * progress may have read the old choice and would find no server, in some time.
 */
enum live_verdict { LIVE_GO, LIVE_GO_IN_HALVES, LIVE_MUST_SYNC };
enum live_verdict live_diff(struct live *live);
/*
 * An entry's change, if it is that way: what is named comes before its name does, and goes after
 * it.  NULL: the entry was, or is to be, not there.
 */
enum live_way { LIVE_PUT, LIVE_TAKE };
void live_move_entry(struct live *live, enum routing_map map, const char *key, const char *from,
		     const char *to, enum live_way way);
/* An environment's entries of routes or versions, added to a map or a version of it. */
void live_put_env(struct live *live, const struct env *env, enum routing_map map, unsigned version);
uint64_t live_hash_entry(enum routing_map map, const char *key, const char *value);
void live_env_generation(const struct env *env, struct routing_entry *ret); /* as value */

/* live_servers.c */
enum live_mode {
	LIVE_CHANGE, /* send what the difference is */
	LIVE_REPAIR, /* and complain of it */
	LIVE_VERIFY, /* complain of it */
};
/* Whoever is to take more, and is to be there before maps change; and the others. */
enum live_pass { LIVE_COMERS = 1, LIVE_LEAVERS = 2 };
void live_change_backends(struct live *live);
bool live_leave_backends(struct live *live);	/* whether some backend has nobody then */
void live_read_back_servers(struct live *live); /* of backends with changes */
/* What `show servers state` says, compared with the target. */
void live_compare_servers(struct live *live, const char *text, enum live_mode mode);
void live_add_servers(struct live *live, const struct backend *backend); /* all, of a new one */
void live_delete_again(struct live *live); /* those that are idle by now, later */
void live_drain_again(struct live *live);  /* all that are still draining */

/* live_backends.c */
const struct live_described *live_describe(struct live *live, const struct backend *backend);
void live_forget_described(struct live *live);
/*
 * What `show backend` and the map of spares say: those that are there, and those that wait for a
 * reload.  stat: the worker's statistics, if it is not known yet what was left.
 */
void live_note_backends(struct live *live, const char *text, char *spares, const char *stat);
bool live_has_backend(const struct live *live, const struct backend *backend);
/* Bring in a new one with its servers; false: it waits for a reload. */
bool live_add_backend(struct live *live, const struct backend *backend);
/* Where HAProxy can: delete what has no server; keep it after all; try again. */
void live_drop_backend(struct live *live, const struct backend *backend);
void live_call_backend_back(struct live *live, const struct backend *backend);
void live_drop_again(struct live *live);
bool live_are_equal_settings(const struct service *a, const struct service *b);

/* live_spares.c */
struct strmap *live_spares_new(void);
/* A backend that the worker has, which may be a spare; and what its map says of them. */
void live_note_spare(struct live *live, const char *name);
void live_note_carried(struct live *live, char *text);
/* The worker's statistics: an empty spare that has requests counts as left just now. */
void live_note_busy(struct live_worker *worker, const char *stat);
/* Ask of places that were left some time ago whether somebody still waits there. */
void live_ask_left(struct live *live);
/* What a backend is called in the worker; and what the worker's is, "": nothing stands in it. */
const char *live_worker_name(const struct live_worker *worker, const char *backend);
struct span live_carried_by(const struct live_worker *worker, struct span name);
/* Let it stand in a free one of its kind; false: there is none, and why, "": they are not in use.
 */
bool live_take_spare(struct live *live, const struct backend *backend, const char **ret_why);
/* In another one, as there are servers in what it was given; false: there is none. */
bool live_change_spare(struct live *live, const struct backend *backend);
/* The map says so from now on; false: it does already, or it stands in none. */
bool live_enter_spare(struct live *live, const struct backend *backend);
void live_leave_spare(struct live *live, const char *backend);
/* The same of all whose backends have no instance in the snapshot; false: of none. */
bool live_leave_idle_spares(struct live *live, const struct snapshot *snapshot);
/* "<backend>/<server>" is there from now on, or no more; and how many there are. */
void live_count_server(struct live_worker *worker, const char *server, bool is_more);
void live_set_count(struct live_worker *worker, struct span backend, size_t servers);
bool live_has_few_spares(const struct live_worker *worker);

/* live_sync.c */
void live_start_sync(struct live *live);
/* The same, unless all is as it was when it was last read, for then it is right. */
void live_start_verify(struct live *live);
void live_stop_sync(struct live *live);
void live_seen_free(struct live_seen *seen); /* NULL is fine */

/* live_maps.c */
enum live_map_kind {
	LIVE_MAP_MISSING, /* it has no item */
	LIVE_MAP_WRONG,	  /* it has another value */
	LIVE_MAP_EXTRA,	  /* not desired */
	LIVE_MAP_KEPT,	  /* not desired, but in force: of environments that are deferred */
	LIVE_MAP_TWICE,	  /* it has no item */
	LIVE_MAP_KIND_COUNT
};
struct live_map_item {
	enum live_map_kind kind;
	size_t index;	   /* of WRONG: of routing's entry */
	char *key, *value; /* within the text that was read; both are terminated */
};
/* The next line's key and value, which are terminated there; false: there is none. */
bool live_next_map_line(char **text, struct live_map_item *ret);
/* A map as read, against what is desired of it. */
struct live_map_diff {
	enum routing_map map;
	bool *is_there; /* routing's entries */
	struct live_map_item *items;
	size_t item_count, item_cap;
	size_t counts[LIVE_MAP_KIND_COUNT];
	size_t change_count; /* of those that are to change */
	bool is_bulk;	     /* to be replaced as a whole ... */
	unsigned version;    /* ... by this prepared one */
};
/* Complains where they differ.  Environments come first: they tell which generations those that are
 * deferred read. */
void live_map_compare(struct live *live, const struct routing *routing, enum routing_map map,
		      char *text, struct live_map_diff *ret_diff);
void live_map_put(struct live *live, const struct routing *routing,
		  const struct live_map_diff *diff);
void live_map_take(struct live *live, const struct live_map_diff *diff);
void live_map_diff_fini(struct live_map_diff *diff);

/* live_collect.c */
bool live_collect_is_due(const struct live *live);
void live_collect_go_on(struct live *live);			  /* one step more */
void live_collect_note(struct live *live, const struct env *env); /* its choice comes into force */
void live_collect_abandon(struct live *live, bool clear); /* clear: by commands of the script */

#endif
