/*
 * Requests of some time, summed by environment and version: how many, how many failed, and how long
 * they took.
 */
#ifndef MF_OPERATOR_TALLY_H
#define MF_OPERATOR_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* Of which so many are kept, with what each took; the rest counts as missed. */
#define TALLY_MAX ((size_t)1 << 20)

struct tally;
struct tapped;

struct tally_row {
	char *environment, *service, *version; /* "": none */
	size_t requests, errors_4xx, errors_5xx;
	unsigned p50_ms, p95_ms; /* the least that so many percent took at most */
	unsigned *took_ms;	 /* of each */
	size_t cap;
};

struct tally *tally_new(void);
void tally_free(struct tally *tally); /* NULL is fine */

void tally_add(struct tally *tally, const struct tapped *tapped);
void tally_add_missed(struct tally *tally, unsigned count);

/* The busiest first; borrowed until something is added or cleared. */
size_t tally_list(struct tally *tally, const struct tally_row *const **ret_rows);
int64_t tally_missed(const struct tally *tally);
void tally_clear(struct tally *tally);

#endif
