/*
 * Who waits for which child.  The children of a process are all in one list, and wait(2) takes from
 * it whatever ended: so whoever starts one claims it, and what nobody claimed (orphans that came to
 * us because we are process 1 or a subreaper, see prctl(2)) can be reaped beside.
 *
 * One list a process, as the kernel has it.
 */
#ifndef MF_SYS_REAP_H
#define MF_SYS_REAP_H

#include <sys/types.h>

/* Right after it was started: nobody else reaps it. */
void reap_claim(pid_t pid);

/* Wait for a claimed child and give it up: its exit code, or 128 + signal; 1 if it was not there.
 */
int reap_wait(pid_t pid);

/*
 * Reap every child that ended and is nobody's.  Where one that is claimed stands before them, they
 * follow as soon as its owner has waited for it.
 */
void reap_orphans(void);

#endif
