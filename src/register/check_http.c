/* Checks of the kinds http and https: a request is answered as it should be. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"
#include "register/check_kind.h"
#include "sys/http.h"

enum {
	MAX_PATH = 2048,
	SEARCHED = 64 * 1024,	/* of a body */
	BUFFER_SIZE = 2 * 1024, /* many may be under way at once */
};

/* --- what to ask ------------------------------------------------------------------------------ */

static int parse_host(const char *s, size_t len, char **ret_host, struct mf_err *err)
{
	if (len > 1 && s[0] == '[' && s[len - 1] == ']')
		return name_parse_address(s + 1, len - 2, ret_host, err);
	if (name_check(NAME_HOST, s, len, err) != 0)
		return mf_err_wrap(err, "host");
	*ret_host = mem_dup_bytes(s, len);
	return 0;
}

/* "[HOST][:PORT]" */
static int parse_authority(const char *s, size_t len, struct check_spec *spec, struct mf_err *err)
{
	mem_auto_free char *whole = mem_dup_bytes(s, len);
	const char *bracket = strrchr(whole, ']'), *colon = strrchr(whole, ':');
	size_t host_len = len;

	if (colon != NULL && (bracket == NULL || colon > bracket)) {
		host_len = (size_t)(colon - whole);
		if (check_spec_parse_port(colon + 1, &spec->port, err) != 0)
			return err->code;
	}
	if (host_len == 0)
		return 0;
	if (parse_host(whole, host_len, &spec->host, err) != 0)
		return err->code;
	if (spec->port == 0)
		spec->port = spec->kind == &check_https ? 443 : 80;
	return 0;
}

static int parse(const char *s, struct check_spec *spec, struct mf_err *err)
{
	if (s[0] == ':')
		s++;
	if (str_has_prefix(s, "//")) {
		size_t len = strcspn(s + 2, "/?#");

		if (parse_authority(s + 2, len, spec, err) != 0)
			return err->code;
		s += 2 + len;
	}
	if (s[0] == '\0')
		s = "/";
	if (s[0] != '/')
		return check_spec_refuse(s, err, "a path begins with a slash");
	if (strlen(s) > MAX_PATH)
		return check_spec_refuse(s, err, "too long (2048 bytes at most)");
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '#')
			return check_spec_refuse(s, err,
						 "a path is printable ASCII without space and #");
	spec->path = mem_dup_str(s);
	if (spec->method == NULL)
		spec->method = mem_dup_str("GET");
	return 0;
}

static char *parse_path_word(const char *scheme, const char *path)
{
	return mem_printf("%s:%s%s", scheme, path[0] == '/' ? "" : "/", path);
}

static char *parse_http_word(const char *value, const struct check_target *target)
{
	(void)target;
	return parse_path_word("http", value);
}

static char *parse_https_word(const char *value, const struct check_target *target)
{
	(void)target;
	return parse_path_word("https", value);
}

/* A query may be a secret: it is not shown. */
static char *describe(const struct probe *p)
{
	mem_auto_free char *endpoint = probe_endpoint(p);

	return mem_printf("%s %s%.*s", p->spec->kind->name, endpoint,
			  (int)strcspn(p->spec->path, "?"), p->spec->path);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* libcurl's messages contain times, which would differ each time. */
static void finish_failed(struct probe *p, const struct mf_err *err)
{
	const char *reason = strstr(err->msg, ": "); /* after the peer, which p->what names */

	if (err->code == MF_ETIMEOUT || strstr(err->msg, "timed out") != NULL ||
	    strstr(err->msg, "Timeout") != NULL)
		probe_finish_late(p);
	else if (strstr(err->msg, "Failed to connect") != NULL)
		probe_finish(p, PROBE_FAILED, "cannot connect");
	else
		probe_finish(p, PROBE_FAILED, reason == NULL ? err->msg : reason + 2);
}

static void on_reply(void *ctx, const struct http_reply *reply, const struct mf_err *err)
{
	struct probe *p = ctx;
	const struct check_spec *spec = p->spec;
	mem_auto_free char *why = NULL;

	p->under_way = NULL;
	if (err != NULL && !reply->is_cut) {
		finish_failed(p, err);
		return;
	}
	if (reply->status < (int)spec->status_min || reply->status > (int)spec->status_max)
		why = mem_printf("status %d, not %u-%u", reply->status, spec->status_min,
				 spec->status_max);
	else if (spec->text != NULL &&
		 memmem(reply->body, reply->body_len, spec->text, strlen(spec->text)) == NULL)
		why = mem_printf("status %d, but the text is not there", reply->status);
	probe_finish(p, why == NULL ? PROBE_PASSED : PROBE_FAILED, why);
}

static void start(struct probe *p)
{
	mem_auto_free char *endpoint = probe_endpoint(p);
	mem_auto_free char *url =
	    mem_printf("%s://%s%s", p->spec->kind->name, endpoint, p->spec->path);
	const struct http_options options = {
	    .method = p->spec->method,
	    .url = url,
	    .headers = (const char *const *)p->spec->headers,
	    .connect_timeout_ms = p->spec->timeout_ms,
	    .deadline_ms = p->spec->timeout_ms,
	    .max_body = SEARCHED + BUFFER_SIZE,
	    .buffer_size = BUFFER_SIZE,
	    .is_fresh = true,
	};

	p->under_way = http_start(p->loop, &options, on_reply, p);
}

static void stop(struct probe *p)
{
	http_cancel(p->under_way);
	p->under_way = NULL;
}

const struct check_kind check_http = {
    .name = "http",
    .form = "http:/PATH, http://[HOST][:PORT]/PATH",
    .word = "http",
    .is_http = true,
    .parse = parse,
    .parse_word = parse_http_word,
    .describe = describe,
    .start = start,
    .stop = stop,
};

const struct check_kind check_https = {
    .name = "https",
    .form = "the same with https",
    .word = "https",
    .is_http = true,
    .parse = parse,
    .parse_word = parse_https_word,
    .describe = describe,
    .start = start,
    .stop = stop,
};
