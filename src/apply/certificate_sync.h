/*
 * One comparison of the certificates that the running HAProxy has with those that it is to have,
 * and the commands for what differs (management guide, section 9.3).  Knows no files.
 */
#ifndef MF_APPLY_CERTIFICATE_SYNC_H
#define MF_APPLY_CERTIFICATE_SYNC_H

#include <stdbool.h>
#include <stddef.h>

struct certificate_sync;
struct loop;
struct mf_err;

struct certificate_wish {
	const char *path; /* what HAProxy calls it */
	const char *pem, *fingerprint;
	bool is_new; /* to be sent, even if HAProxy has one with this fingerprint */

	/* the answer */
	bool was_sent; /* it has become another one, or come, just now */
	char *error;   /* HAProxy's; NULL: none */
};

/*
 * err: NULL, or why nothing is known (MF_EUNAVAIL, MF_EPERM, MF_ETIMEOUT); is_loaded: HAProxy has
 * the list at all; where not, nothing was done, and nothing needs to be.
 */
typedef void certificate_sync_fn(void *ctx, bool is_loaded, const struct mf_err *err);

/*
 * list: HAProxy's name of the crt-list.  Those in it whose names begin with prefix and that are not
 * wished for go.  wishes: borrowed until on_done, which is never called from inside.
 */
struct certificate_sync *certificate_sync_start(struct loop *loop, const char *admin_socket,
						const char *list, const char *prefix,
						struct certificate_wish *wishes, size_t count,
						certificate_sync_fn *on_done, void *ctx);
void certificate_sync_cancel(struct certificate_sync *sync); /* NULL is fine */

#endif
