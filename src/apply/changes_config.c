/*
 * haproxy.cfg, old against new: which service versions and servers come, change and go, what else
 * differs, and whether a reload is needed for it.  Reads sections and server lines only, and
 * believes none of them.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/changes_internal.h"
#include "apply/live_internal.h"
#include "base/mem.h"
#include "base/str.h"

enum { REASON_NAMES = 3 }; /* of a list in a reason */

struct config_server {
	struct change_span name, address, weight;
	bool is_disabled;
	uint64_t rest; /* of all other words */
};

/* A section, and its servers where it is a service version. */
struct config_section {
	struct change_span kind, name;
	uint64_t hash; /* of all its lines but those servers */
	bool is_version, is_by_source;
	struct config_server *servers;
	size_t count, cap;
};

struct config {
	struct config_section *sections;
	size_t count, cap;
	struct change_span description; /* the fingerprint */
};

/* --- reading --------------------------------------------------------------------------------- */

static uint64_t hash_span(uint64_t hash, struct change_span s)
{
	return str_hash(str_hash(hash, s.at, s.len), " ", 1);
}

/* HAProxy configuration manual, sections 2 to 4 and 12: the keywords that open a section. */
static bool opens_section(struct change_span word)
{
	static const char *const words[] = {
	    "global",	 "defaults",  "frontend",    "backend",	    "listen",
	    "peers",	 "resolvers", "userlist",    "mailers",	    "program",
	    "cache",	 "ring",      "fcgi-app",    "http-errors", "traces",
	    "crt-store", "acme",      "log-forward", "lua",	    "log-profile",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_is(word, words[i]))
			return true;
	return false;
}

static void read_server(struct config_section *section, struct change_span words)
{
	struct config_server server = {.rest = STR_HASH_INIT, .weight = {"1", 1}};
	struct change_span word;

	server.name = span_take_word(&words);
	server.address = span_take_word(&words);
	while (word = span_take_word(&words), word.len != 0) {
		if (span_is(word, "weight"))
			server.weight = span_take_word(&words);
		else if (span_is(word, "disabled"))
			server.is_disabled = true;
		else
			server.rest = hash_span(server.rest, word);
	}
	MEM_GROW(section->servers, section->count, section->cap);
	section->servers[section->count++] = server;
}

static void open_section(struct config *config, struct change_span kind, struct change_span rest)
{
	struct config_section section = {.kind = kind, .hash = hash_span(STR_HASH_INIT, rest)};

	section.name = span_take_word(&rest);
	section.is_version = span_is(kind, "backend") && section.name.len != 0 &&
			     memchr(section.name.at, ':', section.name.len) != NULL;
	MEM_GROW(config->sections, config->count, config->cap);
	config->sections[config->count++] = section;
}

static void read_line(struct config *config, struct change_span line)
{
	struct change_span rest = line, word = span_take_word(&rest), more = rest;
	struct config_section *section;

	if (word.len == 0 || word.at[0] == '#')
		return;
	if (opens_section(word)) {
		open_section(config, word, rest);
		return;
	}
	if (config->count == 0)
		return;
	section = &config->sections[config->count - 1];
	if (section->is_version && span_is(word, "server")) {
		read_server(section, rest);
	} else if (span_is(section->kind, "global") && span_is(word, "description")) {
		config->description = rest;
	} else {
		section->is_by_source =
		    section->is_by_source ||
		    (span_is(word, "balance") && span_is(span_take_word(&more), "source"));
		section->hash = hash_span(section->hash, line);
	}
}

static int compare_sections(const void *a, const void *b)
{
	const struct config_section *x = a, *y = b;
	int order = span_compare(x->kind, y->kind);

	return order != 0 ? order : span_compare(x->name, y->name);
}

/* Those of the same name in their order. */
static int order_sections(const void *a, const void *b)
{
	const struct config_section *x = a, *y = b;
	int order = compare_sections(a, b);

	return order != 0 ? order : (x->kind.at > y->kind.at) - (x->kind.at < y->kind.at);
}

static int compare_servers(const void *a, const void *b)
{
	return span_compare(((const struct config_server *)a)->name,
			    ((const struct config_server *)b)->name);
}

