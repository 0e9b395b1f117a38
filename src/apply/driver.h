/*
 * The drivers: one row for each kind of daemon that reads outputs.  A driver says which groups of
 * outputs are its own, and how the daemon is asked what it runs and made to read its files; the
 * phases between are the same for all (group.h).
 *
 * A further kind is a file with such a struct and a row in DRIVERS.
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
struct snapshot;

struct driver {
	/* Whether a group of outputs is its own.  i, below: that group's target. */
	bool (*owns)(const struct settings *settings, struct output_id id);
	/* The path of the group's main file, beside or below which the others are, or of their
	 * directory; "": none. */
	const char *(*path)(const struct settings *settings, size_t i);
	/* The command that checks the group's staged main file, NULL at the end; NULL: none. */
	char **(*check)(const struct settings *settings, size_t i);
	/* How long that may take, in ms; NULL: GROUP_COMMAND_MS. */
	int64_t (*check_ms)(const struct settings *settings);
	bool (*can_reload)(const struct settings *settings, size_t i);
	mode_t mode_also; /* bits that its files have in any case: it reads them as somebody else */

	/*
	 * The phases' hooks; each of those that wait for something has a group's job to set, and
	 * ends by one of group_internal.h's ends, at once or later.  NULL: nothing is to be done.
	 */
	void (*open)(struct group *group);    /* before its first run; waits for nothing */
	void (*observe)(struct group *group); /* ask what it runs */
	/* Render, compare and put into place, all at once; then nothing below is left to do but a
	 * reload.  NULL: as group.h says. */
	void (*write)(struct group *group);
	/*
	 * Of who writes so quickly that it waits for nobody: can it now?  And is what its run does
	 * to be broken off, because something else is desired?
	 */
	bool (*is_prompt)(const struct group *group);
	bool (*must_yield)(const struct group *group, const struct snapshot *desired);
	void (*forget)(struct group *group); /* group->memory counts no more */
	/* In a copy of this process, before anything is staged; fails the run. */
	int (*preserve)(void *group, struct mf_err *err);
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
	/*
	 * From one start of a reload to the next, and at most: it doubles with each reload of a
	 * burst, as each may leave an old process behind.
	 */
	int64_t reload_gap_ms, reload_gap_max_ms;
};

/* The first that owns a group drives it; the last one, whatever is left. */
#define DRIVERS(X)                                                                                 \
	X(haproxy_driver)                                                                          \
	X(hostsdir_driver)                                                                         \
	X(dnsmasq_driver)                                                                          \
	X(command_driver)

#define X(name) extern const struct driver name;
DRIVERS(X)
#undef X

const struct driver *driver_find(const struct settings *settings, struct output_id id);

#endif
