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

enum { PART = 8000 }; /* entries of a map at a time: a millisecond or two */

/* What is made in turn: HAProxy's files, with two hashes before the last one, and the others. */
enum { STEP_SAMPLE = HAPROXY_FILES - 1, STEP_BARE, STEP_CONFIG, STEP_HOSTS, STEP_TARGETS };

struct output_job {
	struct template_set *templates;
	const struct snapshot *snapshot;
	const struct settings *settings;
	struct output_view *view;
	struct output_set set;
	size_t step;
	size_t at;	/* within the list that the step is over */
	size_t start;	/* where the group's outputs begin */
	uint64_t pages; /* hash */
	struct mf_err why;
};

/* All of it, or the next part of it, where at is not NULL. */
static int render(struct output_job *job, const char *name, template_escape_fn *escape, size_t *at,
		  struct buf *out)
{
	const struct template *tmpl;
	struct view root;
	size_t whole = 0;

	if (template_set_find(job->templates, name, &tmpl, &job->why) != 0)
		return job->why.code;
	output_view_root(job->view, &root);
	return template_render_part(job->templates, tmpl, &root, escape, at == NULL ? &whole : at,
				    at == NULL ? SIZE_MAX : PART, out, &job->why);
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

static int render_haproxy_file(struct output_job *job, const struct haproxy_file *file, size_t *at,
			       struct buf *out)
{
	int code;

