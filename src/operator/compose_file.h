/*
 * A compose file as docker-compose resolves it (`config`): what Mayfly reads in it, and what it
 * finds wrong.  Text in, text out.
 *
 * A service may say in `x-mayfly` what labels would say: {route: /, hosts: [a.example.com], ...}.
 * {protocol: tcp} means that it stays inside its project.
 */
#ifndef MF_OPERATOR_COMPOSE_FILE_H
#define MF_OPERATOR_COMPOSE_FILE_H

#include <stddef.h>

struct buf;
struct compose_file;
struct mf_err;

/* The output of `docker-compose config`.  MF_EDATA: it is none, or x-mayfly is not right. */
int compose_file_parse(const char *text, size_t len, struct compose_file **ret_file,
		       struct mf_err *err);
void compose_file_free(struct compose_file *file); /* NULL is fine */

/* A compose file with the labels that x-mayfly stands for; nothing where nobody says it. */
void compose_file_add_labels(const struct compose_file *file, struct buf *ret_yaml);

/* Host names of its environment; NULL at the end, or NULL.  Borrowed. */
char *const *compose_file_hosts(const struct compose_file *file);

/*
 * Whether a port that it fixes is published by another project: lines of "PROJECT PORTS", as
 * docker ps prints them.  MF_EDATA, with what to write instead.
 */
int compose_file_check_ports(const struct compose_file *file, const char *project,
			     const char *lines, struct mf_err *err);

/* "network NAME: why": names of its networks that other projects may have, too; NULL: none is.
 * Handed over. */
char *compose_file_find_shared(const struct compose_file *file, const char *project);

#endif
