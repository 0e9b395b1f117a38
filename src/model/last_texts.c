/* Texts by the names of their environments.  Knows nothing of what they come to. */
#include "model/last_texts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/family.h"

struct last_text {
	struct env *env; /* a reference */
	struct family *family;
	bool is_new_used; /* the newer text is in use */
	bool is_given_up; /* it was, since the last snapshot, and could not stay */
};

struct last_texts {
	struct strmap *by_name; /* struct last_text */
	struct family *family;
};

static void free_text(void *last_text)
{
	struct last_text *last = last_text;

	family_move_kept(last->family, last->env, NULL);
	env_unref(last->env);
	free(last);
}

struct last_texts *last_texts_new(struct family *family)
{
	struct last_texts *texts = MEM_NEW(texts);

	texts->by_name = strmap_new(free_text);
	texts->family = family;
	return texts;
}

void last_texts_free(struct last_texts *texts)
{
	if (texts == NULL)
		return;
	strmap_free(texts->by_name);
	free(texts);
}

void last_texts_replace(struct last_texts *texts, struct env *old, const struct env *text,
			bool is_good)
{
	const struct env *either = text != NULL ? text : old;
	struct last_text *last;

	assert(either != NULL);
	last = strmap_find(texts->by_name, either->name);
	if (text == NULL || text->parent_count == 0) {
		(void)strmap_del(texts->by_name, either->name);
	} else if (last != NULL) {
		last->is_new_used = last->is_given_up = false;
	} else if (old != NULL && is_good) {
		last = MEM_NEW(last);
		last->env = env_ref(old);
		last->family = texts->family;
		family_move_kept(texts->family, NULL, old);
		strmap_set(texts->by_name, text->name, last);
	}
}

bool last_texts_has(const struct last_texts *texts, const char *name)
{
	return strmap_find(texts->by_name, name) != NULL;
}

struct env *last_texts_find_used(const struct last_texts *texts, const char *name)
{
	const struct last_text *last = strmap_find(texts->by_name, name);

	return last == NULL || last->is_new_used ? NULL : last->env;
}

bool last_texts_set_tried(struct last_texts *texts, const char *name, bool is_good)
{
	struct last_text *last = strmap_find(texts->by_name, name);
	bool was_used = last->is_new_used;

	last->is_given_up |= was_used && !is_good;
	last->is_new_used = is_good && !last->is_given_up;
	return was_used != last->is_new_used;
}

void last_texts_settle(struct last_texts *texts)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(texts->by_name, &cursor, &name, &value)) {
		struct last_text *last = value;

		last->is_given_up = false;
		if (last->is_new_used)
			(void)strmap_del(texts->by_name, name);
	}
}
