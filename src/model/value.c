/* Types of single values: names and settings.  Knows nothing of keys, nor of YAML. */
#include "model/value.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/address_list.h"
#include "model/host.h"
#include "model/network.h"

#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

#define PATH_LONGEST	 ((size_t)1023)
#define SOCKET_LONGEST	 ((size_t)97) /* HAProxy needs the rest of sun_path for a suffix */
#define ACCOUNT_LONGEST	 ((size_t)32)
#define HEADER_LONGEST	 ((size_t)64)
#define WORD_LONGEST	 ((size_t)255)
#define ARGUMENT_LONGEST ((size_t)4096)
#define DURATION_MAX_MS	 (INT64_C(366) * 86400000)

static int refuse(const char *s, struct mf_err *err, const char *why)
{
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, s, strlen(s));
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data, why);
}

static int check_length(const char *s, size_t longest, struct mf_err *err)
{
	mem_auto_free char *why = NULL;

	if (s[0] == '\0')
		return refuse(s, err, "must not be empty");
	if (strlen(s) <= longest)
		return 0;
	why = mem_printf("too long (%zu bytes, at most %zu)", strlen(s), longest);
	return refuse(s, err, why);
}

static int refuse_char(const char *s, size_t i, struct mf_err *err)
{
	buf_auto struct buf why = BUF_INIT;

	buf_add_str(&why, "not allowed: ");
	if (s[i] == ' ')
		buf_add_str(&why, "a space");
	else
		name_add_quoted(&why, s + i, 1);
	return refuse(s, err, why.data);
}

static int check_chars(const char *s, const char *allowed, struct mf_err *err)
{
	size_t n = strspn(s, allowed);

	return s[n] == '\0' ? 0 : refuse_char(s, n, err);
}

/* No byte of the refused ones, and no control character. */
static int check_no_chars(const char *s, const char *refused, struct mf_err *err)
{
	for (size_t i = 0; s[i] != '\0'; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || strchr(refused, s[i]) != NULL)
			return refuse_char(s, i, err);
	return 0;
}

static int check_name(enum name_kind kind, const char *s, struct mf_err *err)
{
	return name_check(kind, s, strlen(s), err);
}

int value_check(const struct value_type *type, const char *s, struct mf_err *err)
{
	return type->check == NULL ? check_name(type->kind, s, err) : type->check(s, err);
}

static int check_hosts(const char *s, struct mf_err *err)
{
	buf_auto struct buf why = BUF_INIT;
	const char *domain;

	if (s[0] != HOST_WILDCARD[0])
		return check_name(NAME_HOST, s, err);
	if (!host_is_wildcard(s) || s[strlen(HOST_WILDCARD)] == '\0')
		return refuse(s, err, "\"*\" stands for whole labels before others: *.example.com");
	if (host_count_labels(s) > HOST_WILDCARD_LABELS + 1)
		return refuse(s, err, "more than 8 labels behind \"*\"");
	domain = s + strlen(HOST_WILDCARD);
	return name_find_fault(NAME_HOST, domain, strlen(domain), &why)
		   ? refuse(s, err, buf_str(&why))
		   : 0;
}

static int check_path(const char *s, struct mf_err *err)
{
	int code = check_length(s, PATH_LONGEST, err);

	if (code == 0)
		code = check_no_chars(s, " \"'\\#$;", err);
	if (code == 0 && s[0] != '/')
		code = refuse(s, err, "must be an absolute path");
	if (code == 0 && str_has_suffix(s, "/"))
		code = refuse(s, err, "must not end with \"/\"");
	return code;
}

static int check_socket(const char *s, struct mf_err *err)
{
	int code = check_length(s, SOCKET_LONGEST, err);

	return code == 0 ? check_path(s, err) : code;
}

static int check_bind(const char *s, struct mf_err *err)
{
	int code = check_length(s, WORD_LONGEST, err);

	if (code == 0)
		code = check_chars(s, LETTERS_DIGITS ".:*@[]_/-", err);
	if (code == 0 && s[0] != '/' && strpbrk(s, ":@") == NULL)
		code = refuse(s, err, "must be ADDRESS:PORT or a socket's path");
	return code;
}

