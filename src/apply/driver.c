/* The table of drivers. */
#include "apply/driver.h"

const struct driver *driver_find(const struct settings *settings, struct output_id id)
{
	static const struct driver *const drivers[] = {
#define X(name) &(name),
	    DRIVERS(X)
#undef X
	};
	size_t i = 0;

	while (!drivers[i]->owns(settings, id)) /* the last owns whatever is left */
		i++;
	return drivers[i];
}
