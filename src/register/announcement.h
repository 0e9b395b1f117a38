/*
 * One instance that is to be announced: the form in which the command line, service files and
 * containers describe it, up to its key and value in etcd.
 *
 * Its keys are one table, announcement_fields, which all of these sources read it by.
 */
#ifndef MF_REGISTER_ANNOUNCEMENT_H
#define MF_REGISTER_ANNOUNCEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/backend.h"
#include "model/name.h"
#include "register/netif.h"

struct buf;
struct check_spec;
struct mf_err;
struct node;
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
	char **tags; /* NULL: none */
	struct attribute *attributes;
	size_t attribute_count;
	struct check_spec **checks; /* all of them must pass */
	size_t check_count;
	enum on_fail on_fail; /* once it was announced */
	bool is_initially_up; /* announced before its first success */
	char *env;	      /* this environment uses it for its service; NULL: none */
	bool steals;	      /* take env's service from another that holds it */
	int64_t ttl_ms;	      /* of its lease; 0: not said */
};

void announcement_init(struct announcement *announcement); /* the defaults */
void announcement_copy(struct announcement *copy, const struct announcement *from);
void announcement_fini(struct announcement *announcement);

/* --- its keys ----------------------------------------------------------------------------------
 */

struct announcement_field {
	const char *key;
	const char *option; /* svcregister's, without the dashes; NULL: none */
	const char *arg;    /* of the option */
	const char *help;   /* one line for --help */
	/* MF_EDATA, without the key.  NULL: a name at that offset, or read with the others. */
	int (*read)(const struct node *node, struct announcement *announcement, struct mf_err *err);
	enum name_kind name_kind;
	size_t offset; /* 0: none */
	size_t max;    /* a list of at most so many, which an option is given so often; 0: none */
	bool is_named; /* what read says begins with what it is about */
};
extern const struct announcement_field announcement_fields[]; /* ends with a row without a key */

const struct announcement_field *announcement_find_field(const char *key); /* NULL: none */

/* A map of a service file.  MF_EDATA: `service search: weight: "257": must be ...`, with the place.
 */
int announcement_read(struct announcement *announcement, const struct node *map,
		      struct mf_err *err);
/* One value as it was typed, or one more of a list.  MF_EDATA: `"257": must be ...`. */
int announcement_set(struct announcement *announcement, const struct announcement_field *field,
		     const char *value, struct mf_err *err);
/* A name that is checked later. */
void announcement_set_name(struct announcement *announcement,
			   const struct announcement_field *field, const char *name);
void announcement_add_attribute(struct announcement *announcement, const char *name,
				const char *value);
void announcement_add_check(struct announcement *announcement, struct check_spec *check);

/* --- etcd ------------------------------------------------------------------------------------- */

/* The names, tags and attributes.  MF_EDATA. */
int announcement_check(const struct announcement *announcement, struct mf_err *err);
/* The id, made where there is none; handed over. */
char *announcement_make_id(const struct announcement *announcement,
			   const struct settings *settings);
/* `<prefix>/backends/<service>/<version>/<id>`; handed over.  MF_EDATA: id. */
int announcement_make_key(const struct announcement *announcement, const struct settings *settings,
			  char **ret_key, struct mf_err *err);
void announcement_format(const struct announcement *announcement, enum instance_state state,
			 struct buf *ret_value);

#endif
