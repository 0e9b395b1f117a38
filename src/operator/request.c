/* From a URL and headers to what HAProxy looks up.  Knows no environment. */
#include "operator/request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/settings.h"

#define MAX_URL 8192

/* --- the path --------------------------------------------------------------------------------- */

static int hex_of(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Escapes of plain letters say the same as the letters; all others stay. */
static void decode_plain(const char *path, struct buf *text)
{
	for (const char *p = path; *p != '\0'; p++) {
		int byte = 0;

		if (p[0] == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2]))
			byte = hex_of(p[1]) * 16 + hex_of(p[2]);
		if (byte != 0 && byte < 128 && (isalnum(byte) || strchr("-._~", byte) != NULL)) {
			buf_add_char(text, (char)byte);
			p += 2;
		} else {
			buf_add_char(text, *p);
		}
	}
}

/* How long a slash, a backslash or the escape of one is there; 0: none. */
static size_t slash_like(const char *p, bool is_plain_too)
{
	if (*p == '\\' || (is_plain_too && *p == '/'))
		return 1;
	return strncasecmp(p, "%2f", 3) == 0 || strncasecmp(p, "%5c", 3) == 0 ? 3 : 0;
}

/* Whether programs differ in what they take `..` for. */
static bool is_vague(const char *path)
{
	for (const char *p = path; *p != '\0'; p++) {
		size_t n = slash_like(p, true);
		const char *behind = p + n + 2;
		bool is_odd = *p != '/';

		if (n == 0 || strncmp(p + n, "..", 2) != 0)
			continue;
		if (slash_like(behind, is_odd) > 0 || *behind == ';' || (is_odd && *behind == '\0'))
			return true;
	}
	return false;
}

/* Without empty parts, `.` and `..`; a slash at the end, as routes have it. */
static char *resolve_dots(const char *path)
{
	struct buf text = BUF_INIT;

	while (*path != '\0') {
		const char *part = path + strspn(path, "/");
		size_t len = strcspn(part, "/");

		path = part + len;
		if (len == 0 || (len == 1 && part[0] == '.'))
			continue;
		if (len != 2 || strncmp(part, "..", 2) != 0) {
			buf_add_char(&text, '/');
			buf_add(&text, part, len);
			continue;
		}
		while (text.len > 0 && text.data[--text.len] != '/')
			;
		if (text.data != NULL)
			text.data[text.len] = '\0';
	}
	buf_add_char(&text, '/');
	return buf_take(&text);
}

/* --- headers ---------------------------------------------------------------------------------- */

/* The value of a header of that name, without the spaces around it; NULL: it is another. */
static char *value_of(const char *header, const char *name)
{
	size_t n = strlen(name), len;

	if (strncasecmp(header, name, n) != 0 || header[n] != ':')
		return NULL;
	header += n + 1;
	header += strspn(header, " \t");
	len = strlen(header);
	while (len > 0 && strchr(" \t", header[len - 1]) != NULL)
		len--;
	return mem_dup_bytes(header, len);
}

/* The last one that says something. */
static char *last_value(char *const *headers, const char *name)
{
	char *last = NULL;

	for (; headers != NULL && *headers != NULL; headers++) {
		char *value = value_of(*headers, name);

		if (value == NULL || value[0] == '\0') {
			free(value);
			continue;
		}
		free(last);
		last = value;
	}
	return last;
}

/* `mayfly=VALUE` of a member `mayfly = VALUE ; property`; NULL: it is another, or empty. */
static char *member_value(const char *member)
{
	member += strspn(member, " \t");
	if (strncasecmp(member, "mayfly", 6) != 0)
		return NULL;
	member += 6;
	member += strspn(member, " \t");
	if (*member != '=')
		return NULL;
	member++;
	member += strspn(member, " \t");
	return strcspn(member, " \t;") == 0 ? NULL : mem_dup_bytes(member, strcspn(member, " \t;"));
}

