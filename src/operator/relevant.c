/*
 * Texts are searched for names as they stand in JSON; only what is found there is parsed.  A text
 * with an escape may say anything, and matters.
 */
#include "operator/relevant.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/choice.h"
#include "model/env.h"
#include "model/host.h"
#include "model/settings.h"
#include "operator/request.h"
#include "store/etcd.h"

struct text {
	size_t name, at, len; /* in buf */
	int64_t created, revision;
	bool is_marked;
};

struct relevant {
	const struct request *request;
	const char *standard; /* the default environment; "" if there is none */
	char *label;	      /* the first of the host */
	struct buf buf;	      /* all names and texts, one behind the other */
	struct text *texts;
	size_t count, cap;
	size_t *marked; /* indices of texts */
	size_t marked_count, marked_cap;
	struct strmap *headers; /* whose claims have been looked for */
};

struct relevant *relevant_new(const struct request *request, const struct settings *settings)
{
	struct relevant *relevant = MEM_NEW(relevant);

	relevant->request = request;
	relevant->standard = settings->routing.default_environment;
	relevant->label = mem_dup_bytes(request->host, strcspn(request->host, "."));
	relevant->headers = strmap_new(NULL);
	return relevant;
}

void relevant_free(struct relevant *relevant)
{
	buf_fini(&relevant->buf);
	free(relevant->label);
	free(relevant->texts);
	free(relevant->marked);
	strmap_free(relevant->headers);
	free(relevant);
}

void relevant_add(struct relevant *relevant, const char *name, const struct etcd_kv *kv)
{
	struct buf *buf = &relevant->buf;
	struct text *added;

	MEM_GROW(relevant->texts, relevant->count, relevant->cap);
	added = &relevant->texts[relevant->count++];
	*added = (struct text){.name = buf->len,
			       .len = kv->value_len,
			       .created = kv->create_revision,
			       .revision = kv->mod_revision};
	buf_add(buf, name, strlen(name) + 1);
	added->at = buf->len;
	buf_add(buf, kv->value, kv->value_len);
	buf_add_char(buf, '\0');
}

static const char *name_of(const struct relevant *relevant, const struct text *text)
{
	return relevant->buf.data + text->name;
}

static const char *bytes_of(const struct relevant *relevant, const struct text *text)
{
	return relevant->buf.data + text->at;
}

/* --- what stands in a text -------------------------------------------------------------------- */

/* Whether a member of that name has that value, at whatever depth. */
static bool has_member(const char *text, const char *quoted_name, const char *value)
{
	static const char blanks[] = " \t\r\n";
	size_t len = strlen(value);

	while ((text = strstr(text, quoted_name)) != NULL) {
		text += strlen(quoted_name);
		text += strspn(text, blanks);
		if (*text != ':')
			continue;
		text += 1 + strspn(text + 1, blanks);
		if (*text == '"' && strncmp(text + 1, value, len) == 0 && text[1 + len] == '"')
			return true;
	}
	return false;
}

static bool has_string(const char *text, const char *value)
{
	size_t len = strlen(value);

	for (; (text = strstr(text, value)) != NULL; text++)
		if (text[-1] == '"' && text[len] == '"')
			return true;
	return false;
}

static bool has_wildcard_of(const char *text, const char *host)
{
	if (strstr(text, "\"" HOST_WILDCARD) == NULL)
		return false;
	for (size_t labels = HOST_WILDCARD_LABELS; labels > 0; labels--) {
		const char *domain = host_domain(host, labels);
		mem_auto_free char *wildcard =
		    mem_printf(HOST_WILDCARD "%s", domain == NULL ? "" : domain);

		if (domain != NULL && has_string(text, wildcard))
			return true;
	}
	return false;
}

static bool claims_host(const char *name, const char *text, const char *host, const char *label)
{
	return (str_has_prefix(label, ENV_DEFAULT_PREFIX) &&
		strcmp(label + strlen(ENV_DEFAULT_PREFIX), name) == 0) ||
	       has_member(text, "\"prefix\"", label) || has_string(text, host) ||
	       has_wildcard_of(text, host);
}

