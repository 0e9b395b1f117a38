/*
 * What HAProxy's files change for the traffic, old against new, as operations: environments, host
 * names, versions and instances for people, and the map entries below them.  Only the texts are
 * compared, so that neither HAProxy nor any privilege is needed.
 *
 * Maps are lines of a key and a value; of haproxy.cfg, sections are seen, and of those that are a
 * service version (backend <service>:<version>) the servers.  Files that a template of somebody's
 * own has made otherwise give fewer operations, never an error.
 */
#ifndef MF_APPLY_CHANGES_H
#define MF_APPLY_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "apply/op.h"
#include "base/buf.h"

struct config;

struct changes {
	struct op *ops;
	size_t count, cap;
	char *reload;	  /* why one is needed; NULL: the runtime API is enough */
	bool needs_check; /* haproxy.cfg differs in more than its servers, or a page does */
	struct changes_file *files;
	size_t file_count;
	struct config *old,
	    *new;     /* haproxy.cfg, which operations point into; NULL: it is the same */
	char **texts; /* made for operations, which point into them, too; NULL: none */
	size_t text_count, text_cap;
};

struct changes_file {
	const char *name;     /* as of an output: "haproxy.cfg", "maps/hosts.map"; borrowed */
	bool is_there;	      /* false: old is empty, as there is no such file */
	struct buf old;	      /* handed over */
	const char *new_text; /* borrowed */
	size_t new_len;
};

/* Takes files and what is in them over. */
struct changes *changes_make(struct changes_file *files, size_t count);
void changes_free(struct changes *changes);

/* A line each for people, without map entries; and {"kind": …} each, with ", " before all. */
void changes_print(const struct changes *changes, struct buf *ret_text);
void changes_print_json(const struct changes *changes, struct buf *ret_text);

#endif
