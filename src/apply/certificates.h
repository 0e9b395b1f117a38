/*
 * The certificates that HAProxy's frontends show: the good ones are kept as files in certificates/
 * beside haproxy.cfg, with a crt-list (configuration manual, section 5.1) that names them, so that
 * any HAProxy that is started or reloaded has them; the running one gets what differs by the
 * runtime API (management guide, section 9.3, `set ssl cert`), without a reload.
 *
 * What is refused leaves the last good one in force, also after a restart of this process.
 */
#ifndef MF_APPLY_CERTIFICATES_H
#define MF_APPLY_CERTIFICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate_entry;
struct certificates;
struct loop;
struct mf_err;
struct settings;

struct certificate_state {
	const char *name, *names; /* names: the hosts', "" where none is in force */
	int64_t ends;		  /* of the one in force, seconds since 1970; 0: there is none */
	const char *reason;	  /* why a newer one is refused, or not in force; "" */
};

/* The states, or what is asked of HAProxy, are otherwise; never called from inside. */
typedef void certificates_fn(void *ctx);

/* settings: nothing is borrowed. */
struct certificates *certificates_new(struct loop *loop, const struct settings *settings,
				      certificates_fn *on_change, void *ctx);
void certificates_free(struct certificates *certificates); /* NULL is fine */

/*
 * These are wanted from now on; copied.  The files are written at once, HAProxy follows. MF_EWRITE,
 * MF_EPERM: some could not be written.
 */
int certificates_set(struct certificates *certificates, const struct certificate_entry *entries,
		     size_t count, struct mf_err *err);
/* At a start, with nothing that can be believed: what is in the files stays. */
int certificates_keep(struct certificates *certificates, struct mf_err *err);

/* HAProxy's worker is another one: ask it what it has. */
void certificates_check(struct certificates *certificates);

bool certificates_is_idle(const struct certificates *certificates);
size_t certificates_list(const struct certificates *certificates,
			 const struct certificate_state **ret);

#endif
