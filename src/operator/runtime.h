/*
 * The running HAProxy's runtime API (management guide, section 9.3) for a command that has nothing
 * else to do meanwhile: each question runs the loop until the answer is there.
 */
#ifndef MF_OPERATOR_RUNTIME_H
#define MF_OPERATOR_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct call;
struct mf_err;

/* The words so that HAProxy's command line reads them as they are; false: one cannot be. */
bool runtime_add_command(struct buf *text, const char *const *words);

/*
 * One command, NULL behind its words, at haproxy.admin_socket of the settings; the reply is to be
 * freed.  MF_EUNAVAIL: nobody answers there; MF_EPERM; MF_ETIMEOUT; MF_EDATA: a word cannot be
 * written on a command line, or the reply is longer than 16 MiB; MF_EFAIL: interrupted.
 */
int runtime_ask(struct call *call, const char *const *words, char **ret_reply, struct mf_err *err);

/* The same for text that is a command line as it is. */
int runtime_ask_line(struct call *call, const char *line, size_t max_reply, char **ret_reply,
		     struct mf_err *err);

#endif
