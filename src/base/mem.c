/* Memory: the one place that ends the process when there is none. */
#include "base/mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEM_LARGE = 128 * 1024, MEM_SPARE = 4 * 1024 * 1024 };

static _Noreturn void out_of_memory(void)
{
	static const char msg[] = "error: out of memory\n";

	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	_exit(1);
}

void *mem_alloc(size_t size)
{
	void *p = calloc(1, size == 0 ? 1 : size);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *mem_realloc(void *p, size_t count, size_t size)
{
	void *grown;

	if (size != 0 && count > SIZE_MAX / size)
		out_of_memory();
	grown = realloc(p, count * size == 0 ? 1 : count * size);
	if (grown == NULL)
		out_of_memory();
	return grown;
}

char *mem_dup_str(const char *s)
{
	return s == NULL ? NULL : mem_dup_bytes(s, strlen(s));
}

char *mem_dup_bytes(const void *p, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		out_of_memory();
	copy = mem_realloc(NULL, len + 1, 1);
	if (len != 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

char *mem_vprintf(const char *format, va_list ap)
{
	char *s;

	if (vasprintf(&s, format, ap) < 0)
		out_of_memory();
	return s;
}

char *mem_printf(const char *format, ...)
{
	char *s;
	va_list ap;

	va_start(ap, format);
	s = mem_vprintf(format, ap);
	va_end(ap);
	return s;
}

void mem_stay_small(void)
{
	/* The C library would raise that by itself, up to 32 MiB, and keep as much. */
	(void)mallopt(M_MMAP_THRESHOLD, MEM_LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, MEM_SPARE);
}

void mem_trim(void)
{
	(void)malloc_trim(0);
}

void mem_free_indirect(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer;

	free(*p);
}

void mem_close_indirect(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}
