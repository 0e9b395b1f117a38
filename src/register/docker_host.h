/*
 * How a Docker engine is reached.
 */
#ifndef MF_REGISTER_DOCKER_HOST_H
#define MF_REGISTER_DOCKER_HOST_H

#include "sys/http.h"

struct mf_err;

struct docker_host {
	char *base;	 /* "http://docker", "https://10.0.0.5:2376" */
	char *unix_path; /* NULL: TCP */
	char *ca_file, *cert_file, *key_file;
	struct http_tls tls; /* of these; for TCP with cert_path */
};

/* As docker_api_start.  To be freed with docker_host_fini, which a zeroed one may have, too. */
int docker_host_parse(struct docker_host *host, const char *text, const char *cert_path,
		      struct mf_err *err);
const struct http_tls *docker_host_tls(const struct docker_host *host); /* NULL: without */
void docker_host_fini(struct docker_host *host);

#endif
