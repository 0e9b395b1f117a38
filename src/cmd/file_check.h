/*
 * Files of one kind of items validated on their own, without etcd: envwatch --check.
 */
#ifndef MF_CMD_FILE_CHECK_H
#define MF_CMD_FILE_CHECK_H

struct item_kind;
struct mf_err;

/* 0, or MF_EPERM or MF_EDATA: what is wrong with one good item of the file at path. */
typedef int file_check_item_fn(void *ctx, const void *item, const char *path, struct mf_err *err);

/*
 * A line for each good file on standard output, one for each problem on standard error; of a
 * directory, each of its files that would be taken.  Returns the exit status: 65 when anything is
 * wrong in a file or a name stands in two, else the one of the first that cannot be read; 66 for a
 * directory without such files.  check_item may be NULL.
 */
int file_check_all(const struct item_kind *kind, char *const *paths, int count,
		   file_check_item_fn *check_item, void *ctx);

#endif
