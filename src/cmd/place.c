/* Paths as origins hold them.  Knows nothing of who deletes what for them. */
#include "cmd/place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "sys/file.h"

/* Up to and with the last ".." a path says nothing by its words alone: what it leads to counts. */
static size_t length_with_dots(const char *path)
{
	size_t len = 0;

	for (const char *p = path; *p != '\0'; p += strcspn(p, "/"), p += strspn(p, "/"))
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			len = (size_t)(p + 2 - path);
	return len;
}

/* The absolute directory that the words of the path are below, and what is left of them. */
static char *find_base(const char *path, const char **ret_rest)
{
	size_t len = length_with_dots(path);
	mem_auto_free char *dots = mem_dup_bytes(path, len);

	*ret_rest = path + len;
	if (len != 0)
		return realpath(dots, NULL);
	return path[0] == '/' ? mem_dup_str("") : get_current_dir_name();
}

/* Component by component, without what is empty or ".". */
static void add_components(struct buf *place, const char *words)
{
	while (*(words += strspn(words, "/")) != '\0') {
		size_t len = strcspn(words, "/");

		if (len != 1 || words[0] != '.') {
			buf_add_char(place, '/');
			str_add_escaped(place, words, len);
		}
		words += len;
	}
}

/* It may come later, but what it shall be in must be there. */
static bool has_parent(const char *dir)
{
	mem_auto_free char *parent = file_parent(dir);
	struct stat st;

	return stat(parent, &st) == 0;
}

int place_find(const char *dir, struct buf *ret_place, struct mf_err *err)
{
	buf_auto struct buf place = BUF_INIT;
	mem_auto_free char *base = NULL;
	const char *rest = dir;

	if (has_parent(dir))
		base = find_base(dir, &rest);
	if (base == NULL)
		return mf_err_set_sys(err, errno == EACCES ? MF_EPERM : MF_ENOINPUT, "%s", dir);
	add_components(&place, base);
	add_components(&place, rest);
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
