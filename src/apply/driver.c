/* The table of drivers. */
#include "apply/driver.h"

static const struct driver *const drivers[] = {
#define X(name) &(name),
    DRIVERS(X)
#undef X
};

const struct driver *driver_find(const struct settings *settings, struct output_id id)
{
	size_t i = 0, last = sizeof(drivers) / sizeof(drivers[0]) - 1;

	while (i < last && !drivers[i]->owns(settings, id))
		i++;
	return drivers[i];
}
