/* The environment variables of Docker's client. */
#include "cmd/docker_host.h"

#include <stdlib.h>

#include "base/mem.h"

const char *docker_host_choose(const char *option)
{
	return option != NULL ? option : getenv("DOCKER_HOST");
}

char *docker_host_make_cert_path(void)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY"), *path = getenv("DOCKER_CERT_PATH");
	const char *home = getenv("HOME");

	if (verify == NULL || verify[0] == '\0')
		return NULL;
	return path != NULL && path[0] != '\0' ? mem_dup_str(path)
					       : mem_printf("%s/.docker", home == NULL ? "" : home);
}
