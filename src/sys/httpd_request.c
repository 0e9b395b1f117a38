/* A request's head, cut up in place: RFC 9112, sections 2 to 6. */
#include "sys/httpd_request.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

/* RFC 9110, section 5.6.2 */
#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

size_t httpd_request_find_end(const char *bytes, size_t len)
{
	const char *end = bytes, *stop = bytes + len;

	while ((end = memchr(end, '\n', (size_t)(stop - end))) != NULL) {
		size_t left = (size_t)(stop - ++end);

		if (left >= 1 && end[0] == '\n')
			return (size_t)(end + 1 - bytes);
		if (left >= 2 && end[0] == '\r' && end[1] == '\n')
			return (size_t)(end + 2 - bytes);
	}
	return 0;
}

/* The next line, without its end; NULL: a line with a control character in it. */
static char *cut_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	*at = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	for (const char *p = line; p < end; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return NULL;
	return line;
}

/* "METHOD PATH?QUERY HTTP/1.x" */
static bool parse_line(char *line, struct httpd_request *ret)
{
	char *path = strchr(line, ' '), *version, *query;

	if (path == NULL)
		return false;
	*path++ = '\0';
	version = strchr(path, ' ');
	if (line[0] == '\0' || line[strspn(line, TOKEN)] != '\0' || path[0] != '/' ||
	    version == NULL)
		return false;
	*version++ = '\0';
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '#')
			return false;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return false;
	query = strchr(path, '?');
	if (query != NULL)
		*query++ = '\0';
	ret->method = line;
	ret->path = path;
	ret->query = query == NULL ? "" : query;
	ret->is_last = version[strlen("HTTP/1.")] == '0';
	return true;
}

/* "name: value"; one that goes on in the next line is none. */
static bool parse_field(char *line, struct httpd_field *ret)
{
	size_t len = strspn(line, TOKEN), end;
	char *value = line + len;

	if (len == 0 || *value != ':')
		return false;
	*value++ = '\0';
	value += strspn(value, " \t");
	end = strlen(value);
	while (end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t'))
		end--;
	value[end] = '\0';
	*ret = (struct httpd_field){line, value};
	return true;
}

/* Of the body: one length in digits, or none. */
static int parse_length(struct httpd_request *request, size_t max_body)
{
	const char *text = httpd_request_find(request, "content-length");
	int64_t length;

	if (httpd_request_find(request, "transfer-encoding") != NULL)
		return 501;
	if (text == NULL)
		return 0;
	if (httpd_request_count(request, "content-length") > 1 || text[0] == '\0' ||
	    text[strspn(text, "0123456789")] != '\0')
		return 400;
	if (!str_parse_int(text, 0, (int64_t)max_body, &length))
		return 413;
	request->length = (size_t)length;
	return 0;
}

int httpd_request_parse(char *head, size_t len, size_t max_body, struct httpd_request *ret)
{
	char *at = head, *line;
	const char *connection;

	*ret = (struct httpd_request){.body = ""};
	if (memchr(head, '\0', len) != NULL)
		return 400;
	line = cut_line(&at);
	if (line == NULL || !parse_line(line, ret))
		return 400;
	while ((line = cut_line(&at)) == NULL || line[0] != '\0') {
		if (ret->field_count == HTTPD_MAX_FIELDS)
			return 431;
		if (line == NULL || !parse_field(line, &ret->fields[ret->field_count++]))
			return 400;
	}
	if (httpd_request_count(ret, "host") > 1)
		return 400;
	connection = httpd_request_find(ret, "connection");
	if (connection != NULL && strcasecmp(connection, "close") == 0)
		ret->is_last = true;
	return parse_length(ret, max_body);
}

const char *httpd_request_find(const struct httpd_request *request, const char *name)
{
	for (size_t i = 0; i < request->field_count; i++)
		if (strcasecmp(request->fields[i].name, name) == 0)
			return request->fields[i].value;
	return NULL;
}

size_t httpd_request_count(const struct httpd_request *request, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < request->field_count; i++)
		count += strcasecmp(request->fields[i].name, name) == 0;
	return count;
}
