/*
 * The maps, old against new: entries, and what they mean for environments.  Knows nothing of files
 * on disk, and leaves haproxy.cfg to changes_config.c.
 */
#include "apply/changes.h"

#include <stdlib.h>
#include <string.h>

#include "apply/changes_internal.h"
#include "apply/walk.h"
#include "base/buf.h"
#include "base/mem.h"
#include "model/route.h"
#include "render/routing.h"

struct map_entry {
	struct span key, value;
	struct span base; /* the environment that says so; .at NULL: no other */
};

struct map_side {
	struct map_entry *entries;
	size_t count, cap;
};

struct map_pair {
	struct span name;
	struct map_side old, new;
};

struct op *changes_add(struct changes *changes, const struct op *op)
{
	MEM_GROW(changes->ops, changes->count, changes->cap);
	changes->ops[changes->count] = *op;
	return &changes->ops[changes->count++];
}

/* --- maps ------------------------------------------------------------------------------------ */

static int compare_entries(const void *a, const void *b)
{
	return span_compare(((const struct map_entry *)a)->key, ((const struct map_entry *)b)->key);
}

/* Of entries with the same key, HAProxy finds the first. */
static int order_entries(const void *a, const void *b)
{
	const struct map_entry *x = a, *y = b;
	int order = span_compare(x->key, y->key);

	return order != 0 ? order : (x->key.at > y->key.at) - (x->key.at < y->key.at);
}

static void sort_side(struct map_side *side)
{
	for (size_t i = 1; i < side->count; i++)
		if (order_entries(&side->entries[i - 1], &side->entries[i]) > 0) {
			qsort(side->entries, side->count, sizeof(*side->entries), order_entries);
			return;
		}
}

static void parse_side(struct map_side *side, const char *text, size_t len)
{
	struct span rest = {text, len}, line;

	while (span_take_line(&rest, &line)) {
		struct span key = span_take_word(&line);

		if (key.len == 0 || key.at[0] == '#')
			continue;
		MEM_GROW(side->entries, side->count, side->cap);
		side->entries[side->count++] = (struct map_entry){.key = key, .value = line};
	}
	sort_side(side);
}

/* "maps/hosts.map": "hosts". */
static struct span map_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash == NULL ? file : slash + 1;
	size_t len = strlen(name);

	if (len <= 4 || strcmp(name + len - 4, ".map") != 0)
		return (struct span){name, 0};
	return (struct span){name, len - 4};
}

struct map_walk {
	struct changes *changes;
	struct span in;
	enum op_kind add; /* followed by those for another value, and for none */
};

static struct span keep(struct changes *changes, struct buf *text)
{
	char *kept = buf_take(text);

	MEM_GROW(changes->texts, changes->text_count, changes->text_cap);
	changes->texts[changes->text_count++] = kept;
	return span_of(kept);
}

/* Where a route leads, and in () what more it says; value is "service" or "||options|service". */
static struct span describe_target(struct changes *changes, struct span key, struct span value)
{
	struct buf text = BUF_INIT;
	buf_auto struct buf words = BUF_INIT;
	const char *bar = value.len == 0 ? NULL : memrchr(value.at, '|', value.len);
	const char *service = bar == NULL ? value.at : bar + 1;
	mem_auto_free char *route = NULL;

	if (value.at == NULL)
		return value;
	route = mem_printf("%.*s%.*s", (int)key.len, key.at,
			   bar == NULL ? 0 : (int)(bar - value.at), value.at);
	route_add_words(route, &words);
	buf_printf(&text, "%.*s", (int)(value.at + value.len - service), service);
	if (words.len != 0)
		buf_printf(&text, "%s(%s)", text.len == 0 ? "" : " ", buf_str(&words));
	return keep(changes, &text);
}

static void describe_route(struct changes *changes, struct op *op)
{
	mem_auto_free char *route = mem_dup_bytes(op->name.at, op->name.len);
	struct buf path = BUF_INIT;

	op->from = describe_target(changes, op->name, op->from);
	op->to = describe_target(changes, op->name, op->to);
	route_add_path(route, &path);
	op->name = keep(changes, &path);
}

