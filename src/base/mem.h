/*
 * Memory: allocation that cannot fail (out of memory exits here, in one place, with status 1), and
 * the cleanup attributes that stand for goto ladders.
 */
#ifndef MF_BASE_MEM_H
#define MF_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed; never NULL; size 0 gives a freeable pointer */
void *mem_realloc(void *p, size_t count, size_t size); /* overflow of count * size exits too */
char *mem_dup_str(const char *s);		       /* NULL gives NULL */
char *mem_dup_bytes(const void *p, size_t len);	       /* len bytes and a terminating NUL */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));

/*
 * For who runs for ever with little to do: large pieces go back to the system when they are freed,
 * and mem_trim gives back what is free by then of all others.
 */
void mem_stay_small(void);
void mem_trim(void);

/* Allocate one zeroed object of the pointer's own type: `struct x *x = MEM_NEW(x);` */
#define MEM_NEW(p) mem_alloc(sizeof(*(p)))

/* Grow an array by doubling so that it holds one more: `MEM_GROW(list, count, cap);` */
#define MEM_GROW(array, count, cap)                                                                \
	do {                                                                                       \
		if ((count) == (cap)) {                                                            \
			(cap) = (cap) == 0 ? 8 : 2 * (cap);                                        \
			(array) = mem_realloc((array), (cap), sizeof(*(array)));                   \
		}                                                                                  \
	} while (0)

/* `mem_auto_free char *s = NULL;` is freed when it goes out of scope. */
#define mem_auto_free __attribute__((cleanup(mem_free_indirect)))
/* `mem_auto_close int fd = -1;` is closed, if not negative, when it goes out of scope. */
#define mem_auto_close __attribute__((cleanup(mem_close_indirect)))

void mem_free_indirect(void *pointer_to_pointer);
void mem_close_indirect(int *fd);

#endif