/* --- which matter ----------------------------------------------------------------------------- */

static void mark(struct relevant *relevant, size_t i)
{
	if (relevant->texts[i].is_marked)
		return;
	relevant->texts[i].is_marked = true;
	MEM_GROW(relevant->marked, relevant->marked_count, relevant->marked_cap);
	relevant->marked[relevant->marked_count++] = i;
}

static void mark_named(struct relevant *relevant, const char *name)
{
	for (size_t i = 0; i < relevant->count; i++)
		if (strcmp(name_of(relevant, &relevant->texts[i]), name) == 0)
			mark(relevant, i);
}

static bool is_whole(const char *text, size_t len)
{
	return memchr(text, '\\', len) == NULL && strlen(text) == len;
}

static void mark_by_host(struct relevant *relevant)
{
	const char *host = relevant->request->host;

	for (size_t i = 0; i < relevant->count; i++) {
		const struct text *text = &relevant->texts[i];
		const char *bytes = bytes_of(relevant, text);

		if (!is_whole(bytes, text->len) ||
		    claims_host(name_of(relevant, text), bytes, host, relevant->label))
			mark(relevant, i);
	}
}

/* Whoever wants that value of x-mayfly, or has it by its name. */
static void mark_by_header(struct relevant *relevant, const char *header)
{
	if (strmap_find(relevant->headers, header) != NULL)
		return;
	strmap_set(relevant->headers, header, relevant);
	mark_named(relevant, header);
	for (size_t i = 0; i < relevant->count; i++) {
		const struct text *text = &relevant->texts[i];
		const char *bytes = bytes_of(relevant, text);

		if (!is_whole(bytes, text->len) || has_member(bytes, "\"header\"", header))
			mark(relevant, i);
	}
}

/* Of a call between services.  `@<name>`: who does not have the value that it wants. */
static void mark_inside(struct relevant *relevant)
{
	const struct request *request = relevant->request;
	const char *dot = strrchr(request->service, '.');

	if (request->asked != NULL) {
		mark_by_header(relevant, request->asked);
		if (request->asked[0] == '@')
			mark_named(relevant, request->asked + 1);
	} else {
		mark_named(relevant, relevant->standard);
	}
	if (dot != NULL)
		mark_named(relevant, dot + 1);
}

/* Those that it depends on, and who else wants its header: it is what the next service is told. */
static void mark_around(struct relevant *relevant, const struct text *text)
{
	struct env *env;

	if (env_parse_json(name_of(relevant, text), bytes_of(relevant, text), text->len,
			   text->created, &env, NULL) != 0)
		return;
	for (size_t i = 0; i < env->parent_count; i++)
		mark_named(relevant, env->parents[i]);
	for (size_t i = 0; env->split != NULL && i < env->split->share_count; i++)
		mark_named(relevant, env->split->shares[i].version);
	if (strcmp(env->header, env->name) != 0)
		mark_by_header(relevant, env->header);
	env_unref(env);
}

static void give(const struct relevant *relevant, const struct text *text, relevant_fn *visit,
		 void *ctx)
{
	const struct etcd_kv kv = {.key = name_of(relevant, text),
				   .value = bytes_of(relevant, text),
				   .value_len = text->len,
				   .create_revision = text->created,
				   .mod_revision = text->revision};

	visit(ctx, kv.key, &kv);
}

void relevant_walk(struct relevant *relevant, relevant_fn *visit, void *ctx)
{
	if (relevant->request->door == REQUEST_EXTERNAL)
		mark_by_host(relevant);
	else
		mark_inside(relevant);
	for (size_t i = 0; i < relevant->marked_count; i++) {
		const struct text *text = &relevant->texts[relevant->marked[i]];

		mark_around(relevant, text);
		give(relevant, text, visit, ctx);
	}
}
