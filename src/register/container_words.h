/*
 * What a container says of itself, in labels and in environment variables, and what is remarked on
 * it.  Words are found, the first that is there, in: the label mayfly.NAME; SERVICE_<port>_NAME and
 * then SERVICE_NAME, each first in the environment, then in the labels, as registrator has them.
 */
#ifndef MF_REGISTER_CONTAINER_WORDS_H
#define MF_REGISTER_CONTAINER_WORDS_H

#include <stdbool.h>

struct announcement;
struct container;
struct container_words;
struct node;

/* A remark on the container, made once; is_wrong as in struct container. */
void container_remark(struct container *container, bool is_wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* config: of the inspect reply, borrowed as the container is.  What is too long is remarked. */
struct container_words *container_words_new(const struct node *config, struct container *container);
void container_words_free(struct container_words *words);

/* The value of mayfly.NAME; NULL when there is none, or it is empty or too long. */
const char *container_words_label(const struct container_words *words, const char *name);
/* The value of SERVICE_<port>_NAME, or of SERVICE_NAME with port 0, in the same way. */
const char *container_words_service(const struct container_words *words, unsigned port,
				    const char *name);
/* The first of the three. */
const char *container_words_find(const struct container_words *words, unsigned port,
				 const char *name);
/* What that word is called: "mayfly.id", "SERVICE_80_ID", "SERVICE_ID"; handed over. */
char *container_words_title(const struct container_words *words, unsigned port, const char *name);
bool container_words_is_true(const char *value); /* not NULL, 0, no or false */
/* Whether any SERVICE_NAME or SERVICE_<port>_NAME is there. */
bool container_words_has_name(const struct container_words *words);

/* Remark on labels that look like ours and are none; is_service: and on such SERVICE_CHECK_ words.
 */
void container_words_check(const struct container_words *words, bool is_service);

/* Tags; and all words that are none of ours, as attributes: a port's before those of all ports. */
void container_words_read_extra(const struct container_words *words, unsigned port,
				struct announcement *announcement);

#endif