static void sort(void *items, size_t count, size_t size, int (*order)(const void *, const void *))
{
	if (count > 1)
		qsort(items, count, size, order);
}

static void read_config(struct config *config, const char *text, size_t len)
{
	struct change_span rest = {text, len}, line;

	*config = (struct config){.sections = NULL};
	while (span_take_line(&rest, &line))
		read_line(config, line);
	for (size_t i = 0; i < config->count; i++)
		sort(config->sections[i].servers, config->sections[i].count,
		     sizeof(struct config_server), compare_servers);
	sort(config->sections, config->count, sizeof(*config->sections), order_sections);
}

static void config_fini(struct config *config)
{
	for (size_t i = 0; i < config->count; i++)
		free(config->sections[i].servers);
	free(config->sections);
}

/* --- a list of names in a reason ------------------------------------------------------------- */

struct names {
	struct buf text;
	size_t count;
};

static void add_name(struct names *names, const char *kind, struct change_span name)
{
	if (names->count++ >= REASON_NAMES)
		return;
	if (names->count > 1)
		buf_add_str(&names->text, ", ");
	buf_printf(&names->text, "%s%s", kind, kind[0] != '\0' && name.len != 0 ? " " : "");
	str_add_escaped(&names->text, name.at, name.len);
}

static void add_reason(struct buf *reason, const char *words, const char *words_of_many,
		       const struct names *names)
{
	if (names->count == 0)
		return;
	buf_printf(reason, "%s%s %s", reason->len == 0 ? "" : "; ",
		   names->count == 1 ? words : words_of_many, buf_str(&names->text));
	if (names->count > REASON_NAMES)
		buf_printf(reason, " and %zu more", names->count - REASON_NAMES);
}

/* --- comparing ------------------------------------------------------------------------------- */

struct config_walk {
	struct changes *changes;
	struct names changed, versions, by_source;
	/* Of the servers of one version. */
	const struct config_section *old, *new;
	bool needs_reload;
};

static void add_changed(struct config_walk *walk, const struct config_section *section)
{
	mem_auto_free char *kind = mem_dup_bytes(section->kind.at, section->kind.len);

	add_name(&walk->changed, kind, section->name);
}

static bool is_drained(const struct config_server *server)
{
	return span_is(server->weight, "0");
}

static unsigned weight_of(const struct config_server *server)
{
	unsigned weight = 0;

	for (size_t i = 0; i < server->weight.len && weight < 1000; i++)
		if (server->weight.at[i] >= '0' && server->weight.at[i] <= '9')
			weight = weight * 10 + (unsigned)(server->weight.at[i] - '0');
	return weight;
}

static void change_server(struct config_walk *walk, const struct config_server *old,
			  const struct config_server *new)
{
	struct changes *changes = walk->changes;
	struct change *change;

	if (span_compare(old->weight, new->weight) != 0) {
		change = changes_add(changes,
				     is_drained(new) ? CHANGE_SERVER_DRAIN : CHANGE_SERVER_WEIGHT,
				     walk->new->name, new->name);
		change->from = old->weight;
		change->to = new->weight;
		walk->needs_reload = true;
	}
	if (old->is_disabled != new->is_disabled)
		(void)changes_add(changes,
				  new->is_disabled ? CHANGE_SERVER_MAINT : CHANGE_SERVER_READY,
				  walk->new->name, new->name);
	if (span_compare(old->address, new->address) != 0 || old->rest != new->rest)
		(void)changes_add(changes, CHANGE_SERVER, walk->new->name, new->name);
}

static void add_server(struct config_walk *walk, const struct config_server *server)
{
	struct change *change =
	    changes_add(walk->changes, CHANGE_SERVER_ADD, walk->new->name, server->name);

	change->to = server->address;
	change->weight = weight_of(server);
	change->state = server->is_disabled ? "maint" : is_drained(server) ? "drain" : "up";
	change->is_part = walk->old == NULL;
	walk->needs_reload = true;
}

static void on_server(void *ctx, const void *from, const void *to)
{
	struct config_walk *walk = ctx;
	const struct config_server *old = from, *new = to;

	if (new == NULL)
		changes_add(walk->changes, CHANGE_SERVER_REMOVE, walk->old->name, old->name)
		    ->is_part = walk->new == NULL;
	else if (old == NULL)
		add_server(walk, new);
	else
		change_server(walk, old, new);
}