static int check_account(const char *s, struct mf_err *err)
{
	int code = check_length(s, ACCOUNT_LONGEST, err);

	return code == 0 ? check_chars(s, LETTERS_DIGITS "._-", err) : code;
}

static int check_endpoint(const char *s, struct mf_err *err)
{
	const char *host = s, *at;
	int code = check_length(s, WORD_LONGEST, err);

	if (code != 0)
		return code;
	if (str_has_prefix(s, "http://"))
		host += strlen("http://");
	else if (str_has_prefix(s, "https://"))
		host += strlen("https://");
	at = strrchr(host, '@');
	if (at != NULL && memchr(host, ':', (size_t)(at - host)) != NULL) /* which is not shown */
		return mf_err_set(err, MF_EDATA,
				  "must not hold a password: --user and etcd.user are for that");
	if (host[0] == '\0' || host[0] == ':' || strchr(host, '/') != NULL)
		return refuse(s, err, "must be http://HOST:PORT or https://HOST:PORT");
	return check_chars(s, LETTERS_DIGITS ".:_[]/-", err);
}

static int check_percent(const char *s, struct mf_err *err)
{
	size_t digits = strspn(s, "0123456789");

	if (digits == 0 || digits > 3 || (s[digits] != '\0' && strcmp(s + digits, "%") != 0) ||
	    strtoul(s, NULL, 10) > 100)
		return refuse(s, err, "must be 0% to 100%");
	return 0;
}

static int check_duration(const char *s, struct mf_err *err)
{
	int64_t ms;

	if (!str_parse_duration(s, &ms) || ms < 0 || ms > DURATION_MAX_MS)
		return refuse(s, err, "must be a time with its unit, such as 30s or 5m");
	return 0;
}

static int check_key_prefix(const char *s, struct mf_err *err)
{
	int code = check_length(s, WORD_LONGEST, err);

	if (code == 0)
		code = check_chars(s, LETTERS_DIGITS "/._:@-", err);
	if (code == 0 && s[0] != '/')
		code = refuse(s, err, "must start with \"/\"");
	if (code == 0 && str_has_suffix(s, "/"))
		code = refuse(s, err, "must not end with \"/\"");
	if (code == 0 && strstr(s, "//") != NULL)
		code = refuse(s, err, "not allowed: \"//\"");
	return code;
}

static int check_text(const char *s, struct mf_err *err)
{
	int code = check_length(s, WORD_LONGEST, err);

	return code == 0 ? check_no_chars(s, "", err) : code;
}

static int check_argument(const char *s, struct mf_err *err)
{
	return check_length(s, ARGUMENT_LONGEST, err);
}

static int check_address(const char *s, struct mf_err *err)
{
	mem_auto_free char *address = NULL;

	return name_parse_address(s, strlen(s), &address, err);
}

static int check_nameserver(const char *s, struct mf_err *err)
{
	mem_auto_free char *address = NULL;
	unsigned port;

	return name_parse_endpoint(s, strlen(s), &address, &port, err);
}

static int check_log_target(const char *s, struct mf_err *err)
{
	if (strcmp(s, "stdout") == 0 || strcmp(s, "stderr") == 0 || strcmp(s, "ring") == 0)
		return 0;
	if (s[0] == '/')
		return check_socket(s, err);
	if (check_nameserver(s, err) == 0)
		return 0;
	return refuse(s, err, "must be stdout, stderr, ring, ADDRESS:PORT or a socket's path");
}

static int check_log_format(const char *s, struct mf_err *err)
{
	if (strcmp(s, "json") == 0 || strcmp(s, "text") == 0)
		return 0;
	return refuse(s, err, "must be json or text");
}

static int check_log_header(const char *s, struct mf_err *err)
{
	int code = check_length(s, HEADER_LONGEST, err);

	return code == 0 ? check_chars(s, LETTERS_DIGITS "_-", err) : code;
}

static char *normalize_log_header(const char *s)
{
	char *copy = mem_dup_str(s);

	str_lower(copy);
	return copy;
}

static int check_tcp_range(const char *s, struct mf_err *err)
{
	struct network network;
	const char *why = NULL;

	if (network_parse(s, strlen(s), &network, &why) && network.family == AF_INET &&
	    network.bits >= 8 && network.bits <= 30)
		return 0;
	return mf_err_set(err, MF_EDATA, "%s",
			  why != NULL ? why
				      : "must be a network of IPv4, of a length from 8 to 30, such "
					"as 127.16.0.0/12");
}

