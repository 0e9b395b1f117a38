/*
 * The file of the key that links are signed with (haproxy.link_key): made by whoever needs it
 * first, read by HAProxy as a map.
 */
#ifndef MF_STORE_LINK_KEY_H
#define MF_STORE_LINK_KEY_H

#include "model/link.h"

struct mf_err;

/* MF_EPERM: it may not be read, or everybody may; MF_EDATA; MF_EWRITE: it is not there and cannot
 * be made. */
int link_key_load(const char *path, unsigned char ret_key[LINK_KEY_BYTES], struct mf_err *err);

#endif
