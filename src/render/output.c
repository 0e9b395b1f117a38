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
#include "model/places.h"
#include "model/settings.h"
#include "model/shared_list.h"
#include "model/table.h"
#include "render/escape.h"
#include "render/output_bare.h"
#include "render/output_reserve.h"
#include "render/output_view.h"
#include "render/section.h"
#include "render/view.h"

#define MODE_OF_HASHES 0640
#define MODE_PUBLIC    0644 /* daemons read them after they have dropped their privileges */

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
    {"maps/no-connection", "no-connection", escape_word, ROUTING_MAP_COUNT},
    {"maps/activity", "activity", escape_word, ROUTING_MAP_COUNT},
    {"maps/door.lua", "door.lua", escape_word, ROUTING_MAP_COUNT},
    {"maps/too-slow", "too-slow", escape_word, ROUTING_MAP_COUNT},
    {"haproxy.cfg", "haproxy.cfg", escape_haproxy, ROUTING_MAP_COUNT},
};

#define HAPROXY_FILES (sizeof(haproxy_files) / sizeof(haproxy_files[0]))

/* One group being made. */
struct output_job {
	struct template_set *templates;
	const struct snapshot *snapshot;
	const struct settings *settings;
	struct output_view *view;
	struct output_set *set;
	uint64_t pages; /* hash */
	struct output_reserve *reserve;
	struct mf_err *err;
};

static int render(struct output_job *job, const char *name, template_escape_fn *escape,
		  struct buf *out)
{
	const struct template *tmpl;
	struct view root;

	if (template_set_find(job->templates, name, &tmpl, job->err) != 0)
		return job->err->code;
	output_view_root(job->view, &root);
	return template_render(job->templates, tmpl, &root, escape, out, job->err);
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

static int render_haproxy_file(struct output_job *job, const struct haproxy_file *file,
			       struct buf *out)
{
	int code;

