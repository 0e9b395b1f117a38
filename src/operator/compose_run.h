/*
 * Docker's own programs, run for a command: `docker compose` where the client has it, else
 * `docker-compose`.
 */
#ifndef MF_OPERATOR_COMPOSE_RUN_H
#define MF_OPERATOR_COMPOSE_RUN_H

struct buf;
struct call;
struct mf_err;

/* These words behind the program's own, in the foreground, until it ends: call->status is its exit
 * status.  MF_ENOINPUT: there is neither. */
int compose_run(struct call *call, const char *const *words, struct mf_err *err);
/* The same in the background: what it prints.  MF_EDATA, with that, where it fails. */
int compose_ask(struct call *call, const char *const *words, struct buf *ret_output,
		struct mf_err *err);

/* A line for each container that runs, "PROJECT PORTS"; nothing where docker cannot say. */
void compose_list_ports(struct call *call, struct buf *ret_lines);

#endif
