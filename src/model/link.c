/* Signs by OpenSSL, and knows the form of the key's file. */
#include "model/link.h"

#include <stdio.h>
#include <string.h>

#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

static const char before[] = "key ";

void link_key_format(const unsigned char key[LINK_KEY_BYTES], struct buf *ret_text)
{
	buf_add_str(ret_text, before);
	str_add_base64(ret_text, key, LINK_KEY_BYTES);
	buf_add_char(ret_text, '\n');
}

int link_key_parse(const char *text, size_t len, unsigned char ret_key[LINK_KEY_BYTES],
		   struct mf_err *err)
{
	size_t head = strlen(before);
	buf_auto struct buf key = BUF_INIT;

	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len <= head || memcmp(text, before, head) != 0 ||
	    !str_decode_base64(&key, text + head, len - head) || key.len != LINK_KEY_BYTES)
		return mf_err_set(err, MF_EDATA,
				  "must be one line: \"key\", and %d bytes in base64",
				  LINK_KEY_BYTES);
	memcpy(ret_key, key.data, LINK_KEY_BYTES);
	return 0;
}

int link_sign(const unsigned char key[LINK_KEY_BYTES], const char *host, const char *env,
	      int64_t until, char ret_signature[LINK_SIGNATURE_SIZE], struct mf_err *err)
{
	mem_auto_free char *text = mem_printf("%s|%s|%lld", host, env, (long long)until);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (HMAC(EVP_sha256(), key, LINK_KEY_BYTES, (const unsigned char *)text, strlen(text),
		 digest, &len) == NULL)
		return mf_err_set(err, MF_EFAIL, "OpenSSL cannot sign");
	for (unsigned i = 0; i < len && 2 * i + 2 < LINK_SIGNATURE_SIZE; i++)
		(void)snprintf(ret_signature + (size_t)2 * i, 3, "%02x", digest[i]);
	return 0;
}
