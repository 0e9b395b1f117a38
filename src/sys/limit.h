/*
 * What the kernel lets this process have.
 */
#ifndef MF_SYS_LIMIT_H
#define MF_SYS_LIMIT_H

/*
 * As many open files as may be had: the soft limit is often 1,024, for the sake of programs that
 * use select(2), and the hard one far higher.  Children inherit it.
 */
void limit_raise_files(void);

#endif
