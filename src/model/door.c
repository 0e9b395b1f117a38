/* Rules of the door, read by their tables.  Knows nothing of what they mean. */
#include "model/door.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/access.h"
#include "model/auth.h"
#include "model/fields.h"

const char *const door_words[DOOR_KINDS] = {
    [DOOR_ACCESS] = "access", [DOOR_AUTH] = "auth", [DOOR_ENTER] = "enter"};

union object {
	struct access access;
	struct auth auth;
};

static const struct {
	const struct fields *fields;
	/* Adds entries and words. */
	void (*fill)(const void *object, struct door *door, struct buf *words);
} kinds[DOOR_KINDS] = {
    [DOOR_ACCESS] = {&fields_of_access, access_fill},
    [DOOR_AUTH] = {&fields_of_auth, auth_fill},
    [DOOR_ENTER] = {NULL, NULL},
};

void door_add_entry(struct door *door, char *key, char *value)
{
	assert(key[0] == '.' && strlen(key) < DOOR_KEY_MAX && strlen(value) < DOOR_VALUE_MAX);
	door->entries = mem_realloc(door->entries, door->count + 1, sizeof(*door->entries));
	door->entries[door->count++] = (struct door_entry){key, value};
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct door_entry *)a)->key, ((const struct door_entry *)b)->key);
}

static void sort_entries(struct door *door)
{
	size_t kept = 0;

	if (door->count > 1)
		qsort(door->entries, door->count, sizeof(*door->entries), compare_entries);
	for (size_t i = 0; i < door->count; i++) {
		struct door_entry *entry = &door->entries[i];

		if (kept > 0 && strcmp(door->entries[kept - 1].key, entry->key) == 0) {
			free(entry->key);
			free(entry->value);
		} else {
			door->entries[kept++] = *entry;
		}
	}
	door->count = kept;
}

/* The cookie is all that there is by now. */
static int read_enter(const struct node *node, struct door **ret_door, struct mf_err *err)
{
	static const char word[] = "cookie";
	const char *text;
	struct door *door;

	if (node_get_text(node, &text, err) != 0)
		return MF_EDATA;
	if (strcmp(text, word) != 0)
		return node_error(node, err, "must be cookie");
	door = MEM_NEW(door);
	door->refs = 1;
	door->text = mem_printf("\"%s\"", word);
	door->words = mem_dup_str(word);
	door_add_entry(door, mem_dup_str(".enter"), mem_dup_str(word));
	*ret_door = door;
	return 0;
}

int door_read(enum door_kind kind, const struct node *node, struct door **ret_door,
	      struct mf_err *err)
{
	const struct fields *fields = kinds[kind].fields;
	union object object;
	int code;

	if (kind == DOOR_ENTER)
		return read_enter(node, ret_door, err);
	memset(&object, 0, sizeof(object));
	fields_preset(fields, &object);
	code = fields_read(fields, node, &object, false, err);
	if (code == 0) {
		buf_auto struct buf text = BUF_INIT, words = BUF_INIT;
		struct door *door = MEM_NEW(door);

		door->refs = 1;
		fields_format(fields, &object, false, &text);
		kinds[kind].fill(&object, door, &words);
		sort_entries(door);
		door->text = mem_dup_str(buf_str(&text));
		door->words = mem_dup_str(buf_str(&words));
		*ret_door = door;
	}
	fields_fini(fields, &object);
	return code;
}

struct door *door_ref(struct door *door)
{
	if (door != NULL)
		door->refs++;
	return door;
}

void door_unref(struct door *door)
{
	if (door == NULL || --door->refs != 0)
		return;
	for (size_t i = 0; i < door->count; i++) {
		free(door->entries[i].key);
		free(door->entries[i].value);
	}
	free(door->entries);
	free(door->text);
	free(door->words);
	free(door);
}