static void on_entry(void *ctx, const void *a, const void *b)
{
	const struct span none = {NULL, 0};
	const struct map_walk *walk = ctx;
	const struct map_entry *old = a, *new = b;
	struct op op;

	if (!op_of_entry(walk->in, old == NULL ? new->key : old->key,
			 old == NULL ? none : old->value, new == NULL ? none : new->value, &op))
		return;
	op.kind = walk->add + (op.kind - OP_MAP_ADD);
	op.base = new == NULL ? old->base : new->base;
	if (walk->add == OP_ROUTE_ADD)
		describe_route(walk->changes, &op);
	(void)changes_add(walk->changes, &op);
}

static void walk_maps(const struct map_side *old, const struct map_side *new, walk_pair_fn *on_pair,
		      void *ctx)
{
	walk_pairs(old->entries, old->count, new->entries, new->count, sizeof(struct map_entry),
		   compare_entries, on_pair, ctx);
}

/* --- environments ---------------------------------------------------------------------------- */

struct env_walk {
	struct changes *changes;
	const struct map_pair *envs;
	const struct map_pair *versions, *routes, *choices; /* NULL: there is no such map */
};

/*
 * The entries of a generation, whose keys are it, '/', and the name.  With '/' the keys of one
 * generation stand together.  Services are named without it, routes begin with it.
 */
static struct map_side find_generation(const struct map_side *all, struct span generation)
{
	size_t low = 0, high = all->count, end;
	mem_auto_free char *text = mem_printf("%.*s/", (int)generation.len, generation.at);
	struct span prefix = {text, strlen(text)};

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (span_compare(all->entries[middle].key, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < all->count && all->entries[end].key.len >= prefix.len &&
			memcmp(all->entries[end].key.at, prefix.at, prefix.len) == 0;)
		end++;
	if (end == low)
		return (struct map_side){NULL, 0, 0};
	return (struct map_side){all->entries + low, end - low, 0};
}

/* Of a backend, "<service>:<version>", what the key does not say. */
static struct span service_of(struct span backend)
{
	const char *colon = memchr(backend.at, ':', backend.len);

	return (struct span){backend.at,
			     colon == NULL ? backend.len : (size_t)(colon - backend.at)};
}

/* Of a route's value, which may have options before the backend, all but the version. */
static struct span target_of(struct span value)
{
	const char *bar = value.len == 0 ? NULL : memrchr(value.at, '|', value.len);
	size_t skip = bar == NULL ? 0 : (size_t)(bar + 1 - value.at);

	return (struct span){
	    value.at, skip + service_of((struct span){value.at + skip, value.len - skip}).len};
}

static struct span version_of(struct span backend)
{
	size_t skip = service_of(backend).len;

	skip = skip == backend.len ? 0 : skip + 1;
	return (struct span){backend.at + skip, backend.len - skip};
}

typedef struct span part_fn(struct span backend);

/* Neither a service nor a route: what a generation says beside those (render/routing.h). */
static bool is_remark(struct span key, size_t skip)
{
	struct span name = {key.at + skip, key.len - skip};

	return name.len != 0 && name.at[0] != '/' &&
	       (name.at[0] == '.' || memchr(name.at, ':', name.len) != NULL);
}

static const struct map_entry *find_entry(const struct map_side *side, struct span key)
{
	struct map_entry sought = {.key = key};

	return side->count == 0 ? NULL
				: bsearch(&sought, side->entries, side->count,
					  sizeof(*side->entries), compare_entries);
}

/* Of a backend; of a choice, `<service>:@<choice>`, the word for it. */
static struct span find_word(const struct map_side *choices, struct span value)
{
	const char *at = memchr(value.at, '@', value.len);
	const struct map_entry *entry;
	mem_auto_free char *key = NULL;

