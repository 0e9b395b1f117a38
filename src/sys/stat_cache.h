/*
 * What stat(2) said of a file when it was read or written: whether it must be read again.
 *
 * File systems count time in steps of up to two seconds.  A file that is written again within the
 * step of its last change keeps its times, so what was seen of it in that step proves nothing.
 */
#ifndef MF_SYS_STAT_CACHE_H
#define MF_SYS_STAT_CACHE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct stat;

struct stat_cache { /* all zero: nothing is known */
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	bool is_sure; /* seen after the step of its last change: a later write shows in its times */
};

/* Follows symbolic links.  Take it before the first byte is read.  0, or errno. */
int stat_cache_take(const char *path, struct stat_cache *ret_cache);

/* The same from a stat that was made not before now (CLOCK_REALTIME). */
void stat_cache_set(struct stat_cache *cache, const struct stat *st, struct timespec now);

/* Whether both say the same.  That the bytes are the same is certain only if the older is_sure. */
bool stat_cache_is_equal(const struct stat_cache *a, const struct stat_cache *b);

/* Whether the bytes read with the older one are certainly those of the newer one. */
bool stat_cache_is_current(const struct stat_cache *older, const struct stat_cache *newer);

#endif
