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

void known_set(struct known *known, const char *path, const struct known_note *note)
{
	struct known_note *copy = MEM_NEW(copy);

	*copy = *note;
	strmap_set(known->notes, path, copy);
}

bool known_get(const struct known *known, const char *path, struct known_note *ret_note)
{
	const struct known_note *note = strmap_find(known->notes, path);

	if (note != NULL)
		*ret_note = *note;
	return note != NULL;
}

bool known_held(const struct known *known, const struct output *output)
{
	const struct known_note *note = strmap_find(known->notes, output->path);

	return note != NULL && note->len == output->len && note->digest == output->digest;
}

bool known_holds(const struct known *known, const struct output *output, bool must_be_sure)
{
	const struct known_note *note = strmap_find(known->notes, output->path);
	struct stat_cache now;

	if (!known_held(known, output) || stat_cache_take(output->path, &now) != 0)
		return false;
	return must_be_sure ? stat_cache_is_current(&note->stat, &now)
			    : stat_cache_is_equal(&note->stat, &now);
}

void known_note(struct known *known, const struct output *output)
{
	struct known_note note = {.len = output->len, .digest = output->digest};

	if (stat_cache_take(output->path, &note.stat) == 0)
		known_set(known, output->path, &note);
}

int known_read(struct known *known, const struct output *output, bool *ret_holds,
	       struct mf_err *err)
{
	struct known_note note = {.digest = OUTPUT_DIGEST_INIT};
	struct timespec now;
	struct stat st;
	int code;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	code = file_hash(output->path, KNOWN_MAX_FILE, &st, &note.len, &note.digest, err);
	if (code != 0)
		return code;
	stat_cache_set(&note.stat, &st, now);
	known_set(known, output->path, &note);
	*ret_holds = note.len == output->len && note.digest == output->digest;
	return 0;
}
