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

struct mf_err;
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
 * Make dir, which is made when it is not there, hold all of dnsmasq's outputs, and no strays.  What
 * goes wrong with a file is no reason to leave out another; the first is reported.  *changes: how
 * many were written or removed.
 */
int hostsdir_sync(const char *dir, const struct output_set *set, size_t *ret_changes,
		  struct mf_err *err);

/*
 * How long to wait after so many changes, while dnsmasq knows so many files: at each change it
 * looks through all of its names, and what it is told beyond the kernel's queue (inotify(7),
 * max_queued_events) it never learns.  2.90 itself needs about half of that.
 */
int64_t hostsdir_pause_ms(size_t changes, size_t known);

/* Waits until all that was written there is on the disk; false: it is not. */
bool hostsdir_flush(const char *dir);

#endif
