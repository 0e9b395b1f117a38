/* What a container says of itself in labels and environment variables. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/backend.h"
#include "register/container_internal.h"

enum { WORDS_MAX = 512, VALUE_MAX = 4096 };

#define SERVICE "SERVICE_"
#define LABEL	"mayfly."

/* --- reading --------------------------------------------------------------------------------- */

/* "80_NAME" is NAME of port 80. */
static unsigned split_port(const char **key, size_t *len)
{
	size_t digits = 0;
	unsigned port = 0;

	while (digits < *len && digits < 5 && isdigit((unsigned char)(*key)[digits]))
		port = port * 10 + (unsigned)((*key)[digits++] - '0');
	if (digits == 0 || digits + 1 >= *len || (*key)[digits] != '_')
		return 0;
	*key += digits + 1;
	*len -= digits + 1;
	return port;
}

static void add_word(struct container_source *s, const char *key, size_t len, const char *value)
{
	struct container_word *word;
	unsigned port;

	if (len <= strlen(SERVICE) || strncmp(key, SERVICE, strlen(SERVICE)) != 0 ||
	    value[0] == '\0')
		return;
	key += strlen(SERVICE);
	len -= strlen(SERVICE);
	if (s->word_count >= WORDS_MAX || strlen(value) > VALUE_MAX) {
		container_remark(s->container, true, "SERVICE_%.*s is ignored: %s", (int)len, key,
				 s->word_count >= WORDS_MAX ? "there are too many" : "too long");
		return;
	}
	port = split_port(&key, &len);
	MEM_GROW(s->words, s->word_count, s->word_cap);
	word = &s->words[s->word_count++];
	*word = (struct container_word){.key = key, .key_len = len, .port = port, .value = value};
}

void container_read_words(struct container_source *s)
{
	const struct node *config = node_find(s->inspect, "Config");
	const struct node *env = node_find(config, "Env");

	s->labels = node_find(config, "Labels");
	for (size_t i = 0; i < node_count(env, NODE_LIST); i++) {
		const char *text = node_text(&env->children[i]);
		const char *equals = text == NULL ? NULL : strchr(text, '=');

		if (equals != NULL)
			add_word(s, text, (size_t)(equals - text), equals + 1);
	}
	for (size_t i = 0; i < node_count(s->labels, NODE_MAP); i++) {
		const char *key = s->labels->children[i].key;
		const char *text = node_text(&s->labels->children[i]);

		if (text == NULL)
			continue;
		add_word(s, key, strlen(key), text);
		if (str_has_prefix(key, LABEL) && strlen(text) > VALUE_MAX)
			container_remark(s->container, true, "%.64s is ignored: too long", key);
	}
}

/* --- finding --------------------------------------------------------------------------------- */

const char *container_find_label(const struct container_source *s, const char *name)
{
	mem_auto_free char *key = mem_printf(LABEL "%s", name);
	const char *value = node_text_at(s->labels, key, NULL);

	if (value == NULL || value[0] == '\0' || strlen(value) > VALUE_MAX)
		return NULL;
	return value;
}

static bool has_key(const struct container_word *word, const char *name)
{
	return word->key_len == strlen(name) && strncasecmp(word->key, name, word->key_len) == 0;
}

const char *container_find_word(const struct container_source *s, unsigned port, const char *name)
{
	for (size_t i = 0; i < s->word_count; i++)
		if (s->words[i].port == port && has_key(&s->words[i], name))
			return s->words[i].value;
	return NULL;
}

const char *container_find(const struct container_source *s, unsigned port, const char *name)
{
	const char *value = container_find_label(s, name);

	if (value == NULL && port != 0)
		value = container_find_word(s, port, name);
	return value == NULL ? container_find_word(s, 0, name) : value;
}

bool container_is_true(const char *value)
{
	return value != NULL && strcmp(value, "0") != 0 && strcasecmp(value, "no") != 0 &&
	       strcasecmp(value, "false") != 0;
}

/* --- attributes and tags --------------------------------------------------------------------- */

static bool is_ours(const struct container_word *word)
{
	static const char *const ours[] = {"NAME", "ID", "IGNORE", "TAGS", "VERSION", "WEIGHT"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (has_key(word, ours[i]))
			return true;
	return word->key_len > 6 && strncasecmp(word->key, "CHECK_", 6) == 0;
}

static void add_attribute(const struct container_source *s, const struct container_word *word,
			  struct container_instance *instance)
{
	mem_auto_free char *name = mem_dup_bytes(word->key, word->key_len);
	struct announcement *want = &instance->want;

	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	for (size_t i = 0; i < want->attribute_count; i++)
		if (strcmp(want->attributes[i].name, name) == 0)
			return;
	if (want->attribute_count == ANNOUNCEMENT_MAX_ATTRIBUTES ||
	    instance_check_attribute(name, NULL) != 0) {
		container_remark(s->container, true, "SERVICE_%.*s cannot be an attribute",
				 (int)word->key_len, word->key);
		return;
	}
	announcement_add_attribute(want, name, word->value);
}

void container_read_attributes(const struct container_source *s,
			       struct container_instance *instance)
{
	for (int is_general = 0; is_general < 2; is_general++)
		for (size_t i = 0; i < s->word_count; i++)
			if (s->words[i].port == (is_general ? 0 : instance->container_port) &&
			    !is_ours(&s->words[i]))
				add_attribute(s, &s->words[i], instance);
}

char **container_split_tags(const char *tags)
{
	buf_auto struct buf tag = BUF_INIT;
	char **list = NULL;

	for (const char *p = tags; p != NULL && strlist_count(list) < ANNOUNCEMENT_MAX_TAGS; p++) {
		if (p[0] == '\\' && p[1] == ',') {
			buf_add_char(&tag, *++p);
		} else if (p[0] != ',' && p[0] != '\0') {
			buf_add_char(&tag, p[0]);
		} else {
			if (tag.len > 0)
				strlist_add(&list, tag.data);
			buf_clear(&tag);
			if (p[0] == '\0')
				break;
		}
	}
	return list;
}
