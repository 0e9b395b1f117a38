/*
 * Which Docker engine is meant, as Docker's own client finds it: an option, else DOCKER_HOST;
 * DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.
 */
#ifndef MF_CMD_DOCKER_HOST_H
#define MF_CMD_DOCKER_HOST_H

/* option: what was given, or NULL.  Borrowed; NULL: the usual socket. */
const char *docker_host_choose(const char *option);
/* The folder of the certificates; NULL: no TLS.  Handed over. */
char *docker_host_make_cert_path(void);

#endif
