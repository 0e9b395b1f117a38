/* What stat(2) says of files, compared.  Knows nothing of what is in them. */
#include "sys/stat_cache.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

/* Twice the coarsest step of a kernel's clock for file times (a tick of 100 Hz). */
#define FINE_STEP_NS INT64_C(20000000)
/* Times of whole seconds, as of ext2 with small inodes; FAT counts by two. */
#define COARSE_STEP_NS INT64_C(2000000000)

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void stat_cache_set(struct stat_cache *cache, const struct stat *st, struct timespec now)
{
	bool is_coarse = st->st_ctim.tv_nsec == 0;

	*cache = (struct stat_cache){
	    .dev = st->st_dev,
	    .ino = st->st_ino,
	    .size = st->st_size,
	    .mtime = st->st_mtim,
	    .ctime = st->st_ctim,
	    .is_sure = nanoseconds(now) - nanoseconds(st->st_ctim) >
		       (is_coarse ? COARSE_STEP_NS : FINE_STEP_NS),
	};
}

int stat_cache_take(const char *path, struct stat_cache *ret_cache)
{
	struct timespec now;
	struct stat st;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (stat(path, &st) != 0)
		return errno;
	stat_cache_set(ret_cache, &st, now);
	return 0;
}

static bool is_equal_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool stat_cache_is_equal(const struct stat_cache *a, const struct stat_cache *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       is_equal_time(a->mtime, b->mtime) && is_equal_time(a->ctime, b->ctime);
}

bool stat_cache_is_current(const struct stat_cache *older, const struct stat_cache *newer)
{
	return older->is_sure && stat_cache_is_equal(older, newer);
}
