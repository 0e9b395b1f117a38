/*
 * The drivers: one row for each kind of daemon that reads outputs.  A driver says which groups of
 * outputs the settings ask for, and how the daemon is asked what it runs and made to read its
 * files; the phases between are the same for all (group.h).
 *
 * A further kind is a file with such a struct, a row in DRIVERS, and a row of outputs in
 * render/output.c.
 */
#ifndef MF_APPLY_DRIVER_H
#define MF_APPLY_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "render/output.h"

struct group;
struct mf_err;
struct settings;

struct driver {
	/* How many groups of it the settings ask for; the index of one is an output_id's target. */
	size_t (*count)(const struct settings *settings);
	/* The path of a group's main file; the others are beside or below it. */
	const char *(*path)(const struct settings *settings, size_t i);
	/* The command that checks a group's staged main file, NULL at the end; NULL: none. */
	char **(*check)(const struct settings *settings, size_t i);
	bool (*can_reload)(const struct settings *settings, size_t i);
	mode_t mode_also; /* bits that its files have in any case: it reads them as somebody else */

	/*
	 * The phases' hooks; each of those that wait for something has a group's job to set, and
	 * ends by one of group_internal.h's ends, at once or later.  NULL: nothing is to be done.
	 */
	void (*open)(struct group *group);    /* before its first run; waits for nothing */
	void (*observe)(struct group *group); /* ask what it runs */
	/* In a copy of this process, when all is rendered and compared; see writer.h. */
	int (*inspect)(void *group, const struct output_set *set, struct mf_err *err);
	/* Must it be made to read?  NULL: whenever a file has changed. */
	bool (*needs_reload)(const struct group *group);
	void (*keep)(struct group *group); /* before a reload */
	void (*reload)(struct group *group);
	void (*cancel)(void *job);

	/*
	 * It is changed beside its files, too: a reload must load the newest model, and nothing
	 * else may change it from then on until that is over (group_events.on_hold).
	 */
	bool is_live;
	int64_t reload_gap_ms; /* from one start of a reload to the next */
};

/* clang-format off */
#define DRIVERS(X)                         \
	X(OUTPUT_HAPROXY, haproxy_driver)  \
	X(OUTPUT_DNSMASQ, dnsmasq_driver)  \
	X(OUTPUT_TARGET, command_driver)
/* clang-format on */

#define X(kind, name) extern const struct driver name;
DRIVERS(X)
#undef X

const struct driver *driver_find(enum output_group group);

/* The n-th group that the settings ask for; false: there are not so many. */
bool driver_nth_group(const struct settings *settings, size_t n, struct output_id *ret_id);

#endif
