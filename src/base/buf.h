/*
 * A growable run of bytes.  data is NULL while nothing was ever added, else always terminated by a
 * NUL that len does not count, so that text in it is a C string.
 */
#ifndef MF_BASE_BUF_H
#define MF_BASE_BUF_H

#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

/* clang-format off */
#define BUF_INIT {NULL, 0, 0}
/* clang-format on */

void buf_fini(struct buf *b);		      /* frees; b is BUF_INIT again */
void buf_clear(struct buf *b);		      /* empties; keeps the memory */
void buf_reserve(struct buf *b, size_t more); /* room for that many more bytes */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_drop_front(struct buf *b, size_t len); /* len <= b->len */
const char *buf_str(const struct buf *b);	/* "" while empty; borrowed */
char *buf_take(struct buf *b);			/* hands the string over; b is empty */

/* `buf_auto struct buf b = BUF_INIT;` */
#define buf_auto __attribute__((cleanup(buf_fini)))

#endif
