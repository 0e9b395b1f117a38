/*
 * Strings: strict parsing of the small values that flags, settings and files hold, and writing them
 * so that they stay one word.  Parsers take the whole string or fail; ret_ is untouched on failure.
 */
#ifndef MF_BASE_STR_H
#define MF_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

bool str_is_same(const char *a, const char *b); /* equal, or both NULL */
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

/* Decimal digits, an optional '-' first; false outside [min, max]. */
bool str_parse_int(const char *s, int64_t min, int64_t max, int64_t *ret);

/* "250ms", "10s", "5m", "8h", "2d": a number that is no fraction, and a unit.  In milliseconds. */
bool str_parse_duration(const char *s, int64_t *ret_ms);

/* A signal by its name or number: TERM, SIGTERM, 15; 0: there is none. */
int str_find_signal(const char *name);

/* RFC 3339 date-time with seconds and an offset or Z; to seconds since 1970 UTC (fraction cut). */
bool str_parse_time(const char *s, int64_t *ret_seconds);

/* The same time in UTC, "2026-11-29T10:30:00Z"; with milliseconds unless they are negative. */
void str_add_time(struct buf *b, int64_t seconds, int ms);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) with no NUL. */
bool str_is_utf8(const char *s, size_t len);

/* Control characters, those of Unicode that change the direction of text, and ill-formed UTF-8 as
 * \n, \t or \xHH; the rest as it is. */
void str_add_escaped(struct buf *b, const char *s, size_t len);

/* A JSON string with its quotes (RFC 8259); ill-formed UTF-8 as U+FFFD. */
void str_add_json_string(struct buf *b, const char *s, size_t len);

/* 64-bit FNV-1a; start with STR_HASH_INIT and feed the result back in for more. */
#define STR_HASH_INIT UINT64_C(0xcbf29ce484222325)
uint64_t str_hash(uint64_t hash, const void *bytes, size_t len);

/*
 * Another one for megabytes, eight bytes at a time.  Pieces give what the whole gives, if all but
 * the last are of a multiple of eight bytes.
 */
uint64_t str_hash_words(uint64_t hash, const void *bytes, size_t len);

/* Standard base64 with padding (RFC 4648, section 4). */
void str_add_base64(struct buf *b, const void *bytes, size_t len);
bool str_decode_base64(struct buf *b, const char *s, size_t len); /* appends; false: ill-formed */

bool str_has_control(const char *s); /* one of ASCII's control characters */
void str_lower(char *s);	     /* ASCII's letters, in place */

/* The one of allowed that was probably meant by a word that is none of them; NULL: none is near. */
const char *str_find_nearest(const char *s, const char *const *allowed, size_t count);

#endif
