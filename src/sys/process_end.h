/*
 * What ends a group of processes when we die before it: a process of its own, which does nothing
 * but wait for that, and ends with us or with the group.
 */
#ifndef MF_SYS_PROCESS_END_H
#define MF_SYS_PROCESS_END_H

#include <sys/types.h>

struct process_end {
	pid_t pid; /* 0: there is none */
	int fd;	   /* open while we live */
};

/* Made before the group is, so that there is no moment without it.  When we are gone, the group
 * gets SIGTERM (and SIGCONT), and who is left SIGKILL ten seconds later.  Where none can be made,
 * pid is 0. It is our child, and claimed (sys/reap.h). */
void process_end_start(struct process_end *end);
/* In the leader of the group, before its exec, which closes what it has of this: it is the group.
 * Async-signal-safe. */
void process_end_tell(const struct process_end *end);
/* The group is gone, or left to itself. */
void process_end_stop(struct process_end *end);

#endif
