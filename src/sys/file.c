/*
 * Whole files: read within a bound, replaced at once and durably, directories made and removed.
 * Works below directory descriptors, so that nobody moves the ground in between.  Knows no formats.
 */
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum {
	FILE_CHUNK = 64 * 1024,
	FILE_MAX_DEPTH = 64, /* of a tree to remove; one descriptor each */
	FILE_TEMP_TRIES = 16,
};

static int read_code(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return MF_ENOINPUT;
	case EACCES:
	case EPERM:
		return MF_EPERM;
	default:
		return MF_EFAIL;
	}
}

static int write_code(void)
{
	return errno == EACCES || errno == EPERM ? MF_EPERM : MF_EWRITE;
}

/* --- reading --------------------------------------------------------------------------------- */

/*
 * Append a piece of at most room bytes.  1: more may follow; 0: that was the end; -1: errno, EFBIG
 * when there is more than room.
 */
static int read_piece(int fd, size_t room, struct buf *bytes)
{
	size_t left = room < FILE_CHUNK ? room + 1 : FILE_CHUNK;

	buf_reserve(bytes, left);
	while (left > 0) {
		ssize_t n = read(fd, bytes->data + bytes->len, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		bytes->len += (size_t)n;
		bytes->data[bytes->len] = '\0';
		left -= (size_t)n;
	}
	if (room >= FILE_CHUNK)
		return 1;
	errno = EFBIG;
	return -1;
}

/* Append all of it; false with errno set, EFBIG when there is more than max. */
static bool read_all(int fd, size_t max, struct buf *bytes)
{
	size_t start = bytes->len;
	int more;

	do
		more = read_piece(fd, max - (bytes->len - start), bytes);
	while (more > 0);
	if (more == 0)
		return true;
	bytes->len = start;
	bytes->data[start] = '\0';
	return false;
}

static int open_file(const char *path, int *ret_fd, struct stat *ret_stat, struct mf_err *err)
{
	/* O_NONBLOCK: a FIFO with no writer must not hold us. */
	int code = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret_stat) != 0)
		code = mf_err_set_sys(err, read_code(), "%s", path);
	else if (!S_ISREG(ret_stat->st_mode))
		code = mf_err_set(err, MF_EDATA, "%s: no regular file", path);
	if (code == 0)
		*ret_fd = fd;
	else
		mem_close_indirect(&fd);
	return code;
}

static int fail_to_read(const char *path, size_t max, struct mf_err *err)
{
	if (errno == EFBIG)
		return mf_err_set(err, MF_EDATA, "%s: longer than %zu bytes", path, max);
	return mf_err_set_sys(err, read_code(), "%s", path);
}

int file_read(const char *path, size_t max, struct buf *ret_bytes, struct mf_err *err)
{
	mem_auto_close int fd = -1;
	struct stat st;
	int code = open_file(path, &fd, &st, err);

	if (code == 0 && !read_all(fd, max, ret_bytes))
		code = fail_to_read(path, max, err);
	return code;
}

int file_read_secret(const char *path, size_t max, struct buf *ret_bytes, struct mf_err *err)
{
	mem_auto_close int fd = -1;
	struct stat st = {0};
	int code = open_file(path, &fd, &st, err);

	if (code != 0)
		return code;
	if ((st.st_mode & S_IRWXO) != 0)
		return mf_err_set(err, MF_EPERM,
				  "%s: every user may open it (mode %04o): chmod o= it", path,
				  (unsigned)st.st_mode & 07777);
	return read_all(fd, max, ret_bytes) ? 0 : fail_to_read(path, max, err);
}

int file_hash(const char *path, size_t max, struct stat *ret_stat, size_t *ret_len, uint64_t *hash,
	      struct mf_err *err)
{
	mem_auto_close int fd = -1;
	buf_auto struct buf piece = BUF_INIT;
	size_t len = 0;
	int more = 1, code = open_file(path, &fd, ret_stat, err);

	if (code != 0)
		return code;
	while (more > 0) {
		buf_clear(&piece);
		more = read_piece(fd, max - len, &piece);
		len += piece.len;
		*hash = str_hash_words(*hash, buf_str(&piece), piece.len);
	}
	if (more < 0)
		return fail_to_read(path, max, err);
	*ret_len = len;
	return 0;
}

