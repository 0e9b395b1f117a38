/*
 * Errors: one convention for every module.
 *
 * A function that can fail returns 0 or a negative enum mf_code, and puts a message
 * into a caller-owned struct mf_err.  The code says what the caller should do; the message says,
 * from the outside in, which object is wrong and why, with no final period:
 *
 *     environment dev: service backend: version "0 .1": not allowed: a space (line 7, column 14)
 *
 * One function makes an error, the others wrap it with context on the way up, and whoever decides
 * what to do about it logs it, once.  Every function here takes err == NULL: then only the code
 * travels.
 */
#ifndef MF_BASE_ERR_H
#define MF_BASE_ERR_H

#include <stdbool.h>

/* name, value, exit status (sysexits.h), the word for it */
/* clang-format off */
#define MF_CODES(X)                                                                               \
	X(MF_EFAIL, -1, 1, "failed")         /* anything else */                                  \
	X(MF_EUSAGE, -2, 64, "usage")        /* a wrong call of a tool */                         \
	X(MF_EDATA, -3, 65, "bad data")      /* bad input, render or validation: keep last good */ \
	X(MF_ENOINPUT, -4, 66, "no input")   /* a file or key that must be there is not */        \
	X(MF_EUNAVAIL, -5, 69, "unavailable") /* etcd, HAProxy, Docker out of reach: retry later */ \
	X(MF_EWRITE, -6, 73, "cannot write") /* an output cannot be created or replaced */        \
	X(MF_ETIMEOUT, -7, 75, "deadline")   /* not done in time: retry later */                  \
	X(MF_EUNKNOWN, -8, 75, "unknown outcome") /* a write that may have happened: read again */ \
	X(MF_EPERM, -9, 77, "permission")    /* not allowed */                                    \
	X(MF_ECONFIG, -10, 78, "bad configuration") /* our own settings are wrong */
/* clang-format on */

enum mf_code {
#define X(name, value, status, word) name = (value),
	MF_CODES(X)
#undef X
};

struct mf_err {
	int code;	/* enum mf_code, 0 while unset */
	int sys;	/* errno behind it, or 0 */
	char msg[1024]; /* one line, always terminated; cut at the end when too long */
};

/* Set the message; returns code, so that a caller can write `return mf_err_set(...)`. */
int mf_err_set(struct mf_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of errno behind it. */
int mf_err_set_sys(struct mf_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put context and ": " before the message that is there; returns the code that is there. */
int mf_err_wrap(struct mf_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Without " (line L, column C)" at the end: of a text that no person wrote. */
void mf_err_cut_place(struct mf_err *err);

/* The process exit status for a code: 0 for 0. */
int mf_err_exit_status(int code);

/* The word for a code: "ok" for 0. */
const char *mf_err_word(int code);

/* Whether the same call may succeed later with nothing changed by anybody. */
bool mf_err_is_retry(int code);

#endif
