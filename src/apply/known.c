/*
 * Digests of files beside their stat.  Knows nothing of what is in them.
 */
#include "apply/known.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "render/output.h"
#include "sys/file.h"

enum { KNOWN_MAX_FILE = 1 << 30 };
enum { KNOWN_SURE_S = 2 }; /* no file system's clock is coarser */

struct note {
	struct stat st;
	time_t noted;
	size_t len;
	uint64_t digest;
};

struct known {
	struct strmap *notes; /* by path */
};

struct known *known_new(void)
{
	struct known *known = MEM_NEW(known);

	known->notes = strmap_new(free);
	return known;
}

void known_free(struct known *known)
{
	if (known == NULL)
		return;
	strmap_free(known->notes);
	free(known);
}

static void add(struct known *known, const char *path, const struct note *note)
{
	struct note *copy = MEM_NEW(copy);

	*copy = *note;
	copy->noted = time(NULL);
	strmap_set(known->notes, path, copy);
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_untouched(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       is_same_time(a->st_mtim, b->st_mtim) && is_same_time(a->st_ctim, b->st_ctim);
}

bool known_held(const struct known *known, const struct output *output)
{
	const struct note *note = strmap_find(known->notes, output->path);

	return note != NULL && note->len == output->len && note->digest == output->digest;
}

bool known_holds(const struct known *known, const struct output *output, bool must_be_sure)
{
	const struct note *note = strmap_find(known->notes, output->path);
	struct stat st;

	if (!known_held(known, output))
		return false;
	if (must_be_sure && note->noted < note->st.st_ctim.tv_sec + KNOWN_SURE_S)
		return false;
	return stat(output->path, &st) == 0 && is_untouched(&st, &note->st);
}

void known_note(struct known *known, const struct output *output)
{
	struct note note = {.len = output->len, .digest = output->digest};

	if (stat(output->path, &note.st) == 0)
		add(known, output->path, &note);
}

int known_read(struct known *known, const struct output *output, bool *ret_holds,
	       struct mf_err *err)
{
	struct note note = {.digest = OUTPUT_DIGEST_INIT};
	int code = file_hash(output->path, KNOWN_MAX_FILE, &note.st, &note.len, &note.digest, err);

	if (code != 0)
		return code;
	add(known, output->path, &note);
	*ret_holds = note.len == output->len && note.digest == output->digest;
	return 0;
}
