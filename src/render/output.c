/*
 * The outputs: which files there are, from which template each is made, and where it goes.  Knows
 * neither what is in a file (templates) nor how it gets to its place (apply).
 */
#include "render/output.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/settings.h"
#include "render/escape.h"
#include "render/output_bare.h"
#include "render/output_view.h"
#include "render/view.h"

#define MODE_PUBLIC 0644 /* daemons read them after they have dropped their privileges */

/* HAProxy's files, in the order in which they are put into place: haproxy.cfg names the others. */
static const struct haproxy_file {
	const char *name;
	const char *template;
	template_escape_fn *escape;
	enum routing_map map;
} haproxy_files[] = {
#define X(id, map) {"maps/" map ".map", "map", escape_word, id},
    ROUTING_MAPS(X)
#undef X
	{"maps/503.html", "503.html", escape_html, ROUTING_MAP_COUNT},
    {"maps/503.json", "503.json", escape_word, ROUTING_MAP_COUNT},
    {"haproxy.cfg", "haproxy.cfg", escape_haproxy, ROUTING_MAP_COUNT},
};

#define HAPROXY_FILES (sizeof(haproxy_files) / sizeof(haproxy_files[0]))

struct rendering {
	struct template_set *templates;
	const struct snapshot *snapshot;
	const struct settings *settings;
	struct output_view *view;
	struct output_set *set;
};

static int render(const struct rendering *r, const char *name, template_escape_fn *escape,
		  struct buf *out, struct mf_err *err)
{
	const struct template *tmpl;
	struct view root;

	if (template_set_find(r->templates, name, &tmpl, err) != 0)
		return err->code;
	output_view_root(r->view, &root);
	return template_render(r->templates, tmpl, &root, escape, out, err);
}

/* A new output at the end of the set, still with neither name nor path. */
static struct output *add_output(struct output_set *set, enum output_group group, unsigned mode)
{
	struct output *output;

	set->outputs = mem_realloc(set->outputs, set->count + 1, sizeof(*set->outputs));
	output = &set->outputs[set->count++];
	*output = (struct output){.group = group, .mode = mode, .bytes = BUF_INIT};
	return output;
}

static void drop_outputs(struct output_set *set, size_t from)
{
	while (set->count > from) {
		struct output *output = &set->outputs[--set->count];

		free(output->name);
		free(output->path);
		buf_fini(&output->bytes);
	}
}

/* --- HAProxy -----------------------------------------------------------------------------------
 */

/* A file's place: haproxy.cfg where the settings say, the rest beside it. */
static char *haproxy_path(const struct settings *settings, const struct haproxy_file *file)
{
	const char *config = settings->haproxy.config;
	const char *slash = strrchr(config, '/');

	if (strcmp(file->name, "haproxy.cfg") == 0)
		return mem_dup_str(config);
	return mem_printf("%.*s%s", slash == NULL ? 0 : (int)(slash - config + 1), config,
			  file->name);
}

static int render_haproxy_file(const struct rendering *r, const struct haproxy_file *file,
			       struct buf *out, struct mf_err *err)
{
	int code;

	output_view_set_map(r->view, file->map);
	code = render(r, file->template, file->escape, out, err);
	output_view_set_map(r->view, ROUTING_MAP_COUNT);
	return code;
}

/* Eight bytes at a time: these are megabytes, where a byte at a time would be a tenth of it all. */
static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return str_hash(hash, bytes, len);
}

static void hash_output(const struct output *output, uint64_t *hash)
{
	uint64_t len = output->bytes.len;

	*hash = str_hash(*hash, output->name, strlen(output->name) + 1);
	*hash = str_hash(*hash, &len, sizeof(len));
	if (len != 0)
		*hash = hash_bytes(*hash, output->bytes.data, output->bytes.len);
}

static void set_hash(char ret[17], uint64_t hash)
{
	(void)snprintf(ret, 17, "%016" PRIx64, hash);
}

/* haproxy.cfg as it would be for another snapshot, added to the hash. */
static int hash_config(const struct rendering *r, const struct snapshot *snapshot, uint64_t *hash,
		       struct mf_err *err)
{
	struct output output = {.name = (char *)(uintptr_t) "haproxy.cfg", .bytes = BUF_INIT};
	const struct snapshot *before = output_view_set_snapshot(r->view, snapshot);
	int code = render_haproxy_file(r, &haproxy_files[HAPROXY_FILES - 1], &output.bytes, err);

	(void)output_view_set_snapshot(r->view, before);
	if (code == 0)
		hash_output(&output, hash);
	buf_fini(&output.bytes);
	return code;
}