/* The last member `mayfly` of all lines of baggage (W3C). */
static char *find_in_baggage(char *const *headers)
{
	char *last = NULL;

	for (; headers != NULL && *headers != NULL; headers++) {
		mem_auto_free char *baggage = value_of(*headers, "baggage");
		char **members = baggage == NULL ? NULL : strlist_split(baggage, ',');

		for (size_t i = 0; members != NULL && members[i] != NULL; i++) {
			char *value = member_value(members[i]);

			if (value == NULL)
				continue;
			free(last);
			last = value;
		}
		strlist_free(members);
	}
	return last;
}

static char *find_asked(char *const *headers)
{
	char *asked = last_value(headers, "x-mayfly");

	return asked != NULL ? asked : find_in_baggage(headers);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* As host_only, lower and rtrim(.) have it. */
static char *make_host(const char *text, size_t len)
{
	char *host = mem_dup_bytes(text, len);

	if (host[0] != '[')
		host[strcspn(host, ":")] = '\0';
	len = strlen(host);
	while (len > 0 && host[len - 1] == '.')
		host[--len] = '\0';
	for (char *p = host; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return host;
}

static void set_outside(struct request *request, const char *path, char *const *headers)
{
	buf_auto struct buf plain = BUF_INIT;
	mem_auto_free char *ignored = find_asked(headers);

	decode_plain(path, &plain);
	request->is_vague = is_vague(buf_str(&plain));
	request->path = resolve_dots(buf_str(&plain));
	request->is_ignored = ignored != NULL;
}

static void set_local(struct request *request, const char *path, char *const *headers)
{
	const char *name = path + 1;
	size_t len = strcspn(name, "/");

	request->service = make_host(name, len);
	request->path = mem_printf("/%s", name[len] == '/' ? name + len + 1 : "");
	request->asked = find_asked(headers);
}

/* Where calls between services come in, and the host names a service. */
static bool is_inside(const struct settings *settings, const char *host, const char *suffix)
{
	return str_has_suffix(host, suffix) &&
	       (settings->haproxy.internal_bind[0] != NULL || settings_has_single_port(settings));
}

int request_parse(const char *url, char *const *headers, bool is_local,
		  const struct settings *settings, struct request *ret_request, struct mf_err *err)
{
	mem_auto_free char *suffix = mem_printf(".%s", settings->routing.service_suffix);
	mem_auto_free char *other_host = last_value(headers, "host");
	const char *scheme = strstr(url, "://"), *authority = scheme == NULL ? url : scheme + 3;
	size_t host_len = strcspn(authority, "/?#");
	mem_auto_free char *path =
	    mem_printf("%s%s", authority[host_len] == '/' ? "" : "/", authority + host_len);
	struct request request = {.door = REQUEST_EXTERNAL};

	if (strlen(url) > MAX_URL || host_len == 0 || str_has_control(url))
		return mf_err_set(err, MF_EUSAGE, "the URL must be as http://HOST/PATH");
	if (scheme != NULL && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return mf_err_set(err, MF_EUSAGE, "the URL must begin with http:// or https://");
	path[strcspn(path, "?#")] = '\0';
	request.host = other_host != NULL ? make_host(other_host, strlen(other_host))
					  : make_host(authority, host_len);
	if (is_local) {
		request.door = REQUEST_LOCAL;
		set_local(&request, path, headers);
	} else if (is_inside(settings, request.host, suffix)) {
		request.door = REQUEST_INTERNAL;
		request.service =
		    mem_dup_bytes(request.host, strlen(request.host) - strlen(suffix));
		request.path = mem_dup_str(path);
		request.asked = find_asked(headers);
	} else {
		set_outside(&request, path, headers);
	}
	*ret_request = request;
	return 0;
}

void request_fini(struct request *request)
{
	free(request->host);
	free(request->path);
	free(request->service);
	free(request->asked);
}
