/* Paths as origins hold them.  Knows nothing of who deletes what for them. */
#include "cmd/place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"

/* Cut the last component off, in path; NULL: there is none that could be a symbolic link. */
static const char *cut_last(char *path)
{
	size_t n = strlen(path);
	char *last;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	last = strrchr(path, '/');
	last = last == NULL ? path : last + 1;
	if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return NULL;
	return last;
}

static char *resolve_parent(const char *path, const char *last)
{
	mem_auto_free char *parent = mem_dup_bytes(path, (size_t)(last - path));

	return realpath(parent[0] == '\0' ? "." : parent, NULL);
}

int place_find(const char *dir, struct buf *ret_place, struct mf_err *err)
{
	mem_auto_free char *path = mem_dup_str(dir), *real = NULL;
	const char *last = cut_last(path);
	buf_auto struct buf place = BUF_INIT;

	real = last == NULL ? realpath(path, NULL) : resolve_parent(path, last);
	if (real == NULL)
		return mf_err_set_sys(err, errno == EACCES ? MF_EPERM : MF_ENOINPUT, "%s", dir);
	if (strcmp(real, "/") != 0)
		str_add_escaped(&place, real, strlen(real));
	if (last != NULL) {
		buf_add_str(&place, "/");
		str_add_escaped(&place, last, strlen(last));
	}
	if (place.len + 1 + NAME_MAX > ENV_MAX_SOURCE)
		return mf_err_set(err, MF_EDATA, "%s: its path is too long", dir);
	buf_add(ret_place, buf_str(&place), place.len);
	return 0;
}

bool place_is_other(const char *place, const char *source)
{
	const char *slash = strrchr(source, '/');
	size_t n = strlen(place);

	if (slash == NULL)
		return false;
	return (size_t)(slash - source) != n || memcmp(source, place, n) != 0;
}

const char *place_file(const char *source)
{
	const char *slash = strrchr(source, '/');

	return slash == NULL ? source : slash + 1;
}