	if (at == NULL || choices == NULL || memchr(value.at, '|', value.len) != NULL)
		return value;
	key = mem_printf("%.*s.word", (int)(value.at + value.len - at - 1), at + 1);
	entry = find_entry(choices, (struct span){key, strlen(key)});
	return entry == NULL ? value : entry->value;
}

static struct map_side copy_parts(struct map_side side, const struct map_side *choices, size_t skip,
				  part_fn *part, struct span base)
{
	struct map_side copy = {NULL, 0, 0};

	for (size_t i = 0; i < side.count; i++) {
		struct map_entry e = side.entries[i];
		size_t more;

		if (is_remark(e.key, skip))
			continue;
		MEM_GROW(copy.entries, copy.count, copy.cap);
		/* Before the routes of an environment with a split. */
		more = e.key.len > skip + 2 && memcmp(e.key.at + skip, "/./", 3) == 0 ? 2 : 0;
		more += skip;
		e.key = (struct span){e.key.at + more, e.key.len - more};
		e.value = part(find_word(choices, e.value));
		e.base = base;
		copy.entries[copy.count++] = e;
	}
	return copy;
}

/* "env@digest@base" */
static struct span base_of(struct span generation)
{
	const char *end = generation.at + generation.len;
	const char *at = memchr(generation.at, '@', generation.len);

	if (at != NULL)
		at = memchr(at + 1, '@', (size_t)(end - at - 1));
	return at == NULL ? (struct span){NULL, 0} : (struct span){at + 1, (size_t)(end - at - 1)};
}

/* The generation of an environment's base; .at NULL: it has none. */
static struct span find_base(const struct map_side *envs, const struct map_entry *env)
{
	const struct map_entry *base = find_entry(envs, base_of(env->value));

	return base == NULL ? (struct span){NULL, 0} : base->value;
}

static void on_layer(void *ctx, const void *own, const void *base)
{
	struct map_side *side = ctx;

	MEM_GROW(side->entries, side->count, side->cap);
	side->entries[side->count++] = *(const struct map_entry *)(own != NULL ? own : base);
}

/*
 * What an environment says of services or routes, and its base where it says nothing.  The order of
 * keys is the same without the generation, which is the same in all of one.
 */
static struct map_side read_env(const struct map_side *all, const struct map_side *envs,
				const struct map_side *choices, const struct map_entry *env,
				size_t more, part_fn *part)
{
	struct span generation = env->value, base = find_base(envs, env);
	struct map_side own = copy_parts(find_generation(all, generation), choices,
					 generation.len + more, part, (struct span){NULL, 0});
	struct map_side under, both = {NULL, 0, 0};

	if (base.at == NULL)
		return own;
	under = copy_parts(find_generation(all, base), choices, base.len + more, part,
			   base_of(generation));
	walk_maps(&own, &under, on_layer, &both);
	free(own.entries);
	free(under.entries);
	return both;
}

static const struct map_side *old_of(const struct map_pair *pair)
{
	return pair == NULL ? NULL : &pair->old;
}

static const struct map_side *new_of(const struct map_pair *pair)
{
	return pair == NULL ? NULL : &pair->new;
}

static void compare_generations(const struct env_walk *walk, const struct map_pair *pair,
				const struct map_entry *old, const struct map_entry *new,
				size_t more, part_fn *part, enum op_kind add)
{
	struct map_walk entries = {walk->changes, new->key, add};
	struct map_side a, b;

	if (pair == NULL)
		return;
	a = read_env(&pair->old, &walk->envs->old, old_of(walk->choices), old, more, part);
	b = read_env(&pair->new, &walk->envs->new, new_of(walk->choices), new, more, part);
	walk_maps(&a, &b, on_entry, &entries);
	free(a.entries);
	free(b.entries);
}

/* Among whom visitors are split, as the choice of something of that name. */
static struct map_side read_split(const struct map_side *choices, const struct map_entry *env)
{
	static const char name[] = "visitors";
	mem_auto_free char *key = mem_printf("%.*s/:.word", (int)env->value.len, env->value.at);
	const struct map_entry *entry =
	    choices == NULL ? NULL : find_entry(choices, (struct span){key, strlen(key)});
	struct map_side side = {NULL, 0, 0};

