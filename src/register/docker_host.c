/* DOCKER_HOST, read. */
#include "register/docker_host.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define DEFAULT_HOST "unix:///var/run/docker.sock"

static void set_tls(struct docker_host *host, const char *cert_path)
{
	host->ca_file = mem_printf("%s/ca.pem", cert_path);
	host->cert_file = mem_printf("%s/cert.pem", cert_path);
	host->key_file = mem_printf("%s/key.pem", cert_path);
	host->tls = (struct http_tls){host->ca_file, host->cert_file, host->key_file};
}

int docker_host_parse(struct docker_host *host, const char *text, const char *cert_path,
		      struct mf_err *err)
{
	const char *rest;

	memset(host, 0, sizeof(*host));
	if (text == NULL || text[0] == '\0')
		text = DEFAULT_HOST;
	if (str_has_prefix(text, "unix:///")) {
		host->unix_path = mem_dup_str(text + strlen("unix://"));
		host->base = mem_dup_str("http://docker");
		return 0;
	}
	rest = text + strlen("tcp://");
	if (!str_has_prefix(text, "tcp://") || rest[0] == '\0' || strpbrk(rest, "/?#@ ") != NULL)
		return mf_err_set(
		    err, MF_ECONFIG,
		    "Docker host \"%.128s\": neither unix:///PATH nor tcp://HOST:PORT", text);
	host->base = mem_printf("%s://%s", cert_path == NULL ? "http" : "https", rest);
	if (cert_path != NULL)
		set_tls(host, cert_path);
	return 0;
}

const struct http_tls *docker_host_tls(const struct docker_host *host)
{
	return host->ca_file == NULL ? NULL : &host->tls;
}

void docker_host_fini(struct docker_host *host)
{
	free(host->base);
	free(host->unix_path);
	free(host->ca_file);
	free(host->cert_file);
	free(host->key_file);
	memset(host, 0, sizeof(*host));
}
