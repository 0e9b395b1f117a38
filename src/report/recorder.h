/*
 * Keeps the checkpoint in its file.  A disk may take tenths of a second for that, so a copy of this
 * process does it, at most once in a second, and the newest is what is kept.
 */
#ifndef MF_REPORT_RECORDER_H
#define MF_REPORT_RECORDER_H

struct checkpoint;
struct loop;
struct recorder;

struct recorder *recorder_new(struct loop *loop);
/* In that directory, which is copied.  What is recorded already is not written again. */
void recorder_set(struct recorder *recorder, const char *state_dir,
		  const struct checkpoint *applied);
/* Writes what is not written yet.  NULL is fine. */
void recorder_free(struct recorder *recorder);

#endif
