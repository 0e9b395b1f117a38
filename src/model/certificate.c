/*
 * Reads certificates and keys by OpenSSL, and lets it judge whether they go together.  Knows
 * neither where they come from nor which are in force.
 */
#include "model/certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"

enum { ITEMS_MAX = 64 }; /* of a file */

struct certificate_file {
	X509 *certificates[ITEMS_MAX];
	EVP_PKEY *keys[ITEMS_MAX];
	size_t certificate_count, key_count;
};

struct certificate_keys {
	struct strmap *map; /* of EVP_PKEY, borrowed; by the digest of their public half */
	SSL_CTX *judge;	    /* what HAProxy would have; NULL until it is needed */
};

static int set_openssl(struct mf_err *err, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	ERR_clear_error();
	return mf_err_set(err, MF_EDATA, "%s: %s", what, reason == NULL ? "unknown" : reason);
}

/* --- a file ---------------------------------------------------------------------------------- */

void certificate_file_free(struct certificate_file *file)
{
	if (file == NULL)
		return;
	for (size_t i = 0; i < file->certificate_count; i++)
		X509_free(file->certificates[i]);
	for (size_t i = 0; i < file->key_count; i++)
		EVP_PKEY_free(file->keys[i]);
	free(file);
}

static int add_key(struct certificate_file *file, const char *header, const unsigned char *der,
		   long len, struct mf_err *err)
{
	if (strstr(header, "ENCRYPTED") != NULL)
		return mf_err_set(err, MF_EDATA, "its private key has a passphrase");
	if (file->key_count == ITEMS_MAX)
		return mf_err_set(err, MF_EDATA, "more than %d private keys", ITEMS_MAX);
	file->keys[file->key_count] = d2i_AutoPrivateKey(NULL, &der, len);
	if (file->keys[file->key_count] == NULL)
		return set_openssl(err, "a private key cannot be read");
	file->key_count++;
	return 0;
}

static int add_certificate(struct certificate_file *file, const unsigned char *der, long len,
			   struct mf_err *err)
{
	if (file->certificate_count == ITEMS_MAX)
		return mf_err_set(err, MF_EDATA, "more than %d certificates", ITEMS_MAX);
	file->certificates[file->certificate_count] = d2i_X509(NULL, &der, len);
	if (file->certificates[file->certificate_count] == NULL)
		return set_openssl(err, "a certificate cannot be read");
	file->certificate_count++;
	return 0;
}

/* Parameters, requests and whatever else there may be is not for HAProxy. */
static int add_item(struct certificate_file *file, const char *name, const char *header,
		    const unsigned char *der, long len, struct mf_err *err)
{
	if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0)
		return add_certificate(file, der, len, err);
	if (strcmp(name, PEM_STRING_PKCS8) == 0)
		return add_key(file, "ENCRYPTED", der, len, err);
	if (str_has_suffix(name, "PRIVATE KEY"))
		return add_key(file, header, der, len, err);
	return 0;
}

