/* Whoever comes first makes the file, in one piece; all others read it. */
#include "store/link_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/file.h"

#define FILE_MODE 0640 /* HAProxy reads it as root, or as a member of the group */

static int write_new(int fd, const char *temporary, const char *path, struct mf_err *err)
{
	unsigned char key[LINK_KEY_BYTES];
	buf_auto struct buf text = BUF_INIT;

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return mf_err_set_sys(err, MF_EFAIL, "%s: no random bytes", path);
	link_key_format(key, &text);
	if (!file_write_all(fd, buf_str(&text), text.len) || fchmod(fd, FILE_MODE) != 0 ||
	    fsync(fd) != 0)
		return mf_err_set_sys(err, MF_EWRITE, "%s", path);
	/* As link(2) replaces nothing, the one that came first stays. */
	if (link(temporary, path) != 0 && errno != EEXIST)
		return mf_err_set_sys(err, errno == EACCES ? MF_EPERM : MF_EWRITE, "%s", path);
	return 0;
}

static int make(const char *path, struct mf_err *err)
{
	mem_auto_free char *temporary = mem_printf("%s.%ld", path, (long)getpid());
	mem_auto_close int fd =
	    open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int code;

	if (fd < 0)
		return mf_err_set_sys(err, errno == EACCES ? MF_EPERM : MF_EWRITE, "%s", path);
	code = write_new(fd, temporary, path, err);
	(void)unlink(temporary);
	return code;
}

int link_key_load(const char *path, unsigned char ret_key[LINK_KEY_BYTES], struct mf_err *err)
{
	buf_auto struct buf text = BUF_INIT;
	int code = file_read_secret(path, LINK_FILE_MAX, &text, err);

	if (code == MF_ENOINPUT) {
		code = make(path, err);
		if (code == 0)
			code = file_read_secret(path, LINK_FILE_MAX, &text, err);
	}
	if (code != 0)
		return code;
	if (link_key_parse(buf_str(&text), text.len, ret_key, err) != 0)
		return mf_err_wrap(err, "%s", path);
	return 0;
}
