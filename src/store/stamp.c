/* Stamps of files.  Knows nothing of what is in them. */
#include "store/stamp.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

/* Twice the coarsest step of a kernel's file times (a tick of 100 Hz). */
#define SETTLED_NS INT64_C(20000000)

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_equal_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int stamp_take(const char *path, struct stamp *ret_stamp)
{
	struct timespec now;
	struct stat st;

	if (stat(path, &st) != 0)
		return errno;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret_stamp = (struct stamp){
	    .dev = st.st_dev,
	    .ino = st.st_ino,
	    .size = st.st_size,
	    .mtime = st.st_mtim,
	    .ctime = st.st_ctim,
	    .is_settled = nanoseconds(now) - nanoseconds(st.st_ctim) > SETTLED_NS,
	};
	return 0;
}

bool stamp_is_same(const struct stamp *older, const struct stamp *newer)
{
	return older->is_settled && older->dev == newer->dev && older->ino == newer->ino &&
	       older->size == newer->size && is_equal_time(older->mtime, newer->mtime) &&
	       is_equal_time(older->ctime, newer->ctime);
}