	output_view_set_map(job->view, file->map);
	code = render(job, file->template, file->escape, out);
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

/* haproxy.cfg as it is for another snapshot. */
static int render_config(struct output_job *job, const struct snapshot *snapshot, struct buf *out)
{
	const struct snapshot *before = output_view_set_snapshot(job->view, snapshot);
	int code = render_haproxy_file(job, &haproxy_files[HAPROXY_FILES - 1], out);

	(void)output_view_set_snapshot(job->view, before);
	return code;
}

/* From the hash of the pages on.  haproxy.cfg carries the one; the other is of that as well. */
static void set_hash(struct output_job *job, char ret[17], const struct buf *config)
{
	struct output output = {.name = (char *)(uintptr_t) "haproxy.cfg", .bytes = *config};
	unsigned reserve = job->settings->haproxy.reserve;
	uint64_t hash = str_hash(job->pages, &reserve, sizeof(reserve));

	hash_output(&output, &hash);
	(void)snprintf(ret, 17, "%016" PRIx64, hash);
}

/* The fingerprint, and what is kept in reserve. */
static int make_fingerprint(struct output_job *job)
{
	struct output_bare *samples = output_bare_new(job->snapshot, true);
	buf_auto struct buf config = BUF_INIT;
	int code;

	output_view_set_fingerprint(job->view, "");
	output_view_hide_uses(job->view, true);
	code = render_config(job, output_bare_snapshot(samples), &config);
	output_view_hide_uses(job->view, false);
	if (code == 0) {
		set_hash(job, job->set->fingerprint, &config);
		output_view_set_fingerprint(job->view, job->set->fingerprint);
		job->reserve = output_reserve_new(job->snapshot, samples,
						  (struct span){config.data, config.len},
						  job->settings->haproxy.reserve);
	}
	output_bare_free(samples);
	return code;
}

static int make_structure(struct output_job *job)
{
	struct output_bare *bare = output_bare_new(job->snapshot, false);
	buf_auto struct buf config = BUF_INIT;
	int code = render_config(job, output_bare_snapshot(bare), &config);

	output_bare_free(bare);
	if (code == 0)
		set_hash(job, job->set->structure, &config);
	return code;
}

static void seal(struct output *output)
{
	output->len = output->bytes.len;
	output->digest =
	    str_hash_words(OUTPUT_DIGEST_INIT, buf_str(&output->bytes), output->bytes.len);
}

static int make_haproxy_file(struct output_job *job, const struct haproxy_file *file)
{
	bool is_public = job->reserve == NULL || job->settings->user_lists.count == 0;
	struct output *output =
	    add_output(job->set, OUTPUT_HAPROXY, is_public ? MODE_PUBLIC : MODE_OF_HASHES);

	output->name = mem_dup_str(file->name);
	output->path = haproxy_path(job->settings, file);
	if (job->reserve != NULL) { /* haproxy.cfg */
		if (render_config(job, output_reserve_snapshot(job->reserve), &output->bytes) != 0)
			return job->err->code;
	} else if (render_haproxy_file(job, file, &output->bytes) != 0) {
		return job->err->code;
	}
	if (file->map == ROUTING_MAP_COUNT && file->escape != escape_haproxy)
		hash_output(output, &job->pages);
	return 0;
}

/* Whether haproxy.cfg, which was made last, is the one that is known. */
static bool is_known(const struct output_job *job)
{
	const struct output_known *known = &job->set->known;
	struct output *config = &job->set->outputs[job->set->count - 1];

	seal(config);
	return known->structure != NULL && known->structure[0] != '\0' &&
	       config->len == known->len && config->digest == known->digest;
}

/* The fingerprint before haproxy.cfg, which carries it. */
static int make_haproxy(struct output_job *job, size_t i)
{
	int code = 0;

	(void)i;
	if (job->set->past != NULL)
		output_view_set_past(job->view, job->set->past);
	for (size_t at = 0; at < HAPROXY_FILES - 1 && code == 0; at++)
		code = make_haproxy_file(job, &haproxy_files[at]);
	if (code == 0)
		code = make_fingerprint(job);
	if (code == 0)
		code = make_haproxy_file(job, &haproxy_files[HAPROXY_FILES - 1]);
	if (code == 0 && is_known(job))
		(void)snprintf(job->set->structure, sizeof(job->set->structure), "%s",
			       job->set->known.structure);
	else if (code == 0)
		code = make_structure(job);
	output_reserve_free(job->reserve);
	job->set->keeps_dead = output_view_has_server_state(job->view);
	return code;
}

struct sought {
	struct span name;
	struct section *ret_section;
	bool is_found;
};

static void on_section(void *ctx, const struct section *section)
{
	struct sought *sought = ctx;

	if (span_compare(section->name, sought->name) != 0)
		return;
	sought->is_found = true;
	*sought->ret_section = *section;
	sought->ret_section->name = (struct span){NULL, 0}; /* it goes with the text */
}

int output_describe_backend(struct template_set *templates, const struct settings *settings,
			    const struct backend *backend, struct section *ret_section,
			    struct section_options *ret_options, struct mf_err *err)
{
	struct backend copy = *backend, *list[] = {&copy};
	struct snapshot snapshot = {.backends = list, .backend_count = 1};
	struct output_job job = {.templates = templates, .settings = settings, .err = err};
	struct sought sought = {span_of(backend->name), ret_section, false};
	buf_auto struct buf config = BUF_INIT;
	int code;

