/*
 * Who calls whom at HAProxy's address for calls between services, as its tables of the template
 * haproxy-audit have it: how often, and how often without naming an environment.
 */
#ifndef MF_APPLY_CALLS_H
#define MF_APPLY_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLS_TABLE_WITH    "calls-with-environment"
#define CALLS_TABLE_WITHOUT "calls-without-environment"
#define CALLS_TABLE_PROBES  "calls-of-probes"
#define CALLS_PROBE	    "mayfly-probe-" /* the names of environments begin so whose calls it has */
#define CALLS_EXPIRE_MS	    INT64_C(86400000) /* of an entry that is not touched */
/* What the admin socket is asked for. */
#define CALLS_COMMAND                                                                              \
	"show info;show table " CALLS_TABLE_WITH ";show table " CALLS_TABLE_WITHOUT                \
	";show table " CALLS_TABLE_PROBES "\n"
#define CALLS_PATH	"/calls"	   /* of kvwatch, where it serves its metrics */
#define CALLS_MAX_REPLY ((size_t)32 << 20) /* of two full tables */

struct calls_count {
	uint64_t calls;	  /* all of them */
	uint64_t without; /* of which so many named no environment */
	int64_t idle_ms;  /* since the last of those; if there is none, since the last one */
};

struct calls_caller {
	char *address;
	struct calls_count count;
	struct calls_called {
		char *service; /* "": no name that a service can have */
		struct calls_count count;
	} * called; /* by name */
	size_t called_count;
};

struct calls;

/* probe: only calls in the environment of that name, which is a probe's; NULL: all of others. */
struct calls *calls_new(const char *probe);
void calls_free(struct calls *calls);

/*
 * Add what the tables say, in the reply to CALLS_COMMAND; entries that were idle for longer than
 * max_idle_ms count for nothing; 0: all count.  False: HAProxy has no such tables.
 */
bool calls_add(struct calls *calls, const char *reply, int64_t max_idle_ms);

/* Those with most calls without an environment come first. */
size_t calls_list(struct calls *calls, const struct calls_caller **ret_callers);

#endif