static void walk_servers(struct config_walk *walk, const struct config_section *old,
			 const struct config_section *new)
{
	walk->old = old;
	walk->new = new;
	walk->needs_reload = false;
	live_walk(old == NULL ? NULL : old->servers, old == NULL ? 0 : old->count,
		  new == NULL ? NULL : new->servers, new == NULL ? 0 : new->count,
		  sizeof(struct config_server), compare_servers, on_server, walk);
}

static void come(struct config_walk *walk, const struct config_section *section)
{
	struct change_span none = {NULL, 0};

	if (!section->is_version) {
		add_changed(walk, section);
		return;
	}
	changes_add(walk->changes, CHANGE_BACKEND_ADD, none, section->name)->count = section->count;
	walk_servers(walk, NULL, section);
	if (section->count != 0) /* nobody asks for one that has no instance */
		add_name(&walk->versions, "", section->name);
}

static void go(struct config_walk *walk, const struct config_section *section)
{
	struct change_span none = {NULL, 0};

	if (!section->is_version) {
		add_changed(walk, section);
		return;
	}
	changes_add(walk->changes, CHANGE_BACKEND_REMOVE, none, section->name)->count =
	    section->count;
	walk_servers(walk, section, NULL);
}

static void stay(struct config_walk *walk, const struct config_section *old,
		 const struct config_section *new)
{
	if (old->hash != new->hash)
		add_changed(walk, new);
	walk_servers(walk, old, new);
	/* `balance source` spreads requests by a table that only a reload makes anew. */
	if (new->is_by_source && walk->needs_reload)
		add_name(&walk->by_source, "", new->name);
}

static void on_section(void *ctx, const void *from, const void *to)
{
	struct config_walk *walk = ctx;
	const struct config_section *old = from, *new = to;

	if (new == NULL)
		go(walk, old);
	else if (old == NULL)
		come(walk, new);
	else
		stay(walk, old, new);
	if (old == NULL || new == NULL || old->hash != new->hash)
		walk->changes->needs_check = true;
}

/* --- is a reload needed? --------------------------------------------------------------------- */

/* What runs is taken to be what is on disk; kvwatch asks it for its description. */
static void add_structure(struct buf *reason, const struct config *old, const struct config *new,
			  const struct names *changed)
{
	bool is_ours = new->description.len > 7 && memcmp(new->description.at, "mayfly-", 7) == 0;

	if (is_ours && span_compare(old->description, new->description) == 0)
		return;
	if (changed->count == 0)
		buf_add_str(reason, is_ours ? "structure changed"
					    : "haproxy.cfg has no fingerprint as description");
	add_reason(reason, "structure changed:", "structure changed:", changed);
}

static char *find_reason(const struct changes_file *file, const struct config *old,
			 const struct config *new, const struct config_walk *walk)
{
	buf_auto struct buf reason = BUF_INIT;

	if (!file->is_there)
		return mem_dup_str("first configuration");
	add_structure(&reason, old, new, &walk->changed);
	add_reason(&reason, "new version", "new versions", &walk->versions);
	add_reason(&reason, "servers of a version that balances by source:",
		   "servers of versions that balance by source:", &walk->by_source);
	return reason.len == 0 ? NULL : buf_take(&reason);
}

void changes_compare_config(struct changes *changes, const struct changes_file *file,
			    const char *pages)
{
	struct config_walk walk = {.changes = changes};
	struct config old, new;

	read_config(&old, buf_str(&file->old), file->old.len);
	read_config(&new, file->new_text, file->new_len);
	live_walk(old.sections, old.count, new.sections, new.count, sizeof(struct config_section),
		  compare_sections, on_section, &walk);
	if (pages[0] != '\0')
		add_name(&walk.changed, pages, (struct change_span){"", 0});
	changes->reload = find_reason(file, &old, &new, &walk);
	changes->needs_check = changes->needs_check || pages[0] != '\0' ||
			       span_compare(old.description, new.description) != 0 ||
			       !file->is_there;
	buf_fini(&walk.changed.text);
	buf_fini(&walk.versions.text);
	buf_fini(&walk.by_source.text);
	config_fini(&old);
	config_fini(&new);
}
