/*
 * The kvwatch of other hosts, for a command that has nothing else to do meanwhile: all are asked at
 * once for a path at the address of their metrics, with the token of the settings.
 */
#ifndef MF_OPERATOR_ELSEWHERE_H
#define MF_OPERATOR_ELSEWHERE_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct mf_err;
struct reading;

struct elsewhere_answer {
	const char *node; /* borrowed from the reading */
	char *text;	  /* NULL: ... */
	char *reason;	  /* ... why there is none */
};

struct elsewhere {
	struct elsewhere_answer *answers; /* in the order of the nodes' names */
	size_t count;
};

/*
 * Every node that reports or belongs to the fleet, but for the one of that name (NULL: all).
 * MF_EFAIL: interrupted.
 */
int elsewhere_ask(struct call *call, const struct reading *reading, const char *but,
		  const char *path, size_t max_reply, struct elsewhere *ret, struct mf_err *err);
void elsewhere_fini(struct elsewhere *elsewhere);

#endif
