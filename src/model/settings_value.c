/* Checks of the settings' single values.  Knows nothing of keys or of YAML. */
#include "model/settings_value.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/name.h"

#define LETTERS_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

#define PATH_LONGEST	 ((size_t)1023)
#define SOCKET_LONGEST	 ((size_t)97) /* HAProxy needs the rest of sun_path for a suffix */
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

int settings_check_path(const char *s, struct mf_err *err)
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

int settings_check_socket(const char *s, struct mf_err *err)
{
	int code = check_length(s, SOCKET_LONGEST, err);

	return code == 0 ? settings_check_path(s, err) : code;
}

int settings_check_bind(const char *s, struct mf_err *err)
{
	int code = check_length(s, WORD_LONGEST, err);

	if (code == 0)
		code = check_chars(s, LETTERS_DIGITS ".:*@[]_/-", err);
	if (code == 0 && s[0] != '/' && strpbrk(s, ":@") == NULL)
		code = refuse(s, err, "must be ADDRESS:PORT or a socket's path");
	return code;
}

int settings_check_endpoint(const char *s, struct mf_err *err)
{
	const char *host = s;
	int code = check_length(s, WORD_LONGEST, err);

	if (code != 0)
		return code;
	if (str_has_prefix(s, "http://"))
		host += strlen("http://");
	else if (str_has_prefix(s, "https://"))
		host += strlen("https://");
	if (host[0] == '\0' || host[0] == ':' || strchr(host, '/') != NULL)
		return refuse(s, err, "must be http://HOST:PORT or https://HOST:PORT");
	return check_chars(s, LETTERS_DIGITS ".:_[]/-", err);
}

int settings_check_percent(const char *s, struct mf_err *err)
{
	size_t digits = strspn(s, "0123456789");

	if (digits == 0 || digits > 3 || (s[digits] != '\0' && strcmp(s + digits, "%") != 0) ||
	    strtoul(s, NULL, 10) > 100)
		return refuse(s, err, "must be 0% to 100%");
	return 0;
}

int settings_check_duration(const char *s, struct mf_err *err)
{
	int64_t ms;

	if (!str_parse_duration(s, &ms) || ms < 0 || ms > DURATION_MAX_MS)
		return refuse(s, err, "must be a time with its unit, such as 30s or 5m");
	return 0;
}

int settings_check_prefix(const char *s, struct mf_err *err)
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

int settings_check_text(const char *s, struct mf_err *err)
{
	int code = check_length(s, WORD_LONGEST, err);

	return code == 0 ? check_no_chars(s, "", err) : code;
}

int settings_check_argument(const char *s, struct mf_err *err)
{
	return check_length(s, ARGUMENT_LONGEST, err);
}

int settings_check_address(const char *s, struct mf_err *err)
{
	mem_auto_free char *address = NULL;

	return name_parse_address(s, strlen(s), &address, err);
}

int settings_check_nameserver(const char *s, struct mf_err *err)
{
	mem_auto_free char *address = NULL;
	unsigned port;

	return name_parse_endpoint(s, strlen(s), &address, &port, err);
}

int settings_check_reload(const char *s, struct mf_err *err)
{
	if (strcmp(s, "none") == 0)
		return 0;
	if (str_has_prefix(s, "pidfile:"))
		return settings_check_path(s + strlen("pidfile:"), err);
	if (str_has_prefix(s, "docker:"))
		return check_name(NAME_VERSION, s + strlen("docker:"), err);
	return refuse(s, err, "must be pidfile:PATH, docker:NAME or none");
}

int settings_check_template(const char *s, struct mf_err *err)
{
	if (strchr(s, '/') != NULL)
		return settings_check_path(s, err);
	return check_name(NAME_HEADER, s, err);
}

int settings_check_escape(const char *s, struct mf_err *err)
{
	static const char *const words[] = {"none", "html", "haproxy", "word"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(s, words[i]) == 0)
			return 0;
	return refuse(s, err, "must be none, html, haproxy or word");
}

int settings_check_node(const char *s, struct mf_err *err)
{
	return check_name(NAME_HEADER, s, err);
}

int settings_check_suffix(const char *s, struct mf_err *err)
{
	return check_name(NAME_HOST, s, err);
}

int settings_check_environment(const char *s, struct mf_err *err)
{
	return check_name(NAME_ENVIRONMENT, s, err);
}
