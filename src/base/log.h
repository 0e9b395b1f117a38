/*
 * The log: one line an event on stderr, as text
 *
 *     warn kvwatch: watch lost endpoint=http://127.0.0.1:2379 error="etcdserver: no leader"
 *
 * or, with LOG_JSON, as one JSON object with time, level, tool, msg and the fields.  error: a
 * person must act; warn: degraded; info: the state changed; debug: the rest.  Whoever decides what
 * to do about an event logs it, once.  Bytes that are no printable text are escaped, so that a
 * remote value can neither forge a line nor move a terminal.  Keys are logged; values and secrets
 * are not.
 */
#ifndef MF_BASE_LOG_H
#define MF_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_field {
	const char *key; /* NULL ends a list */
	const char *str; /* the value, or NULL for num */
	int64_t num;
};

/* clang-format off */
#define LOG_STR(k, v) ((struct log_field){.key = (k), .str = (v) == NULL ? "" : (v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .num = (int64_t)(v)})
#define LOG_END       ((struct log_field){.key = NULL})
/* clang-format on */

/* log_info("applied", LOG_INT("revision", 7), LOG_STR("target", "haproxy")); */
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__, LOG_END)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__, LOG_END)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__, LOG_END)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__, LOG_END)

/* Set once by main; tool is borrowed for ever.  Before that: "mayfly", info, text. */
void log_init(const char *tool, enum log_level level, enum log_format format);
void log_set(enum log_level level, enum log_format format); /* on a settings reload */
bool log_parse_level(const char *s, enum log_level *ret_level);
bool log_parse_format(const char *s, enum log_format *ret_format);

/* what, then struct log_field values by value, then LOG_END.  Use the macros above. */
void log_write(enum log_level level, const char *what, ...);

#endif
