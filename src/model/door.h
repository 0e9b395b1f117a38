/*
 * What an environment says of requests that come to it, before a service gets them.  Each is an
 * object of a table of its own, immutable once read, and shared by counting references; what maps
 * have of it is made once.
 */
#ifndef MF_MODEL_DOOR_H
#define MF_MODEL_DOOR_H

#include <stddef.h>

struct fields;
struct mf_err;
struct node;

enum door_kind {
	DOOR_ACCESS, /* model/access.h */
	DOOR_AUTH,   /* model/auth.h */
	DOOR_ENTER,  /* browsers are handed in by links (model/link.h): one word, and no map */
	DOOR_KINDS
};
extern const char *const door_words[DOOR_KINDS]; /* their keys: "access" ... */

#define DOOR_KEY_MAX   640 /* bytes */
#define DOOR_VALUE_MAX 2560

struct door_entry {
	char *key; /* what follows a generation and '/'; begins with '.', as no service does */
	char *value;
};

struct door {
	unsigned refs;
	char *text;		    /* canonical: a JSON object */
	char *words;		    /* for people, in one line */
	struct door_entry *entries; /* by key, distinct */
	size_t count;
};

/* MF_EDATA.  Of DOOR_ENTER the node is a text. */
int door_read(enum door_kind kind, const struct node *node, struct door **ret_door,
	      struct mf_err *err);
struct door *door_ref(struct door *door); /* NULL is fine, also below */
void door_unref(struct door *door);

/* For those who make them: takes both over. */
void door_add_entry(struct door *door, char *key, char *value);

#endif
