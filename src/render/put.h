/*
 * Text put together in room that is there, for what is too frequent for printf.  Each function
 * writes at `at`, where there is room up to `end`, and returns where its text ends, at a NUL.
 */
#ifndef MF_RENDER_PUT_H
#define MF_RENDER_PUT_H

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* Names are bounded where they enter, so one that does not fit is our own bug. */
static inline char *put_bytes(char *at, const char *end, const char *s, size_t len)
{
	assert(len < (size_t)(end - at));
	memcpy(at, s, len);
	at[len] = '\0';
	return at + len;
}

static inline char *put_str(char *at, const char *end, const char *s)
{
	return put_bytes(at, end, s, strlen(s));
}

#endif
