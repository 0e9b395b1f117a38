/*
 * The directory of certificates (haproxy.tls.certificates), followed: files in it and in
 * directories in it, one level deep, so that what lego, acme.sh, certbot or Kubernetes leave there
 * is read as it is.  A certificate and its private key are in one file, or in two of one directory.
 */
#ifndef MF_STORE_CERTIFICATE_DIR_H
#define MF_STORE_CERTIFICATE_DIR_H

#include <stddef.h>

struct certificate_dir;
struct certificate_entry;
struct loop;
struct mf_err;

#define CERTIFICATE_DIR_FILES_MAX 2000

/* Something is otherwise than it was at the last certificate_dir_list. */
typedef void certificate_dir_fn(void *ctx);

/* Also of a directory that is not there yet.  loop NULL: it is read once, and not followed. */
struct certificate_dir *certificate_dir_new(struct loop *loop, const char *path,
					    certificate_dir_fn *on_change, void *ctx);
void certificate_dir_free(struct certificate_dir *dir); /* NULL is fine */

/*
 * What there is, by name; borrowed until the loop is next run.  An entry is named after its file,
 * "shop.pem", "shop.crt.pem" after "shop.crt", or "shop+fullchain.pem" in a directory "shop".  Of
 * one certificate in several files of a directory the file with the most behind it counts.  An
 * expired one is refused, too.
 *
 * Negative, with nothing listed: it cannot be read, or there is no certificate at all, which is no
 * reason to believe that none is wanted.
 */
int certificate_dir_list(const struct certificate_dir *dir, const struct certificate_entry **ret,
			 size_t *ret_count, struct mf_err *err);

#endif
