/* Lists of users from a folder.  Knows nothing of what their lines mean. */
#include "store/users_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/name.h"
#include "model/users.h"
#include "sys/file.h"

static void on_problem(void *ctx, unsigned line, const char *why, bool is_left_out)
{
	log_warn(is_left_out ? "users: a line is left out" : "users: a slow hash",
		 LOG_STR("file", ctx), LOG_INT("line", line), LOG_STR("reason", why));
}

static void load_file(const char *dir, const char *name, struct user_lists *lists)
{
	mem_auto_free char *path = mem_printf("%s/%s", dir, name);
	buf_auto struct buf text = BUF_INIT;
	struct mf_err err;

	if (lists->count == USERS_MAX_LISTS)
		mf_err_set(&err, MF_EDATA, "there are more than %d lists", USERS_MAX_LISTS);
	else if (file_read_secret(path, USERS_MAX_BYTES, &text, &err) == 0) {
		users_parse(name, buf_str(&text), text.len, on_problem, path, lists);
		explicit_bzero(text.data, text.len);
		return;
	}
	log_warn("users: a list is left out, nobody of it gets in", LOG_STR("file", path),
		 LOG_STR("reason", err.msg));
}

void users_dir_load(const char *path, struct user_lists *ret_lists)
{
	struct user_lists lists = {NULL, 0};
	DIR *dir = path[0] == '\0' ? NULL : opendir(path);
	struct dirent *entry;

	if (path[0] != '\0' && dir == NULL)
		log_warn("users: nobody of any list gets in", LOG_STR("folder", path),
			 LOG_STR("reason", strerror(errno)));
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (name_check(NAME_ENVIRONMENT, entry->d_name, strlen(entry->d_name), NULL) == 0)
			load_file(path, entry->d_name, &lists);
	if (dir != NULL)
		(void)closedir(dir);
	users_sort(&lists);
	*ret_lists = lists;
}