	copy.instances = output_bare_servers();
	copy.instance_count = 1;
	job.view = output_view_new(&snapshot, settings);
	code = render_haproxy_file(&job, &haproxy_files[HAPROXY_FILES - 1], &config);
	output_view_free(job.view);
	if (code != 0)
		return code;
	section_walk_backends((struct span){config.data, config.len}, on_section, &sought);
	section_find_options((struct span){config.data, config.len}, sought.name, ret_options);
	if (sought.is_found)
		return 0;
	return mf_err_set(err, MF_EDATA, "haproxy.cfg has no backend %s", backend->name);
}

char *output_certificate_list_path(const struct settings *settings)
{
	static const struct haproxy_file file = {"certificates/list", NULL, NULL,
						 ROUTING_MAP_COUNT};

	return haproxy_path(settings, &file);
}

char *output_server_state_path(const struct settings *settings)
{
	static const struct haproxy_file file = {"server-state", NULL, NULL, ROUTING_MAP_COUNT};

	return haproxy_path(settings, &file);
}

/* --- the others --------------------------------------------------------------------------------
 */

char *output_hostsdir_path(const struct settings *settings, const char *service)
{
	return mem_printf("%s/" OUTPUT_HOSTSDIR_PREFIX "%s", settings->dnsmasq.hostsdir, service);
}

/* A file depends on nothing but what it is for: a service's name, an environment's services, or the
 * names that people set. */
static int make_hostsdir_file(struct output_job *job, const char *name, const struct snapshot *of)
{
	struct output *output = add_output(job->set, OUTPUT_DNSMASQ, MODE_PUBLIC);
	const struct snapshot *none = output_view_set_snapshot(job->view, of);
	int code = render(job, "hosts", escape_word, &output->bytes);

	output->name = mem_printf(OUTPUT_HOSTSDIR "/" OUTPUT_HOSTSDIR_PREFIX "%s", name);
	output->path = output_hostsdir_path(job->settings, name);
	(void)output_view_set_snapshot(job->view, none);
	return code;
}

static int make_hostsdir_env(struct output_job *job, struct env *env)
{
	const struct snapshot one = {.envs = &env, .env_count = 1};
	mem_auto_free char *name = mem_printf(OUTPUT_HOSTSDIR_ENV "%s", env->name);

	return env->service_count == 0 ? 0 : make_hostsdir_file(job, name, &one);
}

static int make_hostsdir(struct output_job *job)
{
	static const struct snapshot none = {.service_count = 0};
	const struct places *places = output_view_places(job->view);
	struct output_job own = *job;
	int code = 0;

	own.view = output_view_new(&none, job->settings);
	output_view_share_places(own.view, places);
	for (size_t i = 0; i < job->snapshot->service_count && code == 0; i++) {
		const struct snapshot one = {.services = &job->snapshot->services[i],
					     .service_count = 1};

		code = make_hostsdir_file(&own, one.services[0], &one);
	}
	for (size_t i = 0; i < job->snapshot->env_count && code == 0; i++)
		if (job->settings->dnsmasq.environments ||
		    places_find(places, job->snapshot->envs[i]) != NULL)
			code = make_hostsdir_env(&own, job->snapshot->envs[i]);
	if (code == 0 && job->snapshot->names != NULL && job->snapshot->names->count > 0)
		code = make_hostsdir_file(&own, OUTPUT_HOSTSDIR_NAMES,
					  &(const struct snapshot){.names = job->snapshot->names});
	output_view_free(own.view);
	job->set->has_hostsdir = true;
	return code;
}

/* Made also when dnsmasq is not driven: then it has no path. */
static int make_hosts(struct output_job *job, size_t i)
{
	struct output *output;

	(void)i;
	if (job->settings->dnsmasq.hostsdir[0] != '\0')
		return make_hostsdir(job);
	output = add_output(job->set, OUTPUT_DNSMASQ, MODE_PUBLIC);
	output->name = mem_dup_str("hosts");
	output->path = mem_dup_str(job->settings->dnsmasq.hosts);
	return render(job, "hosts", escape_word, &output->bytes);
}

static int make_target(struct output_job *job, size_t i)
{
	const struct settings_target *target = &job->settings->targets[i];
	template_escape_fn *escape = escape_find(target->escape);
	struct output *output;

	if (escape == NULL)
		return mf_err_set(job->err, MF_ECONFIG, "escape %s: there is none of that name",
				  target->escape);
	output = add_output(job->set, OUTPUT_TARGET, target->mode);
	output->name = mem_printf("targets%s", target->output);
	output->path = mem_dup_str(target->output);
	output->target = i;
	return render(job, target->template, escape, &output->bytes);
}

/* --- all ---------------------------------------------------------------------------------------
 */

static const struct {
	const char *name; /* NULL: the target's output */
	int (*make)(struct output_job *job, size_t i);
} groups[] = {
    [OUTPUT_HAPROXY] = {"haproxy", make_haproxy},
    [OUTPUT_DNSMASQ] = {"dnsmasq", make_hosts},
    [OUTPUT_TARGET] = {NULL, make_target},
};

const char *output_group_name(const struct settings *settings, struct output_id id)
{
	return groups[id.group].name != NULL ? groups[id.group].name
					     : settings->targets[id.target].output;
}

bool output_nth_group(const struct settings *settings, size_t n, struct output_id *ret_id)
{
	*ret_id = n < OUTPUT_TARGET ? (struct output_id){(enum output_group)n, 0}
				    : (struct output_id){OUTPUT_TARGET, n - OUTPUT_TARGET};
	return ret_id->group != OUTPUT_TARGET || ret_id->target < settings->target_count;
}

/* A group that failed leaves nothing behind it but its message. */
int output_render_group(struct template_set *templates, const struct snapshot *snapshot,
			const struct settings *settings, struct output_id id,
			struct output_set *set, struct mf_err *err)
{
	struct output_job job = {
	    templates, snapshot,      settings, output_view_new(snapshot, settings),
	    set,       STR_HASH_INIT, NULL,	err};
	size_t start = set->count;
	int code = groups[id.group].make(&job, id.target);

