/*
 * One request as a line of the access log has it, in the words of templates/haproxy-log.mustache:
 * that is what is in HAProxy's ring where there is such a log.
 */
#ifndef MF_OPERATOR_TAPPED_LOG_H
#define MF_OPERATOR_TAPPED_LOG_H

#include <stdbool.h>

#include "base/span.h"

enum tapped_log {
	TAPPED_LOG_TIME,
	TAPPED_LOG_CLIENT,
	TAPPED_LOG_METHOD,
	TAPPED_LOG_HOST,
	TAPPED_LOG_PATH, /* a query may be behind it, and is left out */
	TAPPED_LOG_STATUS,
	TAPPED_LOG_BYTES,
	TAPPED_LOG_MS,
	TAPPED_LOG_QUEUE_MS,
	TAPPED_LOG_CONNECT_MS,
	TAPPED_LOG_ANSWER_MS,
	TAPPED_LOG_ENVIRONMENT,
	TAPPED_LOG_SERVICE,
	TAPPED_LOG_VERSION,
	TAPPED_LOG_INSTANCE,
	TAPPED_LOG_USER,
	TAPPED_LOG_TRACEPARENT,
	TAPPED_LOG_ERROR,
	TAPPED_LOG_COUNT,
};

/* Parts of the line, texts without their quotes, escaped as they are.  False: it is no such line.
 */
bool tapped_log_split(struct span line, struct span ret_values[TAPPED_LOG_COUNT]);

/*
 * A text with `\/`, `\"` and `\\` as what they stand for, as far as there is room; other escapes
 * stand for what is not to be shown, and stay.
 */
struct span tapped_log_unescape(struct span text, char *copy, size_t size);

#endif
