/*
 * The outputs: a snapshot and settings in, named files out.  The one place that knows which files
 * there are.  kvwatch and cfgrender both come here, so what CI showed is what happens.
 */
#ifndef MF_RENDER_OUTPUT_H
#define MF_RENDER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "render/template.h"

struct backend;
struct mf_err;
struct routing_past;
struct section;
struct section_options;
struct settings;
struct snapshot;
struct view;

/* There is one group of each kind, but one for each target, which are the last. */
enum output_group { OUTPUT_HAPROXY, OUTPUT_DNSMASQ, OUTPUT_TARGET };

struct output {
	enum output_group group;
	size_t target; /* index in settings->targets for OUTPUT_TARGET */
	char *name;    /* relative, below --output-dir: "haproxy.cfg", "maps/routes.map", "hosts" */
	char *path;    /* where kvwatch puts it; "": nowhere, it is made for --output-dir only */
	unsigned mode;
	struct buf bytes;
	size_t len;	 /* of the bytes */
	uint64_t digest; /* of them: OUTPUT_DIGEST_INIT, then str_hash_words */
};

#define OUTPUT_DIGEST_INIT UINT64_C(0x6d617966)

/* What is known of a haproxy.cfg: the same one has the same structure (below). */
struct output_known {
	size_t len;
	uint64_t digest;
	const char *structure; /* borrowed; NULL: nothing is known */
};

struct output_set {
	const struct routing_past *past; /* to be in HAProxy's maps, too; borrowed, NULL: nothing */
	struct output_known known;
	struct output *outputs; /* in the order in which they are to be renamed into place */
	size_t count;
	/*
	 * Of what only a reload can bring to a running HAProxy, 16 hex digits: haproxy.cfg carries
	 * `mayfly-<fingerprint>` as description.  That is haproxy.cfg with, in the
	 * place of its backends samples for each service with settings of its own, and for all
	 * others; how many are kept in reserve; and the pages.  Neither names
	 * that requests are asked for, whose marks can be read back (model/uses.h), nor maps nor
	 * servers nor which versions there are count: they come and go by the runtime API, and what
	 * HAProxy holds of them can be read back.
	 * "" when HAProxy's group failed.
	 */
	char fingerprint[17];
	/* Of what HAProxy's check is worth for: the pages, and haproxy.cfg with all of its
	 * backends, but no server. */
	char structure[17];
	bool keeps_dead; /* haproxy.cfg looks into the file of output_server_state_path */
	/* dnsmasq's are a file for each service: any other of OUTPUT_HOSTSDIR_PREFIX must go. */
	bool has_hostsdir;
};

/* Of the names of dnsmasq's files below dnsmasq.hostsdir; a service's name follows. */
#define OUTPUT_HOSTSDIR_PREFIX "mayfly-"
#define OUTPUT_HOSTSDIR_NAMES  ":names"	  /* in the place of a service: names that people set */
#define OUTPUT_HOSTSDIR_ENV    ":env-"	  /* the same: before an environment's name */
#define OUTPUT_HOSTSDIR	       "hostsdir" /* in the place of dnsmasq.hostsdir below --output-dir */
char *output_hostsdir_path(const struct settings *settings, const char *service);

/* The view that every template of the outputs sees; borrows both.  Printed by --print-view. */
struct output_view;
struct output_view *output_view_new(const struct snapshot *snapshot,
				    const struct settings *settings);
void output_view_root(const struct output_view *view, struct view *ret_view);
void output_view_free(struct output_view *view);

/*
 * Render all outputs.  A template error fails only its group: MF_EDATA in the set is reported by
 * on_bad with the group's name, and that group's files are left out.  Fails when there is nothing
 * left.  dnsmasq's "hosts" is always there, with path "" where dnsmasq is not driven; but where
 * there is dnsmasq.hostsdir, there is "hostsdir/mayfly-<service>" for each service, of which the
 * template sees nothing but that service; and one for each environment with services, if they have
 * names.
 */
int output_render(struct template_set *templates, const struct snapshot *snapshot,
		  const struct settings *settings,
		  void (*on_bad)(void *ctx, const char *group, const struct mf_err *why), void *ctx,
		  struct output_set *ret_set, struct mf_err *err);
void output_set_fini(struct output_set *set);

/* One group of them. */
struct output_id {
	enum output_group group;
	size_t target; /* index in settings->targets for OUTPUT_TARGET, else 0 */
};
/* The n-th group that there can be by these settings; false: there are not so many. */
bool output_nth_group(const struct settings *settings, size_t n, struct output_id *ret_id);
/* "haproxy", "dnsmasq", a target's output path; borrowed from the settings. */
const char *output_group_name(const struct settings *settings, struct output_id id);
/* Its outputs, added to the set; on failure none. */
int output_render_group(struct template_set *templates, const struct snapshot *snapshot,
			const struct settings *settings, struct output_id id,
			struct output_set *set, struct mf_err *err);
/*
 * Load the group's templates, and all that they name, so that each rendering in a copy of this
 * process finds the same ones, whatever has become of their files.
 */
void output_load_templates(struct template_set *templates, const struct settings *settings,
			   struct output_id id);

/*
 * What haproxy.cfg says of one backend besides its name, and of its servers besides theirs.  Of the
 * snapshot nothing else is looked at, and the section's name is left out.
 */
int output_describe_backend(struct template_set *templates, const struct settings *settings,
			    const struct backend *backend, struct section *ret_section,
			    struct section_options *ret_options, struct mf_err *err);

/* The crt-list of haproxy.tls, which apply/certificates.h keeps.  Not an output. */
char *output_certificate_list_path(const struct settings *settings);

/* Where HAProxy finds at a reload which servers were down: beside haproxy.cfg.  Not an output. */
char *output_server_state_path(const struct settings *settings);

#endif
