/*
 * haproxy.cfg, old against new: which service versions and servers come, change and go, what else
 * differs, and whether a reload is needed for it.  Reads sections and server lines only, and
 * believes none of them.
 */
#include <stdlib.h>
#include <string.h>

#include "apply/changes_internal.h"
#include "apply/state.h"
#include "apply/walk.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/uses.h"
#include "render/section.h"

enum { REASON_NAMES = 3 }; /* of a list in a reason */

/* A section, and its servers where it is a service version. */
struct config_section {
	struct span kind, name;
	uint64_t hash; /* of all its lines but those servers */
	bool is_version;
	struct section section;
	bool is_taken;		      /* a spare: by a version that is new */
	struct state_backend backend; /* what counts of it, if it is */
	struct state_server *servers;
	size_t count, cap;
};

struct config {
	struct config_section *sections;
	size_t count, cap;
	struct span description; /* the fingerprint */
};

/* --- reading --------------------------------------------------------------------------------- */

static uint64_t hash_span(uint64_t hash, struct span s)
{
	return str_hash(str_hash(hash, s.at, s.len), " ", 1);
}

static void open_section(struct config *config, struct span kind, struct span rest)
{
	struct config_section section = {.kind = kind, .hash = hash_span(STR_HASH_INIT, rest)};

	section_begin(&section.section, rest);
	section.name = section.section.name;
	section.is_version = span_is(kind, "backend") && section.name.len != 0 &&
			     memchr(section.name.at, ':', section.name.len) != NULL;
	section.backend = (struct state_backend){.name = section.name};
	MEM_GROW(config->sections, config->count, config->cap);
	config->sections[config->count++] = section;
}