static int check_reload(const char *s, struct mf_err *err)
{
	if (strcmp(s, "none") == 0)
		return 0;
	if (str_has_prefix(s, "pidfile:"))
		return check_path(s + strlen("pidfile:"), err);
	if (str_has_prefix(s, "docker:"))
		return check_name(NAME_VERSION, s + strlen("docker:"), err);
	return refuse(s, err, "must be pidfile:PATH, docker:NAME or none");
}

static int check_template(const char *s, struct mf_err *err)
{
	if (strchr(s, '/') != NULL)
		return check_path(s, err);
	return check_name(NAME_HEADER, s, err);
}

static int check_escape(const char *s, struct mf_err *err)
{
	static const char *const words[] = {"none", "html", "haproxy", "word"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(s, words[i]) == 0)
			return 0;
	return refuse(s, err, "must be none, html, haproxy or word");
}

static int check_network(const char *s, struct mf_err *err)
{
	struct network network;
	const char *why = NULL;

	if (network_parse_address(s, strlen(s), &network) ||
	    network_parse(s, strlen(s), &network, &why))
		return 0;
	return refuse(s, err, why != NULL ? why : "must be a network, such as 10.0.0.0/8");
}

static int check_acme(const char *s, struct mf_err *err)
{
	static const char scheme[] = "http://";
	mem_auto_free char *address = NULL;
	unsigned port;

	if (!str_has_prefix(s, scheme) ||
	    name_parse_endpoint(s + strlen(scheme), strlen(s) - strlen(scheme), &address, &port,
				NULL) != 0)
		return refuse(s, err, "must be http:// with a numeric address and a port");
	return 0;
}

static int check_tls_version(const char *s, struct mf_err *err)
{
	return strcmp(s, "1.2") == 0 || strcmp(s, "1.3") == 0
		   ? 0
		   : refuse(s, err, "must be 1.2 or 1.3");
}

static int check_line(const char *s, struct mf_err *err)
{
	return str_has_control(s) ? mf_err_set(err, MF_EDATA, "a control character") : 0;
}

static char *normalize_route(const char *s)
{
	size_t len = strlen(s);
	char *route = mem_alloc(len + 2);

	memcpy(route, s, len + 1);
	if (s[len - 1] != '/')
		memcpy(route + len, "/", 2);
	return route;
}

static char *normalize_address(const char *s)
{
	char *address = NULL;

	return name_parse_address(s, strlen(s), &address, NULL) == 0 ? address : mem_dup_str(s);
}

/* --- the types ------------------------------------------------------------------------------- */

#define STRING	       "\"type\":\"string\""
#define SIZE(min, max) STRING ",\"minLength\":" #min ",\"maxLength\":" #max ",\"pattern\":"
#define LABEL	       SIZE(1, 63) "\"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$\""
#define PART	       "[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
#define HOST	       "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
#define STEP	       "[A-Za-z0-9._~%@:+=,-]+"

const struct value_type value_environment = {
    .kind = NAME_ENVIRONMENT,
    .schema = LABEL,
    .doc = "1 to 63 of `a-z`, `0-9` and `-`, neither first nor last a `-`.",
};
const struct value_type value_prefix = {.kind = NAME_PREFIX, .schema = LABEL};
const struct value_type value_header = {
    .kind = NAME_HEADER,
    .schema = SIZE(1, 128) "\"^[A-Za-z0-9._-]+$\"",
};
const struct value_type value_host = {
    .kind = NAME_HOST,
    .schema = SIZE(1, 253) "\"^" HOST "(\\\\." HOST ")*$\"",
};
const struct value_type value_hosts = {
    .check = check_hosts,
    .schema = SIZE(1, 255) "\"^([*]\\\\.)?" HOST "(\\\\." HOST ")*$\"",
    .doc = "`*.`<domain> means every name that has one or more labels before the domain, of 8 "
	   "labels at most.",
};
const struct value_type value_service = {
    .kind = NAME_SERVICE,
    .schema = SIZE(1, 63) "\"^" PART "(\\\\." PART ")*$\"",
    .doc = "Labels of `a-z`, `0-9`, `_` and `-`, joined by dots; 63 characters at most.",
};
/* Read as it is written; the number is here for editors, which read 1.4 as one. */
#define TEXT_OR_NUMBER(max)                                                                        \
	"\"type\":[\"string\",\"number\"],\"minLength\":1,\"maxLength\":" #max ",\"pattern\":"
