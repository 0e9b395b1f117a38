/* Growable bytes. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t need = b->len + more + 1;
	size_t cap = b->cap == 0 ? 64 : b->cap;

	if (need <= b->cap)
		return;
	while (cap < need)
		cap *= 2;
	b->data = mem_realloc(b->data, cap, 1);
	b->cap = cap;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	buf_reserve(b, len);
	if (len != 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	int n;

	buf_reserve(b, 64);
	va_start(ap, format);
	n = vsnprintf(b->data + b->len, b->cap - b->len, format, ap);
	va_end(ap);
	if (n < 0) {
		b->data[b->len] = '\0';
		return;
	}
	if ((size_t)n >= b->cap - b->len) {
		buf_reserve(b, (size_t)n);
		va_start(ap, format);
		(void)vsnprintf(b->data + b->len, b->cap - b->len, format, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

void buf_drop_front(struct buf *b, size_t len)
{
	if (len == 0)
		return;
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

const char *buf_str(const struct buf *b)
{
	return b->data == NULL ? "" : b->data;
}

char *buf_take(struct buf *b)
{
	char *s = b->data == NULL ? mem_dup_str("") : b->data;

	*b = (struct buf)BUF_INIT;
	return s;
}
