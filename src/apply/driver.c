/* The table of drivers. */
#include "apply/driver.h"

static const struct driver *const drivers[] = {
#define X(kind, name) [kind] = &(name),
    DRIVERS(X)
#undef X
};

#define COUNT (sizeof(drivers) / sizeof(drivers[0]))

const struct driver *driver_find(enum output_group group)
{
	return drivers[group];
}

bool driver_nth_group(const struct settings *settings, size_t n, struct output_id *ret_id)
{
	for (size_t kind = 0; kind < COUNT; kind++) {
		size_t count = drivers[kind]->count(settings);

		if (n < count) {
			*ret_id = (struct output_id){(enum output_group)kind, n};
			return true;
		}
		n -= count;
	}
	return false;
}
