/* What a container says of itself in labels and environment variables.  Knows no address. */
#include "register/container_words.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/backend.h"
#include "register/check_kind.h"
#include "register/container.h"

enum { WORDS_MAX = 512, VALUE_MAX = 4096, REMARKS_MAX = 2048 };

#define SERVICE "SERVICE_"
#define LABEL	"mayfly."
#define CHECK	"check_"

struct word {		 /* SERVICE_<key>=value; borrowed from the reply */
	const char *key; /* after SERVICE_ and the port */
	size_t key_len;
	unsigned port; /* 0: of all ports */
	const char *value;
};

struct container_words {
	struct container *container;
	const struct node *labels;
	struct word *words; /* the environment's before the labels' */
	size_t count, cap;
};

void container_remark(struct container *container, bool is_wrong, const char *format, ...)
{
	char text[512];
	char *longer;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	container->is_wrong |= is_wrong;
	if (container->remarks != NULL &&
	    (strlen(container->remarks) > REMARKS_MAX || strstr(container->remarks, text) != NULL))
		return;
	longer = container->remarks == NULL ? mem_dup_str(text)
					    : mem_printf("%s; %s", container->remarks, text);
	free(container->remarks);
	container->remarks = longer;
}

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

static void add_word(struct container_words *w, const char *key, size_t len, const char *value)
{
	unsigned port;

	if (len <= strlen(SERVICE) || strncmp(key, SERVICE, strlen(SERVICE)) != 0 ||
	    value[0] == '\0')
		return;
	key += strlen(SERVICE);
	len -= strlen(SERVICE);
	if (w->count >= WORDS_MAX || strlen(value) > VALUE_MAX) {
		container_remark(w->container, true, "SERVICE_%.*s is ignored: %s", (int)len, key,
				 w->count >= WORDS_MAX ? "there are too many" : "too long");
		return;
	}
	port = split_port(&key, &len);
	MEM_GROW(w->words, w->count, w->cap);
	w->words[w->count++] =
	    (struct word){.key = key, .key_len = len, .port = port, .value = value};
}

struct container_words *container_words_new(const struct node *config, struct container *container)
{
	const struct node *env = node_find(config, "Env");
	struct container_words *w = MEM_NEW(w);

	w->container = container;
	w->labels = node_find(config, "Labels");
	for (size_t i = 0; i < node_count(env, NODE_LIST); i++) {
		const char *text = node_text(&env->children[i]);
		const char *equals = text == NULL ? NULL : strchr(text, '=');

		if (equals != NULL)
			add_word(w, text, (size_t)(equals - text), equals + 1);
	}
	for (size_t i = 0; i < node_count(w->labels, NODE_MAP); i++) {
		const char *key = w->labels->children[i].key;
		const char *text = node_text(&w->labels->children[i]);

		if (text == NULL)
			continue;
		add_word(w, key, strlen(key), text);
		if (str_has_prefix(key, LABEL) && strlen(text) > VALUE_MAX)
			container_remark(container, true, "%.64s is ignored: too long", key);
	}
	return w;
}

void container_words_free(struct container_words *w)
{
	free(w->words);
	free(w);
}

/* --- finding --------------------------------------------------------------------------------- */

const char *container_words_label(const struct container_words *w, const char *name)
{
	mem_auto_free char *key = mem_printf(LABEL "%s", name);
	const char *value = node_text_at(w->labels, key, NULL);

	if (value == NULL || value[0] == '\0' || strlen(value) > VALUE_MAX)
		return NULL;
	return value;
}

static bool has_key(const struct word *word, const char *name)
{
	return word->key_len == strlen(name) && strncasecmp(word->key, name, word->key_len) == 0;
}

const char *container_words_service(const struct container_words *w, unsigned port,
				    const char *name)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->words[i].port == port && has_key(&w->words[i], name))
			return w->words[i].value;
	return NULL;
}

const char *container_words_find(const struct container_words *w, unsigned port, const char *name)
{
	const char *value = container_words_label(w, name);

	if (value == NULL && port != 0)
		value = container_words_service(w, port, name);
	return value == NULL ? container_words_service(w, 0, name) : value;
}

