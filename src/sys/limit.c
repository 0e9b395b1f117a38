/* The process's limits.  Knows nothing of what needs them. */
#include "sys/limit.h"

#include <sys/resource.h>

void limit_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* no worse than before */
}
