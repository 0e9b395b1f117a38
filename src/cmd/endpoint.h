/*
 * Where an instance answers, as register's operand says it.
 */
#ifndef MF_CMD_ENDPOINT_H
#define MF_CMD_ENDPOINT_H

#include <stdbool.h>

struct mf_err;

/*
 * As netif_parse_endpoint has it; of an interface or a network the address that this host has now.
 * The port may be "auto" where that is allowed: a free one of that address.  MF_EDATA.
 * ret_address is canonical, without brackets, and handed over.
 */
int endpoint_find(const char *s, bool may_be_auto, char **ret_address, unsigned *ret_port,
		  struct mf_err *err);

#endif