	output_view_free(job.view);
	for (size_t i = start; i < set->count && code == 0; i++)
		seal(&set->outputs[i]);
	if (code == 0)
		return 0;
	drop_outputs(set, start);
	if (id.group == OUTPUT_HAPROXY) {
		set->fingerprint[0] = set->structure[0] = '\0';
		set->keeps_dead = false;
	}
	if (id.group == OUTPUT_DNSMASQ)
		set->has_hostsdir = false;
	return code;
}

int output_render(struct template_set *templates, const struct snapshot *snapshot,
		  const struct settings *settings,
		  void (*on_bad)(void *ctx, const char *group, const struct mf_err *why), void *ctx,
		  struct output_set *ret_set, struct mf_err *err)
{
	struct output_set set = {0};
	struct mf_err why = {0};
	struct output_id id;

	for (size_t n = 0; output_nth_group(settings, n, &id); n++)
		if (output_render_group(templates, snapshot, settings, id, &set, &why) != 0)
			on_bad(ctx, output_group_name(settings, id), &why);
	*ret_set = set;
	if (set.count > 0)
		return 0;
	return mf_err_set(err, why.code, "nothing can be rendered: %s", why.msg);
}

/* One that is not there or not right says so when it is rendered. */
void output_load_templates(struct template_set *templates, const struct settings *settings,
			   struct output_id id)
{
	const struct template *tmpl;
	struct mf_err err;

	for (size_t i = 0; id.group == OUTPUT_HAPROXY && i < HAPROXY_FILES; i++)
		(void)template_set_find(templates, haproxy_files[i].template, &tmpl, &err);
	if (id.group == OUTPUT_DNSMASQ)
		(void)template_set_find(templates, "hosts", &tmpl, &err);
	if (id.group == OUTPUT_TARGET)
		(void)template_set_find(templates, settings->targets[id.target].template, &tmpl,
					&err);
	template_set_load_links(templates);
}

void output_set_fini(struct output_set *set)
{
	drop_outputs(set, 0);
	free(set->outputs);
	*set = (struct output_set){0};
}