/* From the hash of the pages on.  haproxy.cfg carries the one; the other is of that as well. */
static int set_hashes(const struct rendering *r, uint64_t pages, struct mf_err *err)
{
	struct output_bare *bare;
	uint64_t hash = pages;
	int code;

	output_view_set_fingerprint(r->view, "");
	bare = output_bare_new(r->snapshot, true);
	code = hash_config(r, output_bare_snapshot(bare), &hash, err);
	output_bare_free(bare);
	if (code != 0)
		return code;
	set_hash(r->set->fingerprint, hash);
	output_view_set_fingerprint(r->view, r->set->fingerprint);
	hash = pages;
	bare = output_bare_new(r->snapshot, false);
	code = hash_config(r, output_bare_snapshot(bare), &hash, err);
	output_bare_free(bare);
	set_hash(r->set->structure, hash);
	return code;
}

static int render_haproxy(const struct rendering *r, struct mf_err *err)
{
	uint64_t pages = STR_HASH_INIT;

	for (size_t i = 0; i < HAPROXY_FILES; i++) {
		const struct haproxy_file *file = &haproxy_files[i];
		struct output *output = add_output(r->set, OUTPUT_HAPROXY, MODE_PUBLIC);

		output->name = mem_dup_str(file->name);
		output->path = haproxy_path(r->settings, file);
		if (i == HAPROXY_FILES - 1 && set_hashes(r, pages, err) != 0)
			return err->code;
		if (render_haproxy_file(r, file, &output->bytes, err) != 0)
			return err->code;
		if (file->map == ROUTING_MAP_COUNT)
			hash_output(output, &pages);
	}
	r->set->keeps_dead = output_view_has_server_state(r->view);
	return 0;
}

char *output_server_state_path(const struct settings *settings)
{
	static const struct haproxy_file file = {"server-state", NULL, NULL, ROUTING_MAP_COUNT};

	return haproxy_path(settings, &file);
}

/* --- the others --------------------------------------------------------------------------------
 */

/* Made also when dnsmasq is not driven: then it has no path. */
static int render_dnsmasq(const struct rendering *r, struct mf_err *err)
{
	struct output *output = add_output(r->set, OUTPUT_DNSMASQ, MODE_PUBLIC);

	output->name = mem_dup_str("hosts");
	output->path = mem_dup_str(r->settings->dnsmasq.hosts);
	return render(r, "hosts", escape_word, &output->bytes, err);
}

static int render_target(const struct rendering *r, size_t i, struct mf_err *err)
{
	const struct settings_target *target = &r->settings->targets[i];
	template_escape_fn *escape = escape_find(target->escape);
	struct output *output;

	if (escape == NULL)
		return mf_err_set(err, MF_ECONFIG, "escape %s: there is none of that name",
				  target->escape);
	output = add_output(r->set, OUTPUT_TARGET, target->mode);
	output->name = mem_printf("targets%s", target->output);
	output->path = mem_dup_str(target->output);
	output->target = i;
	return render(r, target->template, escape, &output->bytes, err);
}

/* --- all ---------------------------------------------------------------------------------------
 */

typedef void bad_fn(void *ctx, const char *group, const struct mf_err *why);

/* A group that failed leaves nothing behind it but its words. */
static void end_group(struct output_set *set, size_t start, const char *group, int code,
		      const struct mf_err *why, bad_fn *on_bad, void *ctx)
{
	if (code == 0)
		return;
	drop_outputs(set, start);
	if (start == 0)
		set->fingerprint[0] = set->structure[0] = '\0';
	on_bad(ctx, group, why);
}

int output_render(struct template_set *templates, const struct snapshot *snapshot,
		  const struct settings *settings, bad_fn *on_bad, void *ctx,
		  struct output_set *ret_set, struct mf_err *err)
{
	struct mf_err why = {0};
	struct rendering r = {templates, snapshot, settings, output_view_new(snapshot, settings),
			      ret_set};
	size_t start = 0;

	*ret_set = (struct output_set){0};
	end_group(ret_set, start, "haproxy", render_haproxy(&r, &why), &why, on_bad, ctx);
	start = ret_set->count;
	end_group(ret_set, start, "dnsmasq", render_dnsmasq(&r, &why), &why, on_bad, ctx);
	for (size_t i = 0; i < settings->target_count; i++) {
		start = ret_set->count;
		end_group(ret_set, start, settings->targets[i].output, render_target(&r, i, &why),
			  &why, on_bad, ctx);
	}
	output_view_free(r.view);
	if (ret_set->count != 0)
		return 0;
	return mf_err_set(err, why.code, "nothing can be rendered: %s", why.msg);
}

void output_set_fini(struct output_set *set)
{
	drop_outputs(set, 0);
	free(set->outputs);
	*set = (struct output_set){0};
}
