/* mayfly link: a signed address by which a browser is handed in to an environment. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/env.h"
#include "model/host.h"
#include "model/settings.h"
#include "model/table.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/explain.h"
#include "operator/facts.h"
#include "operator/reading.h"
#include "store/link_key.h"

#define DEFAULT_MS (INT64_C(24) * 60 * 60 * 1000)

/* A name to enter at, of an environment that this one extends. */
static const char *find_host(const struct reading *reading, const struct env *env)
{
	for (size_t i = 0; i < env->lineage_count; i++) {
		const struct env *parent = snapshot_find_env(reading->snapshot, env->lineage[i]);

		if (parent == NULL || parent == env || parent->doors[DOOR_ENTER] == NULL)
			continue;
		for (size_t j = 0; j < parent->host_count; j++)
			if (!host_is_wildcard(parent->hosts[j]))
				return parent->hosts[j];
	}
	return NULL;
}

/* Whether browsers may be handed in at that host. */
static int check_host(const struct call *call, const struct reading *reading,
		      const struct request *request, struct mf_err *err)
{
	struct explanation e = {
	    .reading = reading, .settings = call->settings, .request = *request};
	const struct env *env;
	char get[] = "GET";
	int code = 0;

	e.method = get;
	e.maps = maps_new(reading->snapshot);
	explain_walk(&e);
	env = e.split != NULL ? e.split : e.env;
	if (request->door != REQUEST_EXTERNAL)
		code = mf_err_set(err, MF_EUSAGE, "%s: it is not for visitors", request->host);
	else if (env == NULL)
		code = mf_err_set(err, MF_ENOINPUT, "no environment has the host name %s",
				  request->host);
	else if (env->doors[DOOR_ENTER] == NULL)
		code = mf_err_set(err, MF_EDATA,
				  "%s is of environment %s, which does not say enter: cookie",
				  request->host, env->name);
	explain_fini(&e);
	maps_free(e.maps);
	return code;
}

/* "https://host:port" and "/path" of what was typed, whose host has been read already. */
static char *split_url(const char *url, const char *scheme, const char **ret_path)
{
	const char *colon = strstr(url, "://"), *authority = colon == NULL ? url : colon + 3;
	size_t len = strcspn(authority, "/?#");
	mem_auto_free char *host = mem_dup_bytes(authority, len);

	*ret_path = authority + len;
	return colon == NULL ? mem_printf("%s://%s", scheme, host)
			     : mem_printf("%.*s%s", (int)(authority - url), url, host);
}

static int print_link(const struct call *call, const char *env, const char *url, const char *host,
		      struct mf_err *err)
{
	int64_t for_ms = call->options.for_ms == 0 ? DEFAULT_MS : call->options.for_ms;
	int64_t until = (int64_t)time(NULL) + for_ms / 1000;
	unsigned char key[LINK_KEY_BYTES];
	char signature[LINK_SIGNATURE_SIZE] = "";
	const char *path;
	mem_auto_free char *origin =
	    split_url(url, settings_has_tls(call->settings) ? "https" : "http", &path);

	if (link_key_load(call->settings->haproxy.link_key, key, err) != 0 ||
	    link_sign(key, host, env, until, signature, err) != 0)
		return err->code;
	if (strpbrk(path, "?#") != NULL)
		return mf_err_set(err, MF_EUSAGE, "%s: a path, but neither query nor fragment",
				  url);
	printf("%s/.mayfly/enter/%s%s?until=%lld&key=%s\n", origin, env,
	       strcmp(path, "/") == 0 ? "" : path, (long long)until, signature);
	return 0;
}

static int run_of(struct call *call, const struct reading *reading, struct mf_err *err)
{
	const char *url = call->argc > 1 ? call->argv[1] : NULL;
	const struct env *env;
	struct request request;
	int code;

	if (facts_find_env(reading, call->argv[0], &env, err) != 0)
		return err->code;
	if (url == NULL && (url = find_host(reading, env)) == NULL)
		return mf_err_set(err, MF_EDATA,
				  "environment %s extends none that says enter: cookie and has a "
				  "host name: give a URL",
				  env->name);
	if (request_parse(url, NULL, false, call->settings, &request, err) != 0)
		return err->code;
	code = check_host(call, reading, &request, err);
	if (code == 0)
		code = print_link(call, env->name, url, request.host, err);
	request_fini(&request);
	return code;
}

static int run(struct call *call, struct mf_err *err)
{
	struct reading reading;
	int code;

	if (call->settings->haproxy.link_key[0] == '\0')
		return mf_err_set(err, MF_ECONFIG,
				  "haproxy.link_key: names no file, so no HAProxy takes links");
	code = reading_take(call, &reading, err);
	if (code != 0)
		return code;
	code = run_of(call, &reading, err);
	reading_fini(&reading);
	return code;
}

static const struct command commands[] = {
    {"", NULL, "ENV [URL]", 1, 2, TAKES_ETCD | TAKES_FILES | TAKES_FOR,
     "print a signed address that shows an environment at another one's host name", .run = run},
    {0},
};
const struct noun noun_link = {"link", NULL, commands};