	output_view_set_map(job->view, file->map);
	code = render(job, file->template, file->escape, at, out);
	output_view_set_map(job->view, ROUTING_MAP_COUNT);
	return code;
}

static void hash_output(const struct output *output, uint64_t *hash)
{
	uint64_t len = output->bytes.len;

	*hash = str_hash(*hash, output->name, strlen(output->name) + 1);
	*hash = str_hash(*hash, &len, sizeof(len));
	if (len != 0)
		*hash = str_hash_words(*hash, output->bytes.data, output->bytes.len);
}

static void set_hash(char ret[17], uint64_t hash)
{
	(void)snprintf(ret, 17, "%016" PRIx64, hash);
}

/* haproxy.cfg as it would be for another snapshot, added to the hash. */
static int hash_config(struct output_job *job, const struct snapshot *snapshot, uint64_t *hash)
{
	struct output output = {.name = (char *)(uintptr_t) "haproxy.cfg", .bytes = BUF_INIT};
	const struct snapshot *before = output_view_set_snapshot(job->view, snapshot);
	int code = render_haproxy_file(job, &haproxy_files[HAPROXY_FILES - 1], NULL, &output.bytes);

	(void)output_view_set_snapshot(job->view, before);
	if (code == 0)
		hash_output(&output, hash);
	buf_fini(&output.bytes);
	return code;
}

/* From the hash of the pages on.  haproxy.cfg carries the one; the other is of that as well. */
static int make_hash(struct output_job *job, bool is_sample)
{
	struct output_bare *bare = output_bare_new(job->snapshot, is_sample);
	uint64_t hash = job->pages;
	int code;

	if (is_sample)
		output_view_set_fingerprint(job->view, "");
	code = hash_config(job, output_bare_snapshot(bare), &hash);
	output_bare_free(bare);
	if (code != 0)
		return code;
	set_hash(is_sample ? job->set.fingerprint : job->set.structure, hash);
	if (is_sample)
		output_view_set_fingerprint(job->view, job->set.fingerprint);
	return 0;
}

/* One of HAProxy's files; or a part of it, at at. */
static int make_haproxy_file(struct output_job *job, const struct haproxy_file *file)
{
	struct output *output;

	if (job->at == 0) {
		output = add_output(&job->set, OUTPUT_HAPROXY, MODE_PUBLIC);
		output->name = mem_dup_str(file->name);
		output->path = haproxy_path(job->settings, file);
	}
	output = &job->set.outputs[job->set.count - 1];
	if (render_haproxy_file(job, file, &job->at, &output->bytes) != 0)
		return job->why.code;
	if (file->map == ROUTING_MAP_COUNT && file->escape != escape_haproxy)
		hash_output(output, &job->pages);
	job->set.keeps_dead = output_view_has_server_state(job->view);
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
static int make_hosts(struct output_job *job)
{
	struct output *output = add_output(&job->set, OUTPUT_DNSMASQ, MODE_PUBLIC);

	output->name = mem_dup_str("hosts");
	output->path = mem_dup_str(job->settings->dnsmasq.hosts);
	return render(job, "hosts", escape_word, NULL, &output->bytes);
}

static int make_target(struct output_job *job, size_t i)
{
	const struct settings_target *target = &job->settings->targets[i];
	template_escape_fn *escape = escape_find(target->escape);
	struct output *output;

	if (escape == NULL)
		return mf_err_set(&job->why, MF_ECONFIG, "escape %s: there is none of that name",
				  target->escape);
	output = add_output(&job->set, OUTPUT_TARGET, target->mode);
	output->name = mem_printf("targets%s", target->output);
	output->path = mem_dup_str(target->output);
	output->target = i;
	return render(job, target->template, escape, NULL, &output->bytes);
}

/* --- all ---------------------------------------------------------------------------------------
 */

struct output_job *output_start(struct template_set *templates, const struct snapshot *snapshot,
				const struct settings *settings)
{
	struct output_job *job = MEM_NEW(job);

	job->templates = templates;
	job->snapshot = snapshot;
	job->settings = settings;
	job->view = output_view_new(snapshot, settings);
	job->pages = STR_HASH_INIT;
	return job;
}

static int make_step(struct output_job *job)
{
	switch (job->step) {
	case STEP_SAMPLE:
	case STEP_BARE:
		return make_hash(job, job->step == STEP_SAMPLE);
	case STEP_CONFIG:
		return make_haproxy_file(job, &haproxy_files[HAPROXY_FILES - 1]);
	case STEP_HOSTS:
		return make_hosts(job);
	default:
		break;
	}
	if (job->step < STEP_SAMPLE)
		return make_haproxy_file(job, &haproxy_files[job->step]);
	return make_target(job, job->step - STEP_TARGETS);
}

static const char *step_group(const struct output_job *job)
{
	if (job->step < STEP_HOSTS)
		return "haproxy";
	if (job->step == STEP_HOSTS)
		return "dnsmasq";
	return job->settings->targets[job->step - STEP_TARGETS].output;
}

/* A group that failed leaves nothing behind it but its words. */
static void drop_group(struct output_job *job)
{
	drop_outputs(&job->set, job->start);
	job->at = 0;
	if (job->step >= STEP_HOSTS)
		return;
	job->set.fingerprint[0] = job->set.structure[0] = '\0';
	job->set.keeps_dead = false;
	job->step = STEP_CONFIG;
}

static void seal(struct output_set *set)
{
	struct output *output = set->count == 0 ? NULL : &set->outputs[set->count - 1];

	if (output == NULL || output->digest != 0)
		return;
	output->len = output->bytes.len;
	output->digest =
	    str_hash_words(OUTPUT_DIGEST_INIT, buf_str(&output->bytes), output->bytes.len);
}

bool output_go_on(struct output_job *job,
		  void (*on_bad)(void *ctx, const char *group, const struct mf_err *why), void *ctx)
{
	if (job->step == STEP_TARGETS + job->settings->target_count)
		return false;
	if (make_step(job) != 0) {
		on_bad(ctx, step_group(job), &job->why);
		drop_group(job);
	}
	if (job->at != 0)
		return true;
	seal(&job->set);
	if (++job->step >= STEP_HOSTS)
		job->start = job->set.count;
	return true;
}

int output_end(struct output_job *job, struct output_set *ret_set, struct mf_err *err)
{
	int code = 0;

	*ret_set = job->set;
	if (job->set.count == 0)
		code = mf_err_set(err, job->why.code, "nothing can be rendered: %s", job->why.msg);
	job->set = (struct output_set){0};
	output_cancel(job);
	return code;
}

void output_cancel(struct output_job *job)
{
	if (job == NULL)
		return;
	output_set_fini(&job->set);
	output_view_free(job->view);
	free(job);
}

int output_render(struct template_set *templates, const struct snapshot *snapshot,
		  const struct settings *settings,
		  void (*on_bad)(void *ctx, const char *group, const struct mf_err *why), void *ctx,
		  struct output_set *ret_set, struct mf_err *err)
{
	struct output_job *job = output_start(templates, snapshot, settings);

	while (output_go_on(job, on_bad, ctx))
		;
	return output_end(job, ret_set, err);
}

void output_set_drop_bytes(struct output_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		buf_fini(&set->outputs[i].bytes);
}

void output_set_fini(struct output_set *set)
{
	drop_outputs(set, 0);
	free(set->outputs);
	*set = (struct output_set){0};
}
