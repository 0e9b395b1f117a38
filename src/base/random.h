/*
 * Chance, to spread what many do at once over a while; for no secrets.
 */
#ifndef MF_BASE_RANDOM_H
#define MF_BASE_RANDOM_H

#include <stdint.h>

/* 0 to bound - 1; 0 when there is no such number, or no chance yet. */
int64_t random_below(int64_t bound);

#endif
