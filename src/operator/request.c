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
#include "operator/cookie.h"

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

static bool is_semicolon(const char *p)
{
	return *p == ';' || strncasecmp(p, "%3b", 3) == 0;
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
		if (slash_like(behind, is_odd) > 0 || is_semicolon(behind) ||
		    (is_odd && *behind == '\0'))
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

/*
 * As services have it that take `%2f`, `%5c` and a backslash for a slash, and leave out the end of
 * a segment from `;` or `%3b` on.
 */
static char *read_leniently(const char *path)
{
	buf_auto struct buf text = BUF_INIT;

	while (*path != '\0') {
		size_t n = slash_like(path, true);

		if (n > 0) {
			buf_add_char(&text, '/');
			path += n;
		} else if (is_semicolon(path)) {
			while (*path != '\0' && slash_like(path, true) == 0)
				path++;
		} else {
			buf_add_char(&text, *path++);
		}
	}
	return resolve_dots(buf_str(&text));
}

/* --- headers ---------------------------------------------------------------------------------- */

char *request_header_value(const char *header, const char *name)
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
		char *value = request_header_value(*headers, name);

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
		mem_auto_free char *baggage = request_header_value(*headers, "baggage");
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
	str_lower(host);
	return host;
}

static void set_outside(struct request *request, const char *path, char *const *headers)
{
	buf_auto struct buf plain = BUF_INIT;
	mem_auto_free char *ignored = find_asked(headers);

	decode_plain(path, &plain);
	request->is_vague = is_vague(buf_str(&plain));
	request->path = resolve_dots(buf_str(&plain));
	request->read_path = read_leniently(request->path);
	if (strcmp(request->read_path, request->path) == 0) {
		free(request->read_path);
		request->read_path = NULL;
	}
	request->is_open = str_has_suffix(buf_str(&plain), "/") ||
			   str_has_suffix(buf_str(&plain), "/.") || strcmp(request->path, "/") == 0;
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

struct url {
	const char *host; /* with its port; not ended */
	size_t host_len;
	char *path; /* '/' first, without query and fragment; to be freed */
};

/* Behind the user's name and the password, which are not sent as part of the host. */
static void skip_user(struct url *url)
{
	for (size_t i = url->host_len; i > 0; i--) {
		if (url->host[i - 1] != '@')
			continue;
		url->host += i;
		url->host_len -= i;
		return;
	}
}

/* "host", "host:80", "[::1]:80" */
static bool is_host(const char *host, size_t len)
{
	size_t name_len = host[0] == '[' ? strcspn(host, "]/?#") + 1 : strcspn(host, ":/?#");
	mem_auto_free char *port = NULL;
	int64_t n;

	if (name_len >= len)
		return name_len == len && len > 0;
	port = mem_dup_bytes(host + name_len + 1, len - name_len - 1);
	return name_len > 0 && host[name_len] == ':' &&
	       (port[0] == '\0' || str_parse_int(port, 1, 65535, &n));
}

/* What a client of HTTP would send: `http://HOST/PATH`, or without its `http://`. */
static bool parse_url(const char *text, struct url *ret_url, const char **ret_why)
{
	size_t scheme_len = strcspn(text, ":/?#");
	bool has_scheme = strncmp(text + scheme_len, "://", 3) == 0;
	struct url url = {.host = has_scheme ? text + scheme_len + 3 : text};

	if (has_scheme && strncasecmp(text, "http://", 7) != 0 &&
	    strncasecmp(text, "https://", 8) != 0) {
		*ret_why = "the URL must begin with http:// or https://";
		return false;
	}
	url.host_len = strcspn(url.host, "/?#");
	skip_user(&url);
	if (strlen(text) > MAX_URL || str_has_control(text) || strchr(text, ' ') != NULL ||
	    !is_host(url.host, url.host_len)) {
		*ret_why = "the URL must be as http://HOST[:PORT]/PATH";
		return false;
	}
	text = url.host + url.host_len;
	url.path = mem_printf("%s%.*s", text[0] == '/' ? "" : "/", (int)strcspn(text, "?#"), text);
	*ret_url = url;
	return true;
}

int request_parse(const char *text, char *const *headers, bool is_local,
		  const struct settings *settings, struct request *ret_request, struct mf_err *err)
{
	mem_auto_free char *suffix = mem_printf(".%s", settings->routing.service_suffix);
	mem_auto_free char *other_host = last_value(headers, "host");
	struct request request = {.door = REQUEST_EXTERNAL};
	struct url url;
	const char *why;

	if (!parse_url(text, &url, &why))
		return mf_err_set(err, MF_EUSAGE, "%s", why);
	request.host = other_host != NULL ? make_host(other_host, strlen(other_host))
					  : make_host(url.host, url.host_len);
	if (is_local) {
		request.door = REQUEST_LOCAL;
		set_local(&request, url.path, headers);
	} else if (is_inside(settings, request.host, suffix)) {
		request.door = REQUEST_INTERNAL;
		request.service =
		    mem_dup_bytes(request.host, strlen(request.host) - strlen(suffix));
		request.path = mem_dup_str(url.path);
		request.asked = find_asked(headers);
	} else {
		set_outside(&request, url.path, headers);
	}
	request.visitor = cookie_find_first(headers, "mayfly-visitor");
	free(url.path);
	*ret_request = request;
	return 0;
}

int request_check_method(const char *method, struct mf_err *err)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (method[0] != '\0' && method[strspn(method, token)] == '\0')
		return 0;
	return mf_err_set(err, MF_EUSAGE, "--method: must be one word, such as GET");
}

void request_fini(struct request *request)
{
	free(request->host);
	free(request->path);
	free(request->read_path);
	free(request->service);
	free(request->asked);
	free(request->visitor);
}
