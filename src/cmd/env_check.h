/*
 * envwatch --check: environment files validated on their own, without etcd.
 */
#ifndef MF_CMD_ENV_CHECK_H
#define MF_CMD_ENV_CHECK_H

/*
 * A line for each good file on standard output, one for each problem on standard error.  Returns
 * the exit status: 65 when anything is wrong in a file or a name stands in two, else the one of the
 * first file that cannot be read.
 */
int env_check_files(char *const *paths, int count);

#endif
