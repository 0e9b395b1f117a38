/* Errors: codes and messages.  Knows nothing of logging. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void set_words(struct mf_err *err, int code, int sys,
							    const char *format, va_list ap)
{
	err->code = code;
	err->sys = sys;
	(void)vsnprintf(err->msg, sizeof(err->msg), format, ap);
}

int mf_err_set(struct mf_err *err, int code, const char *format, ...)
{
	va_list ap;

	if (err != NULL) {
		va_start(ap, format);
		set_words(err, code, 0, format, ap);
		va_end(ap);
	}
	return code;
}

int mf_err_set_sys(struct mf_err *err, int code, const char *format, ...)
{
	int sys = errno;
	size_t len;
	va_list ap;

	if (err != NULL) {
		va_start(ap, format);
		set_words(err, code, sys, format, ap);
		va_end(ap);
		len = strlen(err->msg);
		(void)snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", strerror(sys));
	}
	return code;
}

int mf_err_wrap(struct mf_err *err, const char *format, ...)
{
	char inner[sizeof(err->msg)];
	size_t len;
	va_list ap;

	if (err == NULL)
		return MF_EFAIL;
	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, format);
	(void)vsnprintf(err->msg, sizeof(err->msg), format, ap);
	va_end(ap);
	len = strlen(err->msg);
	(void)snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", inner);
	return err->code;
}

void mf_err_cut_place(struct mf_err *err)
{
	char *place = err == NULL ? NULL : strstr(err->msg, " (line ");

	if (place != NULL)
		*place = '\0';
}

int mf_err_exit_status(int code)
{
	switch (code) {
#define X(name, value, status, word)                                                               \
	case name:                                                                                 \
		return status;
		MF_CODES(X)
#undef X
	case 0:
		return 0;
	default:
		return 1;
	}
}

const char *mf_err_word(int code)
{
	switch (code) {
#define X(name, value, status, word)                                                               \
	case name:                                                                                 \
		return word;
		MF_CODES(X)
#undef X
	case 0:
		return "ok";
	default:
		return "failed";
	}
}

bool mf_err_is_retry(int code)
{
	return code == MF_EUNAVAIL || code == MF_ETIMEOUT || code == MF_EUNKNOWN;
}
