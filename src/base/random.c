/* From the kernel, without waiting for it. */
#include "base/random.h"

#include <sys/random.h>

int64_t random_below(int64_t bound)
{
	uint64_t n = 0;

	(void)!getrandom(&n, sizeof(n), GRND_NONBLOCK);
	return bound <= 0 ? 0 : (int64_t)(n % (uint64_t)bound);
}
