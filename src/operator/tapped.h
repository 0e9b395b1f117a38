/*
 * One request as HAProxy's ring has it, in the words of templates/haproxy-tap.mustache, or of
 * the access log where there is one.
 */
#ifndef MF_OPERATOR_TAPPED_H
#define MF_OPERATOR_TAPPED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct node;
struct whose;

/* Texts are parts of the line, or of path_copy; len 0: it has none. */
struct tapped {
	int64_t seconds; /* since 1970, when it came */
	unsigned milliseconds;
	unsigned status; /* 0: there was no answer */
	unsigned took_ms;
	struct span caller; /* address */
	struct span method, path;
	struct span environment, service, version, instance;
	char path_copy[1024];
	struct span error; /* why HAProxy answers itself, as its x-mayfly-error says */
};

/* False: it is something else. */
bool tapped_parse(struct span line, struct tapped *ret_tapped);

/*
 * As a further row of a list; callers: who has the caller's address, of whom up to
 * TAPPED_MAX_CALLERS are named; is_page: for people, who know which day it is.
 */
#define TAPPED_MAX_CALLERS 4
void tapped_add_row(struct node *list, const char *node, const struct tapped *tapped,
		    const struct whose *callers, bool is_page);

/* "12 events dropped": as many that came too fast to be read.  False: it is something else. */
bool tapped_parse_missed(struct span line, unsigned *ret_count);

#endif