static int read_items(struct certificate_file *file, BIO *bio, struct mf_err *err)
{
	char *name, *header;
	unsigned char *der;
	long len;
	int code = 0;

	ERR_clear_error();
	while (code == 0 && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		code = add_item(file, name, header, der, len, err);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	if (code == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return set_openssl(err, "cannot be read as PEM");
	ERR_clear_error();
	return code;
}

int certificate_file_parse(const char *bytes, size_t len, struct certificate_file **ret_file,
			   struct mf_err *err)
{
	struct certificate_file *file;
	BIO *bio;
	int code;

	if (len > CERTIFICATE_FILE_MAX)
		return mf_err_set(err, MF_EDATA, "longer than %d bytes", CERTIFICATE_FILE_MAX);
	file = MEM_NEW(file);
	bio = BIO_new_mem_buf(len == 0 ? "" : bytes, (int)len);
	code = bio == NULL ? mf_err_set(err, MF_EFAIL, "no memory for OpenSSL")
			   : read_items(file, bio, err);
	BIO_free(bio);
	if (code != 0) {
		certificate_file_free(file);
		return code;
	}
	*ret_file = file;
	return 0;
}

bool certificate_file_is_empty(const struct certificate_file *file)
{
	return file->certificate_count == 0 && file->key_count == 0;
}

bool certificate_file_has_certificate(const struct certificate_file *file)
{
	return file->certificate_count != 0;
}

/* --- keys ------------------------------------------------------------------------------------ */

static void add_hex(char *ret, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * len] = '\0';
}

/* Of what a certificate and its key have in common. */
static bool digest_public(EVP_PKEY *key, char ret[2 * EVP_MAX_MD_SIZE + 1])
{
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	int len = key == NULL ? 0 : i2d_PUBKEY(key, &der);
	unsigned size = 0;
	bool is_good =
	    len > 0 && EVP_Digest(der, (size_t)len, digest, &size, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	if (is_good)
		add_hex(ret, digest, size);
	ERR_clear_error();
	return is_good;
}

struct certificate_keys *certificate_keys_new(void)
{
	struct certificate_keys *keys = MEM_NEW(keys);

	keys->map = strmap_new(NULL);
	return keys;
}

void certificate_keys_free(struct certificate_keys *keys)
{
	if (keys == NULL)
		return;
	strmap_free(keys->map);
	SSL_CTX_free(keys->judge);
	free(keys);
}

void certificate_keys_add(struct certificate_keys *keys, const struct certificate_file *file)
{
	char digest[2 * EVP_MAX_MD_SIZE + 1];

	for (size_t i = 0; i < file->key_count; i++)
		if (digest_public(file->keys[i], digest))
			strmap_set(keys->map, digest, file->keys[i]);
}

static EVP_PKEY *find_key(const struct certificate_keys *keys, X509 *certificate)
{
	char digest[2 * EVP_MAX_MD_SIZE + 1];

	return digest_public(X509_get0_pubkey(certificate), digest) ? strmap_find(keys->map, digest)
								    : NULL;
}

/* --- a certificate --------------------------------------------------------------------------- */

void certificate_free(struct certificate *certificate)
{
	if (certificate == NULL)
		return;
	if (certificate->pem != NULL)
		OPENSSL_cleanse(certificate->pem, strlen(certificate->pem));
	free(certificate->pem);
	free(certificate->names);
	free(certificate);
}

struct certificate *certificate_dup(const struct certificate *certificate)
{
	struct certificate *copy = MEM_NEW(copy);

	*copy = *certificate;
	copy->pem = mem_dup_str(certificate->pem);
	copy->names = mem_dup_str(certificate->names);
	return copy;
}

int certificate_check_time(const struct certificate *certificate, int64_t now, struct mf_err *err)
{
	buf_auto struct buf time = BUF_INIT;

	if (now < certificate->starts) {
		str_add_time(&time, certificate->starts, -1);
		return mf_err_set(err, MF_EDATA, "its time begins only at %s", buf_str(&time));
	}
	if (now < certificate->ends)
		return 0;
	str_add_time(&time, certificate->ends, -1);
	return mf_err_set(err, MF_EDATA, "it has expired at %s", buf_str(&time));
}

static bool get_time(const ASN1_TIME *time, int64_t *ret_seconds)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret_seconds = (int64_t)timegm(&tm);
	return true;
}

static void add_name(struct buf *names, const ASN1_STRING *name)
{
	size_t len = (size_t)ASN1_STRING_length(name);

	if (len == 0 || names->len + len + 2 > CERTIFICATE_NAMES_MAX)
		return;
	if (names->len != 0)
		buf_add_str(names, ", ");
	for (size_t i = 0; i < len; i++) {
		char c = (char)ASN1_STRING_get0_data(name)[i];

		buf_add_char(names, c > ' ' && c < 127 ? c : '?');
	}
}

/* What HAProxy chooses it by: the subject's common names, too (configuration manual, crt-list). */
static char *list_names(X509 *certificate)
{
	GENERAL_NAMES *alternatives =
	    X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	const X509_NAME *subject = X509_get_subject_name(certificate);
	struct buf names = BUF_INIT;

	for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(alternatives, i);

		if (name->type == GEN_DNS)
			add_name(&names, name->d.dNSName);
	}
	GENERAL_NAMES_free(alternatives);
	for (int i = -1;
	     names.len == 0 && (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		add_name(&names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
	ERR_clear_error();
	return buf_take(&names);
}

/* An authority's own; who names hosts is for them, whoever signed it. */
static bool is_authority(X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return names == NULL && X509_check_ca(certificate) != 0;
}

static int write_pem(const struct certificate_file *file, EVP_PKEY *key, char **ret_pem,
		     struct mf_err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long len;
	int code = 0;
	bool is_good =
	    bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

	for (size_t i = 0; i < file->certificate_count; i++)
		is_good = is_good && PEM_write_bio_X509(bio, file->certificates[i]) == 1;
	if (!is_good) {
		code = set_openssl(err, "cannot be written anew");
	} else {
		len = BIO_get_mem_data(bio, &bytes);
		if (len > CERTIFICATE_PEM_MAX)
			code = mf_err_set(err, MF_EDATA,
					  "with key and chain longer than %d bytes, which HAProxy "
					  "does not take while it runs",
					  CERTIFICATE_PEM_MAX);
		else
			*ret_pem = mem_dup_bytes(bytes, (size_t)len);
	}
	BIO_free(bio);
	return code;
}

/* By the rules of this machine's OpenSSL: how long keys must be, which digests may sign. */
static int judge(const struct certificate_file *file, SSL_CTX *context, EVP_PKEY *key,
		 struct mf_err *err)
{
	ERR_clear_error();
	if (context == NULL || SSL_CTX_use_certificate(context, file->certificates[0]) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
		return set_openssl(err, "OpenSSL does not take it");
	(void)SSL_CTX_clear_chain_certs(context);
	for (size_t i = 1; i < file->certificate_count; i++)
		if (SSL_CTX_add1_chain_cert(context, file->certificates[i]) != 1)
			return set_openssl(err, "OpenSSL does not take what signs it");
	return 0;
}

static int fill(struct certificate *certificate, const struct certificate_file *file, EVP_PKEY *key,
		struct mf_err *err)
{
	X509 *first = file->certificates[0];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!get_time(X509_get0_notBefore(first), &certificate->starts) ||
	    !get_time(X509_get0_notAfter(first), &certificate->ends) ||
	    X509_digest(first, EVP_sha1(), digest, &len) != 1 || len != 20)
		return set_openssl(err, "its times cannot be read");
	add_hex(certificate->fingerprint, digest, len);
	certificate->names = list_names(first);
	if (certificate->names == NULL || certificate->names[0] == '\0')
		return mf_err_set(err, MF_EDATA, "it names no host");
	certificate->chain = file->certificate_count - 1;
	return write_pem(file, key, &certificate->pem, err);
}

int certificate_make(const struct certificate_file *file, struct certificate_keys *keys,
		     struct certificate **ret_certificate, struct mf_err *err)
{
	EVP_PKEY *key = find_key(keys, file->certificates[0]);
	struct certificate *certificate;
	int code;

	if (key == NULL && is_authority(file->certificates[0])) {
		*ret_certificate = NULL;
		return 0;
	}
	if (key == NULL)
		return mf_err_set(err, MF_EDATA, "there is no private key for it beside it");
	if (keys->judge == NULL)
		keys->judge = SSL_CTX_new(TLS_server_method());
	certificate = MEM_NEW(certificate);
	code = judge(file, keys->judge, key, err);
	if (code == 0)
		code = fill(certificate, file, key, err);
	if (code == 0)
		*ret_certificate = certificate;
	else
		certificate_free(certificate);
	return code;
}

int certificate_parse(const char *pem, size_t len, struct certificate **ret_certificate,
		      struct mf_err *err)
{
	struct certificate_keys *keys = certificate_keys_new();
	struct certificate_file *file = NULL;
	int code = certificate_file_parse(pem, len, &file, err);

	*ret_certificate = NULL;
	if (code == 0 && (file == NULL || file->certificate_count == 0))
		code = mf_err_set(err, MF_EDATA, "there is no certificate in it");
	if (code == 0 && file != NULL) {
		certificate_keys_add(keys, file);
		code = certificate_make(file, keys, ret_certificate, err);
	}
	if (code == 0 && *ret_certificate == NULL)
		code = mf_err_set(err, MF_EDATA, "there is no private key in it");
	certificate_keys_free(keys);
	certificate_file_free(file);
	return code;
}
