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
#include "sys/loop.h"

enum {
	HOSTSDIR_MAX_FILE = 1 << 20,
	HOSTSDIR_MODE = 0644,
	PACE_UNREAD = 6000,  /* of two events each, of which the kernel keeps 16,384 */
	PACE_LEAST_US = 100, /* for dnsmasq to read a file ... */
	PACE_NS = 90,	     /* ... and more for each other that it knows */
	PACE_STEP = 50,	     /* files that are waited for at a time */
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

int64_t hostsdir_pace(struct hostsdir_pace *pace, size_t known, int64_t now_us)
{
	int64_t each_us = PACE_LEAST_US + (int64_t)known * PACE_NS / 1000;
	int64_t was_read = (now_us - pace->at_us) / each_us;

	if (was_read >= pace->unread)
		*pace = (struct hostsdir_pace){.at_us = now_us};
	else
		*pace = (struct hostsdir_pace){.at_us = pace->at_us + was_read * each_us,
					       .unread = pace->unread - was_read};
	if (pace->unread >= PACE_UNREAD)
		return each_us * PACE_STEP;
	pace->unread++;
	return 0;
}

static void keep_pace(struct hostsdir_pace *pace, size_t known)
{
	int64_t us;

	while ((us = hostsdir_pace(pace, known, loop_now_us())) > 0) {
		const struct timespec rest = {.tv_sec = us / 1000000,
					      .tv_nsec = us % 1000000 * 1000};

		(void)nanosleep(&rest, NULL);
	}
}

/* --- all ------------------------------------------------------------------------------------- */

/* What happened to one of them; the first error is kept. */
static void note(struct hostsdir_sync *sync, int code, const struct mf_err *why)
{
	if (code == 0)
		sync->changes++;
	else if (sync->err.code == 0)
		sync->err = *why;
}

static void remove_strays(const char *dir, const struct output_set *set, struct hostsdir_sync *sync)
{
	struct mf_err why = {0};
	char **names = NULL;
	size_t count = 0;

	if (hostsdir_list_strays(dir, set, &names, &count, &why) != 0)
		note(sync, why.code, &why);
	for (size_t i = 0; i < count; i++) {
		mem_auto_free char *path = mem_printf("%s/%s", dir, names[i]);

		keep_pace(&sync->pace, set->count + count - i);
		note(sync, hostsdir_remove(path, &why), &why);
	}
	hostsdir_free_names(names, count);
}

int hostsdir_sync(const char *dir, const struct output_set *set, struct hostsdir_sync *sync)
{
	struct mf_err why = {0};

	sync->changes = 0;
	sync->err = (struct mf_err){0};
	if (file_make_dirs(dir, 0755, &sync->err) != 0)
		return sync->err.code;
	for (size_t i = 0; i < set->count; i++) {
		if (set->outputs[i].group != OUTPUT_DNSMASQ || is_right(&set->outputs[i]))
			continue;
		keep_pace(&sync->pace, i);
		note(sync, hostsdir_put(&set->outputs[i], &why), &why);
	}
	remove_strays(dir, set, sync);
	return sync->err.code;
}
