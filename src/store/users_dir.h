/*
 * The folder of lists of users, read: each file whose name could be a list's is one.
 */
#ifndef MF_STORE_USERS_DIR_H
#define MF_STORE_USERS_DIR_H

struct user_lists;

/*
 * path "": there are none.  What cannot be read is said in the log and left out, so that nobody of
 * it gets in.  Other users of the host must not be able to read the files.
 */
void users_dir_load(const char *path, struct user_lists *ret_lists);

#endif
