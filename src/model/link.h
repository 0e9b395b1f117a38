/*
 * Links that hand a browser in: at one host, to one environment, until some time.  Who has the key
 * signs them, and HAProxy knows them by it (templates/haproxy-enter.mustache):
 *
 *	https://HOST/.mayfly/enter/ENVIRONMENT/PATH?until=SECONDS&key=SIGNATURE
 *
 * The signature is HMAC-SHA-256, in lower-case hex, of "HOST|ENVIRONMENT|SECONDS", none of which
 * can have a '|'.
 */
#ifndef MF_MODEL_LINK_H
#define MF_MODEL_LINK_H

#include <stddef.h>
#include <stdint.h>

#define LINK_KEY_BYTES	    32
#define LINK_SIGNATURE_SIZE 65 /* terminated */
#define LINK_FILE_MAX	    4096

struct buf;
struct mf_err;

/* What a key's file holds, a map of HAProxy's: "key" and base64. */
void link_key_format(const unsigned char key[LINK_KEY_BYTES], struct buf *ret_text);
/* MF_EDATA: it is no such file. */
int link_key_parse(const char *text, size_t len, unsigned char ret_key[LINK_KEY_BYTES],
		   struct mf_err *err);

/* host: in lower case, without a port.  MF_EFAIL. */
int link_sign(const unsigned char key[LINK_KEY_BYTES], const char *host, const char *env,
	      int64_t until, char ret_signature[LINK_SIGNATURE_SIZE], struct mf_err *err);

#endif
