/*
 * Which requests a browser may have been tricked into: those under a name that is not ours, which
 * somebody's name server leads here (DNS rebinding), and those from another page.
 */
#ifndef MF_CONSOLE_GUARD_H
#define MF_CONSOLE_GUARD_H

#include <stdbool.h>

/* A value of Host: an address, localhost, or one of the names (NULL at the end; or NULL: none),
 * each with or without a port.  host NULL: there is no such field. */
bool guard_is_our_host(const char *host, char *const *names);

/* Whether a value of Origin (NULL: none) is a page under that Host. */
bool guard_is_same_origin(const char *origin, const char *host);

/* Whether an address to listen at can be reached from this host alone. */
bool guard_is_loopback(const char *bind_to);

#endif
