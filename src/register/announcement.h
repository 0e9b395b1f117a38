/*
 * One instance that is to be announced: the form in which the command line, service files and
 * containers describe it, up to its key and value in etcd.
 *
 * All of these sources read its keys by one table, announcement_fields.
 */
#ifndef MF_REGISTER_ANNOUNCEMENT_H
#define MF_REGISTER_ANNOUNCEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/backend.h"
#include "register/netif.h"

struct buf;
struct check_spec;
struct fields;
struct mf_err;
struct settings;

#define ANNOUNCEMENT_MAX_CHECKS	    16
#define ANNOUNCEMENT_MAX_TAGS	    64
#define ANNOUNCEMENT_MAX_ATTRIBUTES 64
#define ANNOUNCEMENT_MAX_EXTRA	    8192 /* bytes of tags and attributes */

enum on_fail { ON_FAIL_WITHDRAW, ON_FAIL_DRAIN };

struct announcement { /* strings and lists are its own */
	char *service, *version;
	char *id;		 /* NULL: <node>-<address>-<port> */
	struct netif_want where; /* as written in a file; else unused */
	char *address;		 /* that it has now: canonical, without brackets; NULL: none */
	unsigned port, weight;
	enum instance_state state;
	char **tags; /* NULL at the end; NULL: none */
	size_t tag_count;
	struct attribute *attributes;
	size_t attribute_count;
	struct check_spec **checks; /* all of them must pass */
	size_t check_count;
	enum on_fail on_fail; /* once it was announced */
	bool is_initially_up; /* announced before its first success */
	char *env;	      /* this environment uses it for its service; NULL: none */
	bool steals;	      /* take its key, and env's service, from another that holds them */
	bool has_made_id;     /* id begins with the node's name, as made by this node */
	int64_t ttl_ms;	      /* of its lease; 0: not said */
	char *origin;	      /* what messages call it: "container web-1"; NULL: by its name */
};

void announcement_init(struct announcement *announcement); /* the defaults */
void announcement_copy(struct announcement *copy, const struct announcement *from);
void announcement_fini(struct announcement *announcement);

/* Its keys, by which files are read by fields_read, options and containers' words by fields_set. */
extern const struct fields announcement_fields;

void announcement_add_attribute(struct announcement *announcement, const char *name,
				const char *value);
void announcement_add_check(struct announcement *announcement, struct check_spec *check);

/* --- etcd ------------------------------------------------------------------------------------- */

/* The names, tags and attributes.  MF_EDATA. */
int announcement_check(const struct announcement *announcement, struct mf_err *err);
/* Whether its service fits one of these patterns of fnmatch(3), or there are none.  MF_EPERM. */
int announcement_check_allowed(const struct announcement *announcement, char *const *patterns,
			       struct mf_err *err);
/* The id, made where there is none; handed over. */
char *announcement_make_id(const struct announcement *announcement,
			   const struct settings *settings);
/* `<prefix>/backends/<service>/<version>/<id>`; handed over.  MF_EDATA: id. */
int announcement_make_key(const struct announcement *announcement, const struct settings *settings,
			  char **ret_key, struct mf_err *err);
void announcement_format(const struct announcement *announcement, enum instance_state state,
			 struct buf *ret_value);

#endif
