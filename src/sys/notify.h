/*
 * Tell a service manager how we are: the datagram protocol of sd_notify(3), over NOTIFY_SOCKET.
 * Without that variable everything here does nothing.
 */
#ifndef MF_SYS_NOTIFY_H
#define MF_SYS_NOTIFY_H

#include <stdint.h>

void notify_send(const char *state); /* "READY=1", "STATUS=...", "STOPPING=1"; lines by \n */
int64_t notify_watchdog_ms(void);    /* half of WATCHDOG_USEC in milliseconds; 0: none asked for */

#endif