const struct value_type value_version = {
    .kind = NAME_VERSION,
    .schema = TEXT_OR_NUMBER(128) "\"^[A-Za-z0-9_][A-Za-z0-9_.-]*$\"",
    .doc = "`A-Z`, `a-z`, `0-9`, `_`, `.` and `-`, 128 at most, as the tag of a container's image. "
	   "It is read as it is written, so that `1.10` needs no quotes.",
};
const struct value_type value_instance = {
    .kind = NAME_INSTANCE,
    .schema = TEXT_OR_NUMBER(255) "\"^[!-.0-~]+$\"",
};
const struct value_type value_route = {
    .kind = NAME_ROUTE,
    .normalize = normalize_route,
    .schema = SIZE(1, 512) "\"^/(" STEP "(/" STEP ")*/?)?$\"",
};

const struct value_type value_line = {.check = check_line};
const struct value_type value_address = {.check = check_address, .normalize = normalize_address};
const struct value_type value_path = {.check = check_path, .schema = STRING ",\"pattern\":\"^/\""};
const struct value_type value_socket = {.check = check_socket, .schema = SIZE(1, 97) "\"^/\""};
const struct value_type value_bind = {
    .check = check_bind,
    .schema = STRING ",\"pattern\":\"^[A-Za-z0-9.:*@\\\\[\\\\]_/-]*$\"",
};
const struct value_type value_account = {
    .check = check_account,
    .schema = SIZE(1, 32) "\"^[A-Za-z0-9._-]*$\"",
};
const struct value_type value_addresses = {
    .check = address_list_check_item,
    .schema = STRING ",\"pattern\":\"^[A-Za-z0-9.:\\\\[\\\\]/-]+$\"",
};
const struct value_type value_endpoint = {.check = check_endpoint};
const struct value_type value_key_prefix = {
    .check = check_key_prefix,
    .schema = STRING ",\"pattern\":\"^/[A-Za-z0-9/._:@-]+$\"",
};
const struct value_type value_text = {.check = check_text};
const struct value_type value_argument = {.check = check_argument};
const struct value_type value_nameserver = {.check = check_nameserver};
const struct value_type value_log_target = {
    .check = check_log_target,
    .schema = STRING ",\"pattern\":\"^(stdout|stderr|ring|/.*|.+:[0-9]+)$\"",
};
const struct value_type value_log_format = {
    .check = check_log_format,
    .schema = "\"enum\":[\"json\",\"text\"]",
};
const struct value_type value_log_header = {
    .check = check_log_header,
    .normalize = normalize_log_header,
    .schema = SIZE(1, 64) "\"^[A-Za-z0-9_-]+$\"",
};
const struct value_type value_reload = {
    .check = check_reload,
    .schema = STRING ",\"pattern\":\"^(none|pidfile:/.+|docker:.+)$\"",
};
const struct value_type value_tcp_range = {.check = check_tcp_range};
const struct value_type value_template = {.check = check_template};
const struct value_type value_escape = {
    .check = check_escape,
    .schema = "\"enum\":[\"none\",\"html\",\"haproxy\",\"word\"]",
};
const struct value_type value_network = {
    .check = check_network,
    .schema = STRING ",\"pattern\":\"^[0-9A-Fa-f.:/]+$\"",
};
const struct value_type value_acme = {
    .check = check_acme,
    .schema = STRING ",\"pattern\":\"^(http://[0-9A-Fa-f.:\\\\[\\\\]]+)?$\"",
};
const struct value_type value_tls_version = {
    .check = check_tls_version,
    .schema = "\"enum\":[\"1.2\",\"1.3\"]",
};
const struct value_type value_percent = {
    .check = check_percent,
    .schema = "\"type\":[\"string\",\"integer\"],\"pattern\":\"^[0-9]{1,3}%?$\"",
};
const struct value_type value_duration = {
    .check = check_duration,
    .schema = STRING ",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\"",
};
