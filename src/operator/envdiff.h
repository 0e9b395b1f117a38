/*
 * What is different between two environments, or two states of one.
 */
#ifndef MF_OPERATOR_ENVDIFF_H
#define MF_OPERATOR_ENVDIFF_H

struct buf;
struct env;
struct node;

struct envdiff_side {
	const struct env *own;	 /* as it is written; NULL: there is none */
	const struct env *whole; /* with what it has from others; or the same */
};

/*
 * Rows of a list: service, field, before, after (absent: none), from (the environment that says
 * what is after).  Of two different environments, names, hosts, descriptions and parents are not
 * compared.
 */
void envdiff_add(struct node *list, const struct envdiff_side *before,
		 const struct envdiff_side *after);

/* "tasks 1.4 -> 1.5-rc1 (from prod)" */
void envdiff_add_line(struct buf *text, const struct node *row);

#endif
