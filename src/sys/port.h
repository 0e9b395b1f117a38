/*
 * A free TCP port of an address.
 */
#ifndef MF_SYS_PORT_H
#define MF_SYS_PORT_H

struct mf_err;

/*
 * One that nobody listens on now, from the kernel's range; it is not reserved.  address: numeric,
 * without brackets.  MF_EDATA: it is not one of this host's.
 */
int port_find_free(const char *address, unsigned *ret_port, struct mf_err *err);

#endif
