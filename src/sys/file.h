/*
 * Whole files: bounded reading, atomic and durable replacement.
 */
#ifndef MF_SYS_FILE_H
#define MF_SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct mf_err;

/*
 * Append a regular file's bytes.  MF_ENOINPUT: nothing can be there; MF_EPERM; MF_EDATA: longer
 * than max or no regular file; MF_EFAIL.  Never blocks on a FIFO.
 */
int file_read(const char *path, size_t max, struct buf *ret_bytes, struct mf_err *err);

/* The same of a secret: MF_EPERM if other users can read or change the file. */
int file_read_secret(const char *path, size_t max, struct buf *ret_bytes, struct mf_err *err);

/*
 * As file_read without keeping them: their number, and *hash, from what it is, by str_hash_words.
 * ret_stat: as it was before the first byte was read.
 */
struct stat;
int file_hash(const char *path, size_t max, struct stat *ret_stat, size_t *ret_len, uint64_t *hash,
	      struct mf_err *err);

/*
 * Make path hold exactly these bytes, at once and for good: an exclusive temporary dot-file in the
 * same directory, fsync, rename, fsync of the directory.  Equal bytes are not rewritten.  An
 * existing file keeps its mode, and its owner as far as we may give it; a new one gets mode
 * (whatever the umask).  A symbolic link stays and the file it leads to is replaced; one that leads
 * nowhere, and anything else that is no regular file, is refused.  MF_EWRITE or MF_EPERM, with the
 * path; then nothing is changed and no temporary file stays (only when the last fsync, that of the
 * directory, fails, the new bytes are there).  ret_changed may be NULL.
 */
int file_replace(const char *path, const void *bytes, size_t len, mode_t mode, bool *ret_changed,
		 struct mf_err *err);

/* The directory that a path's last part is in: "." for "a", "/" for "/a".  Handed over. */
char *file_parent(const char *path);

/* All of it, whatever the pieces.  false: errno. */
bool file_write_all(int fd, const char *bytes, size_t len);

/* To standard output, all of it, at once.  MF_EWRITE. */
int file_print(const struct buf *text, struct mf_err *err);

/* rename(2) and fsync of the target's directory.  MF_ENOINPUT, MF_EWRITE or MF_EPERM. */
int file_rename(const char *from, const char *to, struct mf_err *err);

/* mkdir -p, durably; the umask counts.  MF_EWRITE or MF_EPERM. */
int file_make_dirs(const char *path, mode_t mode, struct mf_err *err);

/* rm -rf, never through a symbolic link; not there is fine; at most 64 levels. */
int file_remove_tree(const char *path, struct mf_err *err);

#endif
