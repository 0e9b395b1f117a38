/*
 * What `mayfly top` shows of a tally, for those who check that it is as its schema says.
 */
#ifndef MF_OPERATOR_TOP_H
#define MF_OPERATOR_TOP_H

#include <stdint.h>

struct look;
struct tally;

/* Of an interval of so many milliseconds. */
void top_fill(struct look *look, struct tally *tally, int64_t interval_ms);

#endif
