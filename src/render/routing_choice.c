/* A choice as map entries.  There are few, so that nothing here need be fast. */
#include "render/routing_choice.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "model/choice.h"
#include "model/when.h"
#include "render/routing.h"

size_t routing_choice_count(const struct choice *choice)
{
	size_t conditions = choice == NULL || choice->when == NULL ? 0 : choice->when->entry_count;

	return choice == NULL
		   ? 0
		   : choice->range_count + 1 + (choice->sticky != CHOICE_RANDOM) + conditions;
}

/* A backend, or the name of an environment. */
static void add_name(struct buf *b, const char *service, const char *name)
{
	buf_printf(b, "%s%s%s", service == NULL ? "" : service, service == NULL ? "" : ":", name);
}

static void add_range(struct buf *key, struct buf *value, const char *service,
		      const struct choice *choice, const struct choice_range *range)
{
	if (range->gone != CHOICE_NOT_GONE) {
		add_name(key, service, choice->shares[range->gone].version);
		buf_add_char(key, '/');
	}
	buf_add_str(key, range->digits);
	add_name(value, service, choice->shares[range->version].version);
}

static void add_sticky(struct buf *key, struct buf *value, const struct choice *choice)
{
	buf_add_str(key, ".sticky");
	buf_printf(value, "%s%s%s", choice_sticky_word(choice), choice->header == NULL ? "" : ".",
		   choice->header == NULL ? "" : choice->header);
}

static void add_condition(struct buf *key, struct buf *value, const char *service,
			  const struct when_entry *entry)
{
	buf_add_str(key, entry->key);
	if (entry->version == NULL)
		buf_printf(value, "%u", entry->set);
	else
		add_name(value, service, entry->version);
}

void routing_choice_get(const char *generation, const char *service, const struct choice *choice,
			size_t i, struct routing_entry *e)
{
	buf_auto struct buf key = BUF_INIT, value = BUF_INIT, word = BUF_INIT;

	buf_printf(&key, "%s/%s:", generation, service == NULL ? "" : service);
	if (i < choice->range_count) {
		add_range(&key, &value, service, choice, &choice->ranges[i]);
	} else if (i == choice->range_count) {
		buf_add_str(&key, ".word");
		choice_add_word(choice, &word);
		add_name(&value, service, buf_str(&word));
	} else if (i == choice->range_count + 1 && choice->sticky != CHOICE_RANDOM) {
		add_sticky(&key, &value, choice);
	} else {
		i -= choice->range_count + 1 + (choice->sticky != CHOICE_RANDOM);
		add_condition(&key, &value, service, &choice->when->entries[i]);
	}
	assert(key.len < sizeof(e->key));
	(void)snprintf(e->key, sizeof(e->key), "%s", key.data);
	(void)snprintf(e->value, sizeof(e->value), "%s", value.data); /* a long word is cut */
	e->key_len = key.len;
	e->value_len = strlen(e->value);
}

size_t routing_choice_find(const char *generation, const char *service, const struct choice *choice,
			   const char *key)
{
	struct routing_entry entry;

	for (size_t i = 0; i < routing_choice_count(choice); i++) {
		routing_choice_get(generation, service, choice, i, &entry);
		if (strcmp(entry.key, key) == 0)
			return i;
	}
	return SIZE_MAX;
}
