/*
 * The staging directory.  Knows files; what they mean, who checks and who reads them is not its
 * business.
 */
#include "apply/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/file.h"

#define STAGE_PREFIX ".mayfly-stage."

enum { STAGE_MAX_FILE = 1 << 30 };

struct staged {
	char *relative;
	char *target;
	char *path; /* the staged file; when it is in place, there is none any more */
	char *prev; /* where the previous one is kept; a directory: there was none */
	bool is_changed;
};

struct stage {
	char *dir;
	char *path;
	struct staged *files;
	size_t count, cap;
};

static int write_code(void)
{
	return errno == EACCES || errno == EPERM ? MF_EPERM : MF_EWRITE;
}

static int make_parent(const char *path, struct mf_err *err)
{
	mem_auto_free char *dir = file_parent(path);

	return file_make_dirs(dir, 0755, err);
}

struct stage *stage_new(const char *dir, const char *tag)
{
	struct stage *stage = MEM_NEW(stage);

	stage->dir = mem_dup_str(dir);
	stage->path = mem_printf("%s/" STAGE_PREFIX "%ld-%s", dir, (long)getpid(), tag);
	return stage;
}

int stage_make(struct stage *stage, struct mf_err *err)
{
	int code = file_make_dirs(stage->dir, 0755, err);

	if (code == 0)
		code = file_remove_tree(stage->path, err);
	/* The check may run as somebody else. */
	if (code == 0 && mkdir(stage->path, 0755) != 0)
		code = mf_err_set_sys(err, write_code(), "%s", stage->path);
	if (code == 0)
		(void)chmod(stage->path, 0755);
	return code;
}

/* --- staging --------------------------------------------------------------------------------- */

/* Mode and owner as they were.  Who may not give a file away keeps it: the mode is what matters. */
static int copy_attributes(int fd, const struct stage_file *file)
{
	struct stat st;
	mode_t mode = file->mode;

	if (stat(file->target, &st) == 0) {
		mode = st.st_mode & 07777;
		if ((st.st_uid != geteuid() || st.st_gid != getegid()) &&
		    fchown(fd, st.st_uid, st.st_gid) != 0)
			mode &= 0777;
	}
	return fchmod(fd, mode | file->mode_also);
}

/* The kernel begins to write it out at once. */
static int write_new_file(const char *path, const struct stage_file *file, struct mf_err *err)
{
	mem_auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || !file_write_all(fd, file->bytes, file->len) || copy_attributes(fd, file) != 0)
		return mf_err_set_sys(err, write_code(), "%s", path);
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 0;
}

/* A symbolic link stays, and what it points at is replaced. */
static char *resolve(const char *target)
{
	struct stat st;
	char *real = NULL;

	if (lstat(target, &st) == 0 && S_ISLNK(st.st_mode))
		real = realpath(target, NULL);
	return real != NULL ? real : mem_dup_str(target);
}

void stage_note(struct stage *stage, const struct stage_file *file)
{
	MEM_GROW(stage->files, stage->count, stage->cap);
	stage->files[stage->count++] = (struct staged){
	    .relative = mem_dup_str(file->relative),
	    .target = resolve(file->target),
	    .path = mem_printf("%s/%s", stage->path, file->relative),
	    .prev = mem_printf("%s/.prev/%s", stage->path, file->relative),
	    .is_changed = file->is_changed,
	};
}

int stage_add(struct stage *stage, const struct stage_file *file, struct mf_err *err)
{
	const struct staged *staged;
	int code;

	stage_note(stage, file);
	staged = &stage->files[stage->count - 1];
	code = make_parent(staged->path, err);
	if (code != 0)
		return code;
	/* A link of an equal file costs nothing; it is only looked at, never renamed. */
	if (!file->is_changed && link(staged->target, staged->path) == 0)
		return 0;
	return write_new_file(staged->path, file, err);
}

const char *stage_path(const struct stage *stage)
{
	return stage == NULL ? NULL : stage->path;
}

const char *stage_last(const struct stage *stage)
{
	return stage == NULL || stage->count == 0 ? NULL : stage->files[stage->count - 1].path;
}

/* --- installing and putting back ------------------------------------------------------------- */

static int sync_path(const char *path, int flags, struct mf_err *err)
{
	mem_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0 || fsync(fd) != 0)
		return mf_err_set_sys(err, write_code(), "%s", path);
	return 0;
}

static int copy_file(const char *from, const char *to, struct mf_err *err)
{
	buf_auto struct buf bytes = BUF_INIT;
	struct stage_file file = {.target = from, .mode = 0600};
	int code = file_read(from, STAGE_MAX_FILE, &bytes, err);

	if (code != 0)
		return code;
	file.bytes = buf_str(&bytes);
	file.len = bytes.len;
	code = write_new_file(to, &file, err);
	return code != 0 ? code : sync_path(to, 0, err);
}