static void read_line(struct config *config, struct span line)
{
	struct span rest = line, word = span_take_word(&rest), more = rest;
	struct config_section *section;

	if (word.len == 0 || word.at[0] == '#')
		return;
	if (section_opens(word)) {
		open_section(config, word, rest);
		return;
	}
	if (config->count == 0)
		return;
	section = &config->sections[config->count - 1];
	section_add_line(&section->section, line);
	if (section->is_version && span_is(word, "server")) {
		MEM_GROW(section->servers, section->count, section->cap);
		state_server_parse_config(rest, &section->servers[section->count++]);
	} else if (span_is(section->kind, "global") && span_is(word, "description")) {
		config->description = rest;
	} else {
		if (span_is(word, "balance") && span_is(span_take_word(&more), "source"))
			section->backend.is_by_source = true;
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
	return span_compare(((const struct state_server *)a)->name,
			    ((const struct state_server *)b)->name);
}

static void sort(void *items, size_t count, size_t size, int (*order)(const void *, const void *))
{
	if (count > 1)
		qsort(items, count, size, order);
}

static struct config *read_config(const char *text, size_t len)
{
	struct config *config = MEM_NEW(config);
	struct span rest = {text, len}, line;

	while (span_take_line(&rest, &line))
		read_line(config, line);
	for (size_t i = 0; i < config->count; i++)
		sort(config->sections[i].servers, config->sections[i].count,
		     sizeof(struct state_server), compare_servers);
	sort(config->sections, config->count, sizeof(*config->sections), order_sections);
	return config;
}

void changes_free_config(struct config *config)
{
	for (size_t i = 0; config != NULL && i < config->count; i++)
		free(config->sections[i].servers);
	if (config != NULL)
		free(config->sections);
	free(config);
}

/* --- a list of names in a reason ------------------------------------------------------------- */

struct names {
	struct buf text;
	size_t count;
};

static void add_name(struct names *names, const char *kind, struct span name)
{
	if (names->count++ >= REASON_NAMES)
		return;
	if (names->count > 1)
		buf_add_str(&names->text, ", ");
	buf_printf(&names->text, "%s%s", kind, kind[0] != '\0' && name.len != 0 ? " " : "");
	str_add_escaped(&names->text, name.at, name.len);
}

static void add_reason(struct buf *reason, const char *one, const char *many,
		       const struct names *names)
{
	if (names->count == 0)
		return;
	buf_printf(reason, "%s%s %s", reason->len == 0 ? "" : "; ", names->count == 1 ? one : many,
		   buf_str(&names->text));
	if (names->count > REASON_NAMES)
		buf_printf(reason, " and %zu more", names->count - REASON_NAMES);
}

/* --- comparing ------------------------------------------------------------------------------- */

struct config_walk {
	struct changes *changes;
	struct config *before;
	struct names changed, waiting[OP_OBSTACLE_COUNT]; /* for a reload, and why */
	/* Of the servers of one version. */
	const struct config_section *old, *new;
	enum op_obstacle obstacle; /* of one of them */
};

static void add_changed(struct config_walk *walk, const struct config_section *section)
{
	mem_auto_free char *kind = mem_dup_bytes(section->kind.at, section->kind.len);

	add_name(&walk->changed, kind, section->name);
}

static void on_op(void *ctx, const struct op *op)
{
	struct config_walk *walk = ctx;

	changes_add(walk->changes, op)->is_part = walk->old == NULL || walk->new == NULL;
	if (op->obstacle != OP_FREE)
		walk->obstacle = op->obstacle;
}

static void on_server(void *ctx, const void *from, const void *to)
{
	struct config_walk *walk = ctx;
	const struct config_section *section = walk->new == NULL ? walk->old : walk->new;

	state_diff_server(&section->backend, from, to, on_op, walk);
}

static void walk_servers(struct config_walk *walk, const struct config_section *old,
			 const struct config_section *new)
{
	walk->old = old;
	walk->new = new;
	walk->obstacle = OP_FREE;
	walk_pairs(old == NULL ? NULL : old->servers, old == NULL ? 0 : old->count,
		   new == NULL ? NULL : new->servers, new == NULL ? 0 : new->count,
		   sizeof(struct state_server), compare_servers, on_server, walk);
}

/* Whether a version that is new can stand in reserve. */
static bool take_spare(struct config_walk *walk, const struct config_section *section)
{
	uint64_t kind;

	if (section->section.is_static)
		return false;
	for (size_t i = 0; i < section->count; i++)
		if (section->servers[i].is_named)
			return false;
	for (size_t i = 0; i < walk->before->count; i++) {
		struct config_section *spare = &walk->before->sections[i];

		if (spare->is_taken || !section_is_spare(spare->name, &kind) ||
		    kind != section->section.kind)
			continue;
		spare->is_taken = true;
		return true;
	}
	return false;
}

/* One that goes costs nothing until the next reload. */
static void note_mark(struct config_walk *walk, struct span name)
{
	const size_t len = strlen(USE_MARK);

	if (name.len > len && memcmp(name.at, USE_MARK, len) == 0)
		add_name(&walk->waiting[OP_BY_USE], "",
			 (struct span){name.at + len, name.len - len});
}

/* A section that is only in one of the two. */
static void come_or_go(struct config_walk *walk, const struct config_section *old,
		       const struct config_section *new)
{
	const struct config_section *section = old == NULL ? new : old;
	bool is_new = old == NULL;
	struct op op = {.kind = is_new ? OP_BACKEND_ADD : OP_BACKEND_REMOVE,
			.name = section->name,
			.count = section->count};

	if (!section->is_version) {
		add_changed(walk, section);
		if (is_new)
			note_mark(walk, section->name);
		return;
	}
	/* Nobody asks for one that has no instance. */
	if (is_new && section->count != 0 && !take_spare(walk, section)) {
		op.obstacle = OP_BY_VERSION;
		add_name(&walk->waiting[OP_BY_VERSION], "", section->name);
	}
	(void)changes_add(walk->changes, &op);
	walk_servers(walk, old, new);
}

static void stay(struct config_walk *walk, const struct config_section *old,
		 const struct config_section *new)
{
	if (old->hash != new->hash)
		add_changed(walk, new);
	walk_servers(walk, old, new);
	if (walk->obstacle != OP_FREE)
		add_name(&walk->waiting[walk->obstacle], "", new->name);
}

static void on_section(void *ctx, const void *from, const void *to)
{
	struct config_walk *walk = ctx;
	const struct config_section *old = from, *new = to;
	uint64_t kind;

	/* How many are kept in reserve, and of which kinds, follows from the rest. */
	if (section_is_spare(old == NULL ? new->name : old->name, &kind))
		return;
	if (old == NULL || new == NULL)
		come_or_go(walk, old, new);
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

static const struct {
	const char *one, *many;
} reasons[OP_OBSTACLE_COUNT] = {
    [OP_BY_VERSION] = {"new version", "new versions"},
    [OP_BY_SOURCE] = {"servers of a version that balances by source:",
		      "servers of versions that balance by source:"},
    [OP_BY_NAME] = {"host names of version", "host names of versions"},
    [OP_BY_USE] = {"first use of", "first use of"},
};

static char *find_reason(const struct changes_file *file, const struct config *old,
			 const struct config *new, const struct config_walk *walk)
{
	buf_auto struct buf reason = BUF_INIT;

	if (!file->is_there)
		return mem_dup_str("first configuration");
	add_structure(&reason, old, new, &walk->changed);
	for (int i = OP_FREE + 1; i < OP_OBSTACLE_COUNT; i++)
		add_reason(&reason, reasons[i].one, reasons[i].many, &walk->waiting[i]);
	return reason.len == 0 ? NULL : buf_take(&reason);
}

void changes_compare_config(struct changes *changes, const struct changes_file *file,
			    const char *pages)
{
	struct config *old = read_config(buf_str(&file->old), file->old.len);
	struct config *new = read_config(file->new_text, file->new_len);
	struct config_walk walk = {.changes = changes, .before = old};

	changes->old = old;
	changes->new = new;
	walk_pairs(old->sections, old->count, new->sections, new->count,
		   sizeof(struct config_section), compare_sections, on_section, &walk);
	if (pages[0] != '\0')
		add_name(&walk.changed, pages, (struct span){"", 0});
	changes->reload = find_reason(file, old, new, &walk);
	changes->needs_check = changes->needs_check || pages[0] != '\0' ||
			       span_compare(old->description, new->description) != 0 ||
			       !file->is_there;
	buf_fini(&walk.changed.text);
	for (int i = 0; i < OP_OBSTACLE_COUNT; i++)
		buf_fini(&walk.waiting[i].text);
}
