/*
 * Where environments come from, as their origins name it: the file's path, "/etc/envs/dev.yaml".
 */
#ifndef MF_CMD_PLACE_H
#define MF_CMD_PLACE_H

#include <stdbool.h>

struct buf;
struct mf_err;

/*
 * A directory's absolute path, escaped, with no slash at the end.  Symbolic links in it are not
 * followed, but before a "..": what they lead to may change with each release.  MF_ENOINPUT or
 * MF_EPERM; MF_EDATA: too long for an origin.
 */
int place_find(const char *dir, struct buf *ret_place, struct mf_err *err);

/* Whether that origin is a file of another directory.  One without directory is of any. */
bool place_is_other(const char *place, const char *source);

/* The file's name in an origin. */
const char *place_file(const char *source);

#endif