	if (entry == NULL)
		return side;
	MEM_GROW(side.entries, side.count, side.cap);
	side.entries[side.count++] =
	    (struct map_entry){.key = {name, strlen(name)}, .value = entry->value};
	return side;
}

static void compare_splits(const struct env_walk *walk, const struct map_entry *old,
			   const struct map_entry *new)
{
	struct map_walk entries = {walk->changes, new->key, OP_SERVICE_ADD};
	struct map_side a = read_split(old_of(walk->choices), old);
	struct map_side b = read_split(new_of(walk->choices), new);

	walk_maps(&a, &b, on_entry, &entries);
	free(a.entries);
	free(b.entries);
}

static void change_env(const struct env_walk *walk, const struct map_entry *old,
		       const struct map_entry *new)
{
	size_t before = walk->changes->count;

	compare_splits(walk, old, new);
	compare_generations(walk, walk->versions, old, new, 1, version_of, OP_SERVICE_ADD);
	compare_generations(walk, walk->routes, old, new, 0, target_of, OP_ROUTE_ADD);
	if (walk->changes->count == before && span_compare(old->value, new->value) != 0)
		(void)changes_add(walk->changes, &(struct op){.kind = OP_ENV, .name = new->key});
}

static size_t count_services(const struct env_walk *walk, const struct map_entry *env)
{
	struct map_side services;

	if (walk->versions == NULL)
		return 0;
	services = read_env(&walk->versions->new, &walk->envs->new, new_of(walk->choices), env, 1,
			    version_of);
	free(services.entries);
	return services.count;
}

static void on_env(void *ctx, const void *a, const void *b)
{
	const struct env_walk *walk = ctx;
	const struct map_entry *old = a, *new = b;
	struct op op = {.kind = OP_ENV_ADD};

	if (old != NULL && new != NULL) {
		if (span_compare(old->value, new->value) != 0 ||
		    span_compare(find_base(&walk->envs->old, old),
				 find_base(&walk->envs->new, new)) != 0)
			change_env(walk, old, new);
		return;
	}
	if (new != NULL) {
		op.name = new->key;
		op.count = count_services(walk, new);
	} else if (old != NULL) {
		op.kind = OP_ENV_REMOVE;
		op.name = old->key;
	}
	(void)changes_add(walk->changes, &op);
}

static struct map_side copy_ending(struct map_side side, const char *end)
{
	size_t len = strlen(end);
	struct map_side copy = {NULL, 0, 0};

	for (size_t i = 0; i < side.count; i++) {
		struct span key = side.entries[i].key;

		if (key.len < len || memcmp(key.at + key.len - len, end, len) != 0)
			continue;
		MEM_GROW(copy.entries, copy.count, copy.cap);
		copy.entries[copy.count++] = side.entries[i];
	}
	return copy;
}

/*
 * Of entries whose keys end so, printed without that end.  What leads to an environment that comes
 * or goes as a whole is part of that.
 */
static void compare_claims(struct changes *changes, const struct map_pair *envs,
			   const struct map_pair *claims, const char *end, enum op_kind add)
{
	struct map_walk walk = {.changes = changes, .add = add};
	struct map_side old = copy_ending(claims->old, end), new = copy_ending(claims->new, end);
	size_t first = changes->count;

	walk_maps(&old, &new, on_entry, &walk);
	free(old.entries);
	free(new.entries);
	for (size_t i = first; i < changes->count; i++) {
		struct op *op = &changes->ops[i];

		op->name.len -= strlen(end);
		if (op->from.at == NULL)
			op->is_part = envs != NULL && find_entry(&envs->old, op->to) == NULL;
		else if (op->to.at == NULL)
			op->is_part = envs != NULL && find_entry(&envs->new, op->from) == NULL;
	}
}

/* --- all ------------------------------------------------------------------------------------- */

static const struct map_pair *find_map(const struct map_pair *maps, size_t count,
				       enum routing_map map)
{
	for (size_t i = 0; i < count; i++)
		if (span_is(maps[i].name, routing_map_name(map)))
			return &maps[i];
	return NULL;
}

static void compare_maps(struct changes *changes, const struct map_pair *maps, size_t count)
{
	static const struct {
		enum routing_map map;
		const char *end;
		enum op_kind add;
	} claims[] = {
	    {ROUTING_HOSTS, ROUTING_HOST_END, OP_HOST_ADD},
	    {ROUTING_HOSTS, ROUTING_PREFIX_END, OP_PREFIX_ADD},
	    {ROUTING_HEADERS, "", OP_HEADER_ADD},
	};
	const struct map_pair *envs = find_map(maps, count, ROUTING_ENVIRONMENTS);
	struct env_walk walk = {
	    changes,
	    envs,
	    find_map(maps, count, ROUTING_VERSIONS),
	    find_map(maps, count, ROUTING_ROUTES),
	    find_map(maps, count, ROUTING_CHOICES),
	};

	if (envs != NULL)
		walk_maps(&envs->old, &envs->new, on_env, &walk);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		const struct map_pair *pair = find_map(maps, count, claims[i].map);

		if (pair != NULL)
			compare_claims(changes, envs, pair, claims[i].end, claims[i].add);
	}
}

