/*
 * The certificates of HAProxy's frontends, as kvwatch keeps them: those of the directory that the
 * settings name (store/certificate_dir.h) are brought into force (apply/certificates.h).
 */
#ifndef MF_CMD_CERTIFICATES_FOLLOW_H
#define MF_CMD_CERTIFICATES_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

struct certificates_follow;
struct loop;
struct settings;

/* HAProxy has been asked, and has what it is to have or cannot have it now. */
typedef void certificates_follow_fn(void *ctx);

/* The files are there when it returns.  NULL, which all of the following take: there is no TLS. */
struct certificates_follow *certificates_follow_new(struct loop *loop,
						    const struct settings *settings,
						    certificates_follow_fn *on_asked, void *ctx);
void certificates_follow_free(struct certificates_follow *follow);

/* HAProxy's worker is another one. */
void certificates_follow_check(struct certificates_follow *follow);
struct certificate_state;
size_t certificates_follow_list(const struct certificates_follow *follow,
				const struct certificate_state **ret);
bool certificates_follow_is_idle(const struct certificates_follow *follow);

#endif
