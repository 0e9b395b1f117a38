/*
 * A directory that dnsmasq watches, with a small file for each service.  It reads a file as soon as
 * one is renamed to a name that has no dot at its beginning, and forgets what was in it when it is
 * deleted (dnsmasq(8), --hostsdir; deletions from 2.88 on).  Of what is there, what begins with
 * OUTPUT_HOSTSDIR_PREFIX is ours.
 */
#ifndef MF_APPLY_HOSTSDIR_H
#define MF_APPLY_HOSTSDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct output;
struct output_set;

/*
 * Put a file into place, staged as a dot-file.  It is not synced: a file that a crash of the
 * machine has emptied is found by the comparison at the next start.  MF_EWRITE, MF_EPERM.
 */
int hostsdir_put(const struct output *output, struct mf_err *err);
int hostsdir_remove(const char *path, struct mf_err *err); /* not there is fine */

/*
 * The names of the files in dir that are ours, and of none of the set's outputs; sorted.  A
 * directory that is not there has none.
 */
int hostsdir_list_strays(const char *dir, const struct output_set *set, char ***ret_names,
			 size_t *ret_count, struct mf_err *err);
void hostsdir_free_names(char **names, size_t count);

/*
 * How many files dnsmasq may not have read yet.  At each it looks through all names that it has,
 * and what it is told beyond the kernel's queue (inotify(7), max_queued_events) it never learns.
 */
struct hostsdir_pace {
	int64_t at_us; /* by loop_now_us */
	int64_t unread;
};

/*
 * Before a change, while dnsmasq knows so many files: 0, and it is counted, or how long to wait
 * before asking again.  It goes by twice the time that dnsmasq 2.90 needs.
 */
int64_t hostsdir_pace(struct hostsdir_pace *pace, size_t known, int64_t now_us);

/*
 * Make dir, which is made when it is not there, hold all of dnsmasq's outputs, and no strays, at
 * that pace.  What goes wrong with a file is no reason to leave out another; the first is reported.
 */
struct hostsdir_sync {
	struct hostsdir_pace pace; /* goes on from here */
	struct mf_err err;
	size_t changes; /* so many files were written or removed */
};
int hostsdir_sync(const char *dir, const struct output_set *set, struct hostsdir_sync *sync);

/* Waits until all that was written there is on the disk; false: it is not. */
bool hostsdir_flush(const char *dir);

#endif