static void compare_entries_of(struct changes *changes, const struct map_pair *map)
{
	struct map_walk walk = {changes, map->name, OP_MAP_ADD};

	walk_maps(&map->old, &map->new, on_entry, &walk);
}

static bool is_other(const struct changes_file *file)
{
	struct span old = {file->old.data, file->old.len};

	return !file->is_there ||
	       span_compare(old, (struct span){file->new_text, file->new_len}) != 0;
}

struct changes *changes_make(struct changes_file *files, size_t count)
{
	struct changes *changes = MEM_NEW(changes);
	struct map_pair *maps = mem_alloc(count * sizeof(*maps));
	const struct changes_file *config = NULL;
	buf_auto struct buf pages = BUF_INIT;
	size_t map_count = 0;

	changes->files = files;
	changes->file_count = count;
	for (size_t i = 0; i < count; i++) {
		struct map_pair *map = &maps[map_count];

		*map = (struct map_pair){.name = map_name(files[i].name)};
		if (map->name.len != 0) {
			parse_side(&map->old, buf_str(&files[i].old), files[i].old.len);
			parse_side(&map->new, files[i].new_text, files[i].new_len);
			map_count++;
		} else if (strcmp(files[i].name, "haproxy.cfg") == 0) {
			config = &files[i];
		} else if (is_other(&files[i])) {
			buf_printf(&pages, "%s%s", pages.len == 0 ? "" : ", ", files[i].name);
		}
	}
	compare_maps(changes, maps, map_count);
	if (config != NULL && (is_other(config) || pages.len != 0))
		changes_compare_config(changes, config, buf_str(&pages));
	for (size_t i = 0; i < map_count; i++) {
		compare_entries_of(changes, &maps[i]);
		free(maps[i].old.entries);
		free(maps[i].new.entries);
	}
	free(maps);
	return changes;
}

void changes_free(struct changes *changes)
{
	if (changes == NULL)
		return;
	for (size_t i = 0; i < changes->file_count; i++)
		buf_fini(&changes->files[i].old);
	free(changes->files);
	free(changes->ops);
	for (size_t i = 0; i < changes->text_count; i++)
		free(changes->texts[i]);
	free(changes->texts);
	changes_free_config(changes->old);
	changes_free_config(changes->new);
	free(changes->reload);
	free(changes);
}

/* --- printing -------------------------------------------------------------------------------- */

void changes_print(const struct changes *changes, struct buf *ret_text)
{
	for (size_t i = 0; i < changes->count; i++)
		op_print(&changes->ops[i], ret_text);
}

void changes_print_json(const struct changes *changes, struct buf *ret_text)
{
	for (size_t i = 0; i < changes->count; i++) {
		if (i > 0)
			buf_add_char(ret_text, ',');
		op_print_json(&changes->ops[i], ret_text);
	}
}
