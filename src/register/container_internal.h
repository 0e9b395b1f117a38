/*
 * The parts of container_parse.
 */
#ifndef MF_REGISTER_CONTAINER_INTERNAL_H
#define MF_REGISTER_CONTAINER_INTERNAL_H

#include "base/node.h"
#include "register/container.h"

struct container_word {	 /* SERVICE_<key>=value; borrowed from the reply */
	const char *key; /* behind SERVICE_ and the port */
	size_t key_len;
	unsigned port; /* 0: of all ports */
	const char *value;
};

struct container_source {
	const struct container_options *options;
	const struct node *inspect, *labels;
	struct container_word *words; /* the environment's before the labels' */
	size_t word_count, word_cap;
	struct container *container;
};

/* A remark; is_wrong as in struct container. */
void container_remark(struct container *container, bool is_wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- words ----------------------------------------------------------------------------------- */

void container_read_words(struct container_source *source);
/* The value of mayfly.NAME; NULL when there is none, or it is empty or too long. */
const char *container_find_label(const struct container_source *source, const char *name);
/* The value of SERVICE_<port>_NAME, or of SERVICE_NAME with port 0, in the same way. */
const char *container_find_word(const struct container_source *source, unsigned port,
				const char *name);
/* The first of the three. */
const char *container_find(const struct container_source *source, unsigned port, const char *name);
bool container_is_true(const char *value); /* not NULL, 0, no or false */
/* All that are none of ours, as attributes: a port's before those of all ports. */
void container_read_attributes(const struct container_source *source,
			       struct container_instance *instance);
char **container_split_tags(const char *tags); /* at commas; \, is one */

/* --- the image ------------------------------------------------------------------------------- */

/*
 * "registry:5000/team/web:1.2@sha256:..." is web and 1.2; with a digest alone the version is
 * sha256- and its first 12 digits, with neither latest.  ret_name is NULL for an image known by its
 * id alone.  Both are handed over.
 */
void container_parse_image(const char *image, const char *image_id, char **ret_name,
			   char **ret_version);

/* --- the address ----------------------------------------------------------------------------- */

/*
 * The TCP ports to choose from, ascending, without those that SERVICE_<port>_IGNORE excludes; at
 * most max, a remark says if there are more.  0 with a remark when there is none.
 */
size_t container_list_ports(const struct container_source *source, unsigned *ports, size_t max);
/* Where that port of the container answers.  MF_EDATA: nowhere, and why. */
int container_find_endpoint(const struct container_source *source, unsigned port,
			    char **ret_address, unsigned *ret_port, struct mf_err *err);

/* --- the check ------------------------------------------------------------------------------- */

/* None where none is asked for.  MF_EDATA. */
int container_read_check(const struct container_source *source, struct container_instance *instance,
			 struct mf_err *err);

#endif