char *container_words_title(const struct container_words *w, unsigned port, const char *name)
{
	char *title;

	if (container_words_label(w, name) != NULL)
		return mem_printf(LABEL "%s", name);
	if (port != 0 && container_words_service(w, port, name) != NULL)
		title = mem_printf(SERVICE "%u_%s", port, name);
	else
		title = mem_printf(SERVICE "%s", name);
	for (char *c = title; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return title;
}

bool container_words_is_true(const char *value)
{
	return value != NULL && strcmp(value, "0") != 0 && strcasecmp(value, "no") != 0 &&
	       strcasecmp(value, "false") != 0;
}

bool container_words_has_name(const struct container_words *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (has_key(&w->words[i], "NAME"))
			return true;
	return false;
}

/* --- words that nobody knows ------------------------------------------------------------------ */

/* What SERVICE_ and mayfly. may stand before, and mayfly. alone. */
static const char *const both[] = {"version", "id", "weight", "tags", "ignore", NULL};
static const char *const labels_only[] = {"service", "port", "env", "network", "check", NULL};

static void add_all(char ***names, const char *const *words)
{
	for (; *words != NULL; words++)
		strlist_add(names, *words);
}

static char **list_checks(void)
{
	char **names = NULL;

	for (size_t i = 0; check_kinds[i] != NULL; i++) {
		mem_auto_free char *name = mem_printf(CHECK "%s", check_kinds[i]->word);

		strlist_add(&names, name);
	}
	for (size_t i = 0; check_spec_setting(i) != NULL; i++) {
		mem_auto_free char *name = mem_printf(CHECK "%s", check_spec_setting(i));

		strlist_add(&names, name);
	}
	strlist_add(&names, CHECK "initial_status");
	return names;
}

/* what: the word as it is written; key: its part behind the prefix. */
static void check_word(const struct container_words *w, const char *what, const char *key,
		       const char *prefix, char *const *known)
{
	mem_auto_free char *lower = mem_dup_str(key), *meant = NULL;
	const char *nearest;

	str_lower(lower);
	for (size_t i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], lower) == 0)
			return;
	nearest = str_find_nearest(lower, (const char *const *)known, strlist_count(known));
	meant = mem_printf("; did you mean %s%s?", prefix, nearest == NULL ? "" : nearest);
	for (char *c = meant; prefix[0] == 'S' && *c != '\0'; c++)
		*c = c < strrchr(meant, ' ') ? *c : (char)toupper((unsigned char)*c);
	container_remark(w->container, true, "%.64s is ignored: not known%s", what,
			 nearest == NULL ? "" : meant);
}

void container_words_check(const struct container_words *w, bool is_service)
{
	char **checks = list_checks(), **labels = list_checks();

	add_all(&labels, both);
	add_all(&labels, labels_only);
	add_all(&labels, container_env_words);
	for (size_t i = 0; is_service && i < w->count; i++) {
		const struct word *word = &w->words[i];
		mem_auto_free char *key = mem_dup_bytes(word->key, word->key_len);
		mem_auto_free char *what = word->port == 0
					       ? mem_printf(SERVICE "%s", key)
					       : mem_printf(SERVICE "%u_%s", word->port, key);

		if (strncasecmp(key, CHECK, strlen(CHECK)) == 0)
			check_word(w, what, key, SERVICE, checks);
	}
	for (size_t i = 0; i < node_count(w->labels, NODE_MAP); i++) {
		const char *key = w->labels->children[i].key;

		if (str_has_prefix(key, LABEL))
			check_word(w, key, key + strlen(LABEL), LABEL, labels);
	}
	strlist_free(checks);
	strlist_free(labels);
}

/* --- attributes and tags --------------------------------------------------------------------- */

static bool is_ours(const struct word *word)
{
	bool is_known = has_key(word, "name");

	for (size_t i = 0; both[i] != NULL; i++)
		is_known = is_known || has_key(word, both[i]);
	return is_known ||
	       (word->key_len > strlen(CHECK) && strncasecmp(word->key, CHECK, strlen(CHECK)) == 0);
}

static void add_attribute(const struct container_words *w, const struct word *word,
			  struct announcement *want)
{
	mem_auto_free char *name = mem_dup_bytes(word->key, word->key_len);

	str_lower(name);
	for (size_t i = 0; i < want->attribute_count; i++)
		if (strcmp(want->attributes[i].name, name) == 0)
			return;
	if (want->attribute_count == ANNOUNCEMENT_MAX_ATTRIBUTES ||
	    instance_check_attribute(name, NULL) != 0) {
		container_remark(w->container, true, "SERVICE_%.*s cannot be an attribute",
				 (int)word->key_len, word->key);
		return;
	}
	announcement_add_attribute(want, name, word->value);
}

/* At commas; \, is one. */
static void add_tags(const char *tags, struct announcement *want)
{
	buf_auto struct buf tag = BUF_INIT;

	for (const char *p = tags; want->tag_count < ANNOUNCEMENT_MAX_TAGS; p++) {
		if (p[0] == '\\' && p[1] == ',') {
			buf_add_char(&tag, *++p);
		} else if (p[0] != ',' && p[0] != '\0') {
			buf_add_char(&tag, p[0]);
		} else {
			if (tag.len > 0)
				strlist_add(&want->tags, tag.data);
			want->tag_count = strlist_count(want->tags);
			buf_clear(&tag);
			if (p[0] == '\0')
				break;
		}
	}
}

void container_words_read_extra(const struct container_words *w, unsigned port,
				struct announcement *want)
{
	const char *tags = container_words_find(w, port, "tags");

	if (tags != NULL)
		add_tags(tags, want);
	for (int is_general = 0; is_general < 2; is_general++)
		for (size_t i = 0; i < w->count; i++)
			if (w->words[i].port == (is_general ? 0 : port) && !is_ours(&w->words[i]))
				add_attribute(w, &w->words[i], want);
}