/* --- replacing ------------------------------------------------------------------------------- */

struct replacement {
	const char *path; /* as the caller wrote it, for messages */
	char *real;	  /* the same with a symbolic link followed */
	const char *name; /* its last component, within real */
	int dir_fd;
	bool is_there; /* and then st is what it is */
	struct stat st;
	char temp[NAME_MAX + 1];
};

/* Open the directory that path is in; *ret_name is the last component, within path. */
static int open_parent(const char *path, const char **ret_name)
{
	mem_auto_free char *dir = file_parent(path);
	const char *slash = strrchr(path, '/');

	*ret_name = slash == NULL ? path : slash + 1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What stands at the path now, and whether it can be replaced at all. */
static int look_at_target(struct replacement *r, struct mf_err *err)
{
	struct stat st;

	if (lstat(r->path, &st) == 0 && S_ISLNK(st.st_mode)) {
		r->real = realpath(r->path, NULL);
		if (r->real == NULL)
			return mf_err_set_sys(err, write_code(), "%s: the symbolic link's target",
					      r->path);
	} else {
		r->real = mem_dup_str(r->path);
	}
	r->dir_fd = open_parent(r->real, &r->name);
	if (r->dir_fd < 0)
		return mf_err_set_sys(err, write_code(), "%s: its directory", r->path);
	if (r->name[0] == '\0' || strcmp(r->name, ".") == 0 || strcmp(r->name, "..") == 0)
		return mf_err_set(err, MF_EWRITE, "%s: names a directory", r->path);
	r->is_there = fstatat(r->dir_fd, r->name, &r->st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!r->is_there && errno != ENOENT)
		return mf_err_set_sys(err, write_code(), "%s", r->path);
	if (r->is_there && !S_ISREG(r->st.st_mode))
		return mf_err_set(err, MF_EWRITE, "%s: is there and no regular file", r->path);
	return 0;
}

static bool holds_already(const struct replacement *r, const void *bytes, size_t len)
{
	buf_auto struct buf old = BUF_INIT;
	mem_auto_close int fd = -1;

	if (!r->is_there || (uintmax_t)r->st.st_size != len)
		return false;
	fd = openat(r->dir_fd, r->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && read_all(fd, len, &old) && old.len == len &&
	       (len == 0 || memcmp(old.data, bytes, len) == 0);
}

/* A dot-file, which the watchers of configuration directories pass over. */
static int open_temp(struct replacement *r)
{
	for (int i = 0; i < FILE_TEMP_TRIES; i++) {
		uint32_t salt = 0;
		int fd;

		(void)!getrandom(&salt, sizeof(salt), 0);
		(void)snprintf(r->temp, sizeof(r->temp), ".%.200s.%08x", r->name, (unsigned)salt);
		fd = openat(r->dir_fd, r->temp,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

char *file_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_dup_str(".");
	return mem_dup_bytes(path, slash == path ? 1 : (size_t)(slash - path));
}

bool file_write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

int file_print(const struct buf *text, struct mf_err *err)
{
	if (fwrite(buf_str(text), 1, text->len, stdout) != text->len || fflush(stdout) != 0)
		return mf_err_set_sys(err, MF_EWRITE, "standard output");
	return 0;
}

/* The owner as far as we may: only root can give a file away, and nobody else need fail for it. */
static bool keep_owner_and_mode(const struct replacement *r, int fd, mode_t mode)
{
	if (r->is_there) {
		if (fchown(fd, r->st.st_uid, r->st.st_gid) != 0 &&
		    fchown(fd, (uid_t)-1, r->st.st_gid) != 0 && errno != EPERM && errno != EINVAL)
			return false;
		mode = r->st.st_mode;
	}
	return fchmod(fd, mode & 07777) == 0;
}

static int put_in_place(struct replacement *r, const void *bytes, size_t len, mode_t mode,
			struct mf_err *err)
{
	mem_auto_close int fd = open_temp(r);
	int rc;

	if (fd < 0)
		return mf_err_set_sys(err, write_code(), "%s: a temporary file beside it", r->path);
	if (file_write_all(fd, bytes, len) && keep_owner_and_mode(r, fd, mode) && fsync(fd) == 0 &&
	    renameat(r->dir_fd, r->temp, r->dir_fd, r->name) == 0)
		return 0;
	if (errno == EBUSY)
		rc = mf_err_set(err, MF_EWRITE,
				"%s: is a mount point and cannot be replaced: "
				"mount the directory, not the file",
				r->path);
	else
		rc = mf_err_set_sys(err, write_code(), "%s", r->path);
	(void)unlinkat(r->dir_fd, r->temp, 0);
	return rc;
}

/* Some file systems have no fsync of a directory: EINVAL. */
static int sync_dir(int dir_fd, const char *path, struct mf_err *err)
{
	if (fsync(dir_fd) == 0 || errno == EINVAL)
		return 0;
	return mf_err_set_sys(err, MF_EWRITE, "%s: fsync of its directory", path);
}

int file_replace(const char *path, const void *bytes, size_t len, mode_t mode, bool *ret_changed,
		 struct mf_err *err)
{
	struct replacement r = {.path = path, .dir_fd = -1};
	bool is_changed = false;
	int rc = look_at_target(&r, err);

	if (rc == 0 && !holds_already(&r, bytes, len)) {
		is_changed = true;
		rc = put_in_place(&r, bytes, len, mode, err);
		if (rc == 0)
			rc = sync_dir(r.dir_fd, path, err);
	}
	mem_close_indirect(&r.dir_fd);
	free(r.real);
	if (rc == 0 && ret_changed != NULL)
		*ret_changed = is_changed;
	return rc;
}

/* --- directories ----------------------------------------------------------------------------- */

static int sync_parent(const char *path, struct mf_err *err)
{
	const char *name;
	mem_auto_close int fd = open_parent(path, &name);

	if (fd < 0)
		return mf_err_set_sys(err, write_code(), "%s: its directory", path);
	return sync_dir(fd, path, err);
}

int file_rename(const char *from, const char *to, struct mf_err *err)
{
	if (rename(from, to) != 0)
		return mf_err_set_sys(err, errno == ENOENT ? MF_ENOINPUT : write_code(),
				      "rename %s to %s", from, to);
	return sync_parent(to, err);
}

static int make_dir(const char *path, mode_t mode, struct mf_err *err)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return sync_parent(path, err);
	if (errno == EEXIST && stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	return errno == EEXIST ? 0 : mf_err_set_sys(err, write_code(), "%s", path);
}

int file_make_dirs(const char *path, mode_t mode, struct mf_err *err)
{
	mem_auto_free char *copy = mem_dup_str(path);
	size_t len = strlen(copy);
	struct stat st;

	if (len == 0)
		return mf_err_set(err, MF_EWRITE, "an empty path");
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	for (char *p = copy + 1; *p != '\0'; p++) {
		int rc = 0;

		if (*p != '/')
			continue;
		*p = '\0';
		/* What is there need not be ours to write in: look before mkdir. */
		if (stat(copy, &st) != 0)
			rc = make_dir(copy, mode, err);
		*p = '/';
		if (rc != 0)
			return rc;
	}
	if (stat(copy, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return make_dir(copy, mode, err);
}

static int remove_at(int dir_fd, const char *name, int depth);

static int remove_entries(int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int saved, rc = 0;

	if (dir == NULL) {
		(void)close(fd);
		return -1;
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = remove_at(dirfd(dir), entry->d_name, depth + 1);
	saved = errno;
	(void)closedir(dir);
	errno = saved;
	return rc;
}

/* 0, or -1 with errno; never follows a symbolic link. */
static int remove_at(int dir_fd, const char *name, int depth)
{
	int fd;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM) /* EPERM: POSIX's word for a directory */
		return -1;
	if (depth >= FILE_MAX_DEPTH) {
		errno = ELOOP;
		return -1;
	}
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (remove_entries(fd, depth) != 0)
		return -1;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int file_remove_tree(const char *path, struct mf_err *err)
{
	if (remove_at(AT_FDCWD, path, 0) == 0)
		return 0;
	return mf_err_set_sys(err, write_code(), "remove %s", path);
}
