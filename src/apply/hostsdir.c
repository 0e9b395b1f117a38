/*
 * Files of names: compares them, puts them into place, removes strays.  Knows neither what is in
 * them nor when they are to change.
 */
#include "apply/hostsdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "render/output.h"
#include "sys/file.h"

enum {
	HOSTSDIR_MAX_FILE = 1 << 20,
	HOSTSDIR_MODE = 0644,
	HOSTSDIR_BURST = 6000,	 /* files; two events each, of 16,384 that the kernel keeps */
	HOSTSDIR_DIGEST_NS = 90, /* for dnsmasq to read a file, for each other that it knows */
};

static int fail(struct mf_err *err, const char *path)
{
	return mf_err_set_sys(err, errno == EACCES || errno == EPERM ? MF_EPERM : MF_EWRITE, "%s",
			      path);
}

static const char *name_of(const struct output *output)
{
	return strrchr(output->name, '/') + 1;
}

/* --- one file -------------------------------------------------------------------------------- */

static bool write_file(const char *path, const struct output *output)
{
	mem_auto_close int fd =
	    open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, HOSTSDIR_MODE);

	/* Whatever the umask: dnsmasq reads it when it is nobody. */
	return fd >= 0 && fchmod(fd, HOSTSDIR_MODE) == 0 &&
	       file_write_all(fd, output->bytes.data, output->bytes.len);
}

int hostsdir_put(const struct output *output, struct mf_err *err)
{
	mem_auto_free char *dir = file_parent(output->path);
	mem_auto_free char *staged = mem_printf("%s/.%s", dir, name_of(output));
	int code;

	(void)unlink(staged); /* of a process that was killed */
	if (write_file(staged, output) && rename(staged, output->path) == 0)
		return 0;
	code = fail(err, output->path);
	(void)unlink(staged);
	return code;
}

int hostsdir_remove(const char *path, struct mf_err *err)
{
	return unlink(path) == 0 || errno == ENOENT ? 0 : fail(err, path);
}

/* One that cannot be read is not right. */
static bool is_right(const struct output *output)
{
	uint64_t digest = OUTPUT_DIGEST_INIT;
	struct stat st;
	size_t len = 0;

	return file_hash(output->path, HOSTSDIR_MAX_FILE, &st, &len, &digest, NULL) == 0 &&
	       len == output->len && digest == output->digest && (st.st_mode & 0444) == 0444;
}

bool hostsdir_flush(const char *dir)
{
	mem_auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && syncfs(fd) == 0;
}

/* --- strays ---------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names that are to be there, sorted, borrowed from the outputs. */
static const char **list_names(const struct output_set *set, size_t *ret_count)
{
	const char **names = mem_alloc((set->count + 1) * sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		if (set->outputs[i].group == OUTPUT_DNSMASQ)
			names[count++] = name_of(&set->outputs[i]);
	qsort(names, count, sizeof(*names), compare_names);
	*ret_count = count;
	return names;
}

/* Also what a process that was killed has staged. */
static bool is_ours(const struct dirent *entry)
{
	const char *name = entry->d_name + (entry->d_name[0] == '.');

	return entry->d_type != DT_DIR && str_has_prefix(name, OUTPUT_HOSTSDIR_PREFIX);
}

int hostsdir_list_strays(const char *dir, const struct output_set *set, char ***ret_names,
			 size_t *ret_count, struct mf_err *err)
{
	mem_auto_free const char **right = NULL;
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	char **names = NULL;
	size_t right_count, count = 0, cap = 0;

	if (stream == NULL && errno != ENOENT)
		return fail(err, dir);
	right = list_names(set, &right_count);
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		const char *name = entry->d_name;

		if (!is_ours(entry) ||
		    bsearch(&name, right, right_count, sizeof(*right), compare_names) != NULL)
			continue;
		MEM_GROW(names, count, cap);
		names[count++] = mem_dup_str(name);
	}
	if (stream != NULL)
		(void)closedir(stream);
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_count = count;
	return 0;
}

void hostsdir_free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* --- the pace -------------------------------------------------------------------------------- */

int64_t hostsdir_pause_ms(size_t changes, size_t known)
{
	if (changes == 0 || changes % HOSTSDIR_BURST != 0)
		return 0;
	return (int64_t)known * HOSTSDIR_BURST * HOSTSDIR_DIGEST_NS / 1000000;
}

static void pause_for(size_t changes, size_t known)
{
	int64_t ms = hostsdir_pause_ms(changes, known);
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

/* --- all ------------------------------------------------------------------------------------- */

/* What happened to one of them, of which dnsmasq knows so many; the first error is kept. */
static void note(int code, const struct mf_err *why, size_t known, size_t *changes,
		 struct mf_err *first)
{
	if (code == 0)
		pause_for(++*changes, known);
	else if (first->code == 0)
		*first = *why;
}

static void remove_strays(const char *dir, const struct output_set *set, size_t *changes,
			  struct mf_err *first)
{
	struct mf_err why = {0};
	char **names = NULL;
	size_t count = 0;
	int code = hostsdir_list_strays(dir, set, &names, &count, &why);

	if (code != 0)
		*first = first->code == 0 ? why : *first;
	for (size_t i = 0; i < count; i++) {
		mem_auto_free char *path = mem_printf("%s/%s", dir, names[i]);

		note(hostsdir_remove(path, &why), &why, set->count + count - i, changes, first);
	}
	hostsdir_free_names(names, count);
}

int hostsdir_sync(const char *dir, const struct output_set *set, size_t *ret_changes,
		  struct mf_err *err)
{
	struct mf_err first = {0}, why = {0};

	*ret_changes = 0;
	if (file_make_dirs(dir, 0755, err) != 0)
		return err->code;
	for (size_t i = 0; i < set->count; i++)
		if (set->outputs[i].group == OUTPUT_DNSMASQ && !is_right(&set->outputs[i]))
			note(hostsdir_put(&set->outputs[i], &why), &why, i, ret_changes, &first);
	remove_strays(dir, set, ret_changes, &first);
	if (first.code != 0)
		*err = first;
	return first.code;
}
