/* What a check is to ask, from a word. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/name.h"
#include "register/check.h"
#include "register/check_internal.h"

enum {
	SPEC_MAX_TEXT = 4096, /* of the whole word */
	SPEC_MAX_PATH = 2048,
	SPEC_MAX_ARGS = 64,
};

static int parse_port(const char *s, unsigned *ret_port, struct mf_err *err)
{
	int64_t n;

	if (!str_parse_int(s, 1, 65535, &n))
		return check_spec_refuse(s, err, "not a port from 1 to 65535");
	*ret_port = (unsigned)n;
	return 0;
}

/* Behind "tcp". */
static int parse_tcp(const char *s, struct check_spec *spec, struct mf_err *err)
{
	if (s[0] == '\0')
		return 0;
	if (strchr(s + 1, ':') == NULL)
		return parse_port(s + 1, &spec->port, err);
	return name_parse_endpoint(s + 1, strlen(s + 1), &spec->host, &spec->port, err);
}

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
		if (parse_port(colon + 1, &spec->port, err) != 0)
			return err->code;
	}
	if (host_len == 0)
		return 0;
	if (parse_host(whole, host_len, &spec->host, err) != 0)
		return err->code;
	if (spec->port == 0)
		spec->port = strcmp(spec->scheme, "https") == 0 ? 443 : 80;
	return 0;
}

/* Behind "http:" or "https:". */
static int parse_http(const char *s, struct check_spec *spec, struct mf_err *err)
{
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
	if (strlen(s) > SPEC_MAX_PATH)
		return check_spec_refuse(s, err, "too long (2048 bytes at most)");
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '#')
			return check_spec_refuse(s, err,
						 "a path is printable ASCII without space and #");
	spec->path = mem_dup_str(s);
	return 0;
}

/* Behind "exec:". */
static int parse_exec(const char *s, struct check_spec *spec, struct mf_err *err)
{
	if (str_has_control(s))
		return check_spec_refuse(s, err, "a control character");
	for (s += strspn(s, " "); *s != '\0'; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		strlist_add_bytes(&spec->argv, s, len);
		s += len;
	}
	if (spec->argv == NULL)
		return mf_err_set(err, MF_EDATA, "a program is missing behind exec:");
	if (strlist_count(spec->argv) > SPEC_MAX_ARGS)
		return mf_err_set(err, MF_EDATA, "more than %d words behind exec:", SPEC_MAX_ARGS);
	return 0;
}

static int parse_kind(const char *text, struct check_spec *spec, struct mf_err *err)
{
	static const char allowed[] = "must be tcp, tcp:PORT, tcp:ADDRESS:PORT, http:/PATH, "
				      "http://[HOST][:PORT]/PATH, the same with https, or "
				      "exec:PROGRAM [ARG...]";

	if (strlen(text) > SPEC_MAX_TEXT)
		return check_spec_refuse(text, err, "too long (4096 bytes at most)");
	if (strcmp(text, "tcp") == 0 || str_has_prefix(text, "tcp:")) {
		spec->kind = CHECK_TCP;
		return parse_tcp(text + strlen("tcp"), spec, err);
	}
	if (str_has_prefix(text, "exec:")) {
		spec->kind = CHECK_EXEC;
		return parse_exec(text + strlen("exec:"), spec, err);
	}
	if (!str_has_prefix(text, "http:") && !str_has_prefix(text, "https:"))
		return check_spec_refuse(text, err, allowed);
	spec->kind = CHECK_HTTP;
	spec->scheme = mem_dup_str(str_has_prefix(text, "https:") ? "https" : "http");
	spec->method = mem_dup_str("GET");
	return parse_http(text + strlen(spec->scheme) + 1, spec, err);
}

int check_spec_parse(const char *text, struct check_spec **ret_spec, struct mf_err *err)
{
	struct check_spec *spec = MEM_NEW(spec);

	*spec = (struct check_spec){
	    .status_min = 200,
	    .status_max = 399,
	    .interval_ms = 10000,
	    .timeout_ms = 2000,
	    .rise = 1,
	    .fall = 3,
	};
	if (parse_kind(text, spec, err) != 0) {
		check_spec_free(spec);
		return err->code;
	}
	*ret_spec = spec;
	return 0;
}
