/*
 * What the test tools need to know of HTTP/1.1 messages (RFC 9112): where a head ends, a field's
 * value, and how long the body is.  They speak to Mayfly's own test service and to HAProxy only, so
 * chunked bodies are named and refused, not read.
 */
#ifndef MF_TESTS_MESSAGE_H
#define MF_TESTS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum { MESSAGE_MAX_HEAD = 256 * 1024 };

enum message_body {
	MESSAGE_BODY_LENGTH,  /* so many bytes */
	MESSAGE_BODY_UNKNOWN, /* no length: none for a request, until the close for a reply */
	MESSAGE_BODY_REFUSED, /* chunked, or a length that is none */
};

/* The bytes of the head with its empty line; 0 while it is not complete. */
static inline size_t message_head_len(const struct buf *b)
{
	const char *end = b->len == 0 ? NULL : memmem(b->data, b->len, "\r\n\r\n", 4);

	return end == NULL ? 0 : (size_t)(end - b->data) + 4;
}

/* The value of the first field of that name, to be freed; NULL: not there. */
static inline char *message_field(const char *head, size_t head_len, const char *name)
{
	const char *end = head + head_len, *line = memchr(head, '\n', head_len);
	size_t name_len = strlen(name);

	for (; line != NULL && ++line < end; line = memchr(line, '\n', (size_t)(end - line))) {
		const char *stop = memchr(line, '\r', (size_t)(end - line));

		if (stop == NULL || (size_t)(stop - line) <= name_len || line[name_len] != ':' ||
		    strncasecmp(line, name, name_len) != 0)
			continue;
		line += name_len + 1;
		while (line < stop && (*line == ' ' || *line == '\t'))
			line++;
		while (stop > line && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		return mem_dup_bytes(line, (size_t)(stop - line));
	}
	return NULL;
}

static inline bool message_says_close(const char *head, size_t head_len)
{
	mem_auto_free char *value = message_field(head, head_len, "connection");

	return value != NULL && strcasecmp(value, "close") == 0;
}

static inline enum message_body message_body(const char *head, size_t head_len, size_t *ret_len)
{
	mem_auto_free char *coding = message_field(head, head_len, "transfer-encoding");
	mem_auto_free char *value = message_field(head, head_len, "content-length");
	int64_t len;

	if (coding != NULL)
		return MESSAGE_BODY_REFUSED;
	if (value == NULL)
		return MESSAGE_BODY_UNKNOWN;
	if (!str_parse_int(value, 0, INT64_C(1) << 30, &len))
		return MESSAGE_BODY_REFUSED;
	*ret_len = (size_t)len;
	return MESSAGE_BODY_LENGTH;
}

/* The three digits of a reply's status; 0: no HTTP/1 reply. */
static inline int message_status(const struct buf *b)
{
	int64_t status;
	char digits[4] = "";

	if (b->len < 12 || memcmp(b->data, "HTTP/1.", 7) != 0)
		return 0;
	memcpy(digits, b->data + 9, 3);
	return str_parse_int(digits, 100, 599, &status) ? (int)status : 0;
}

#endif
