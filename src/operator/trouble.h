/*
 * What is wrong, why, and what to do about it: a list for programs, lines for people.
 */
#ifndef MF_OPERATOR_TROUBLE_H
#define MF_OPERATOR_TROUBLE_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct env;
struct node;
struct reading;

/* Each adds rows of object, reason and next (a command, or what to correct) to a list. */
void trouble_add_env(struct node *list, const struct reading *reading, const struct env *env);
/* What it says and has not, where others answer: versions, and environments of its split. */
void trouble_add_stand_ins(struct node *list, const struct reading *reading, const struct env *env);
/* What is said of the settings of a service. */
void trouble_add_service(struct node *list, const struct reading *reading, const char *service);
/* What is set aside: entries that cannot be read, claims that another has. */
void trouble_add_set_aside(struct node *list, const struct reading *reading);
/* What is worth knowing, though somebody answers. */
void trouble_add_remarks(struct node *list, const struct reading *reading);
#define TROUBLE_CERTIFICATE_DAYS 14 /* one that ends within so many days is a problem */

/* What the nodes of fleet_add report. */
void trouble_add_nodes(struct node *list, const struct node *nodes);
/* Services of environments, and visitors of theirs, for which nobody answers. */
void trouble_add_missing(struct node *list, const struct reading *reading);

/* A line for each of the first ones, with what to do below it, under a title. */
void trouble_add_page(struct buf *text, const char *title, const struct node *list, size_t most);

#endif
