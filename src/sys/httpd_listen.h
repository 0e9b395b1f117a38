/* The socket that sys/httpd listens at. */
#ifndef MF_SYS_HTTPD_LISTEN_H
#define MF_SYS_HTTPD_LISTEN_H

struct mf_err;

#define HTTPD_UNIX "unix:"

/*
 * bind_to: as httpd_open has it.  A Unix socket that nobody listens at any more is replaced;
 * whoever listens already is left alone.  MF_ECONFIG, MF_EPERM, MF_EUNAVAIL (in use).
 */
int httpd_listen(const char *bind_to, int *ret_fd, struct mf_err *err);

#endif