/* Keep the target's file where stage_rollback finds it, or that there is none. */
static int keep_previous(const struct staged *file, struct mf_err *err)
{
	int code = make_parent(file->prev, err);

	if (code != 0 || link(file->target, file->prev) == 0)
		return code;
	if (errno != ENOENT)
		return copy_file(file->target, file->prev, err); /* a link may be refused */
	if (mkdir(file->prev, 0755) != 0)
		return mf_err_set_sys(err, write_code(), "%s", file->prev);
	return 0;
}

/* Each directory of an installed file once; files of one directory stand together. */
static int sync_targets(const struct stage *stage, struct mf_err *err)
{
	mem_auto_free char *last = NULL;

	for (size_t i = 0; i < stage->count; i++) {
		char *dir = file_parent(stage->files[i].target);
		bool is_new = last == NULL || strcmp(last, dir) != 0;
		int code =
		    stage->files[i].is_changed && is_new ? sync_path(dir, O_DIRECTORY, err) : 0;

		if (stage->files[i].is_changed) {
			free(last);
			last = dir;
		} else {
			free(dir);
		}
		if (code != 0)
			return code;
	}
	return 0;
}

static int install_file(const struct staged *file, struct mf_err *err)
{
	int code = make_parent(file->target, err);

	if (code == 0)
		code = keep_previous(file, err);
	if (code != 0)
		return code;
	if (rename(file->path, file->target) != 0)
		return mf_err_set_sys(err, write_code(), "%s", file->target);
	return 0;
}

int stage_install(struct stage *stage, struct mf_err *err)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < stage->count; i++)
		if (stage->files[i].is_changed)
			code = sync_path(stage->files[i].path, 0, err);
	for (size_t i = 0; code == 0 && i < stage->count; i++)
		if (stage->files[i].is_changed)
			code = install_file(&stage->files[i], err);
	if (code == 0)
		code = sync_targets(stage, err);
	if (code != 0)
		(void)stage_rollback(stage, NULL);
	return code;
}

static bool is_installed(const struct staged *file)
{
	return file->is_changed && access(file->path, F_OK) != 0;
}

/* A process that is killed in the midst of this leaves it to the next, which does it again. */
static int put_back(const struct staged *file, struct mf_err *err)
{
	struct stat st;
	int rc;

	if (lstat(file->prev, &st) != 0)
		return 0; /* it has been put back */
	if (S_ISDIR(st.st_mode))
		rc = unlink(file->target) == 0 || errno == ENOENT ? rmdir(file->prev) : -1;
	else
		rc = rename(file->prev, file->target);
	if (rc != 0)
		return mf_err_set_sys(err, write_code(), "%s: cannot put the previous file back",
				      file->target);
	return 0;
}

int stage_rollback(struct stage *stage, struct mf_err *err)
{
	int first = 0;

	/* It tells what has been there before. */
	if (access(stage->path, F_OK) != 0)
		return mf_err_set_sys(err, write_code(), "%s", stage->path);
	for (size_t i = stage->count; i-- > 0;) {
		int code = is_installed(&stage->files[i])
			       ? put_back(&stage->files[i], first == 0 ? err : NULL)
			       : 0;

		if (first == 0)
			first = code;
	}
	if (first != 0)
		return first;
	return sync_targets(stage, err);
}

/* --- the end --------------------------------------------------------------------------------- */

void stage_free(struct stage *stage, bool keep_mark)
{
	if (stage == NULL)
		return;
	(void)file_remove_tree(stage->path, NULL);
	if (keep_mark)
		(void)mkdir(stage->path, 0755);
	for (size_t i = 0; i < stage->count; i++) {
		free(stage->files[i].relative);
		free(stage->files[i].target);
		free(stage->files[i].path);
		free(stage->files[i].prev);
	}
	free(stage->files);
	free(stage->dir);
	free(stage->path);
	free(stage);
}

/* Whether a directory entry is the stage of a process that is no more. */
static bool is_stale(const char *name, const char *tag)
{
	char digits[16];
	int64_t pid;
	size_t n;

	if (!str_has_prefix(name, STAGE_PREFIX))
		return false;
	name += strlen(STAGE_PREFIX);
	n = strspn(name, "0123456789");
	if (n == 0 || n >= sizeof(digits) || name[n] != '-' || strcmp(name + n + 1, tag) != 0)
		return false;
	memcpy(digits, name, n);
	digits[n] = '\0';
	if (!str_parse_int(digits, 1, INT32_MAX, &pid))
		return false;
	return pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

size_t stage_sweep(const char *dir, const char *tag)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	size_t count = 0;

	if (stream == NULL)
		return 0;
	while ((entry = readdir(stream)) != NULL) {
		mem_auto_free char *path = NULL;

		if (!is_stale(entry->d_name, tag))
			continue;
		path = mem_printf("%s/%s", dir, entry->d_name);
		count += file_remove_tree(path, NULL) == 0;
	}
	(void)closedir(stream);
	return count;
}
