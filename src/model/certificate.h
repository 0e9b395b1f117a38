/*
 * Certificates of HAProxy's frontends: PEM files of one directory are read together (RFC 7468), as
 * a certificate's private key may be in its own file or in any other of them.  What is read is
 * written anew for HAProxy, so that nothing else of a file gets there.  Knows no descriptors.
 */
#ifndef MF_MODEL_CERTIFICATE_H
#define MF_MODEL_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_err;

#define CERTIFICATE_FILE_MAX  (256 * 1024) /* bytes of a file */
#define CERTIFICATE_PEM_MAX   15000 /* what HAProxy takes at once, with the words around it */
#define CERTIFICATE_NAME_MAX  128
#define CERTIFICATE_NAMES_MAX 256 /* bytes of its host names as they are shown */

struct certificate {
	char *pem;	      /* the private key, the certificate, and those that sign it */
	char *names;	      /* its host names, joined by ", "; cut when there are many */
	char fingerprint[41]; /* SHA-1 in upper-case hex, as HAProxy shows it */
	int64_t starts, ends; /* seconds since 1970 */
	size_t chain;	      /* certificates behind the first */
};

void certificate_free(struct certificate *certificate); /* NULL is fine */
struct certificate *certificate_dup(const struct certificate *certificate);

/* One of a directory, by a name that is a file's: refused, or as good as it is. */
struct certificate_entry {
	char *name;
	struct certificate *certificate; /* NULL: refused ... */
	char *reason;			 /* ... as it is this; "" else */
};

/* Whether it is as good at that time, in seconds since 1970.  MF_EDATA: it has ended, or begins
 * later. */
int certificate_check_time(const struct certificate *certificate, int64_t now, struct mf_err *err);

/* The private keys that were found so far. */
struct certificate_keys;
struct certificate_keys *certificate_keys_new(void);
void certificate_keys_free(struct certificate_keys *keys);

/* What one file holds. */
struct certificate_file;
void certificate_file_free(struct certificate_file *file); /* NULL is fine */
/* MF_EDATA: it holds PEM that cannot be read, or a key with a passphrase. */
int certificate_file_parse(const char *bytes, size_t len, struct certificate_file **ret_file,
			   struct mf_err *err);
bool certificate_file_is_empty(
    const struct certificate_file *file); /* neither certificate nor key */
bool certificate_file_has_certificate(const struct certificate_file *file);
/* Its keys are known from now on, as long as the file is. */
void certificate_keys_add(struct certificate_keys *keys, const struct certificate_file *file);

/*
 * The file's first certificate with its key and those behind it, if HAProxy would take them.
 * *ret_certificate is NULL where it is only there to be signed by: one of an authority, without a
 * key.  MF_EDATA: there is no key, it names no host, is too weak, or too long.
 */
int certificate_make(const struct certificate_file *file, struct certificate_keys *keys,
		     struct certificate **ret_certificate, struct mf_err *err);

/* A PEM that was made by certificate_make.  MF_EDATA. */
int certificate_parse(const char *pem, size_t len, struct certificate **ret_certificate,
		      struct mf_err *err);

#endif
