/*
 * What stat(2) said of a file when it was read: whether it must be read again.
 */
#ifndef MF_STORE_STAMP_H
#define MF_STORE_STAMP_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct stamp { /* all zero: never read */
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
	bool is_settled; /* old enough that a later write must show in its times */
};

/* Take it before the file is read.  0, or errno. */
int stamp_take(const char *path, struct stamp *ret_stamp);

/* Whether the bytes read under the older stamp are surely those of the newer one. */
bool stamp_is_same(const struct stamp *older, const struct stamp *newer);

#endif
