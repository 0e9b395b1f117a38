/*
 * Fuzzes what a Docker engine says: an event, and a container's description under the options that
 * the first byte chooses.  What comes out must be fit for etcd and for a URL.
 */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "model/backend.h"
#include "model/name.h"
#include "register/container.h"
#include "register/docker_event.h"
#include "register/swarm.h"

static void check_name(enum name_kind kind, const char *name)
{
	FUZZ_CHECK(name != NULL && name_check(kind, name, strlen(name), NULL) == 0);
}

static void check_instance(const struct announcement *instance)
{
	char *address = NULL;

	check_name(NAME_SERVICE, instance->service);
	check_name(NAME_VERSION, instance->version);
	check_name(NAME_INSTANCE, instance->id);
	if (instance->env != NULL)
		check_name(NAME_ENVIRONMENT, instance->env);
	FUZZ_CHECK(
	    name_parse_address(instance->address, strlen(instance->address), &address, NULL) == 0);
	FUZZ_CHECK(strcmp(address, instance->address) == 0);
	free(address);
	FUZZ_CHECK(instance->port >= 1 && instance->port <= 65535 && instance->weight <= 256);
	for (size_t i = 0; i < instance->attribute_count; i++)
		FUZZ_CHECK(instance_check_attribute(instance->attributes[i].name, NULL) == 0);
}

static void read_container(unsigned char choice, const char *text, size_t len)
{
	static const char *const networks[] = {NULL, "x", "10.0.0.0/9", "fd00::/8"};
	static const char *const addresses[] = {NULL, "10.0.0.5", "fd00::5", "127.0.0.1"};
	const struct container_options options = {
	    .node = "n1",
	    .address = addresses[choice >> 2 & 3],
	    .is_internal = (choice & 16) != 0,
	    .network = networks[choice & 3],
	    .takes_all = (choice & 32) != 0,
	    .takes_deployments = (choice & 128) != 0,
	    .trusts_checks = (choice & 64) != 0,
	    .trusts_env = (choice & 64) != 0,
	    .trusts_id = (choice & 64) != 0,
	    .weight = 100,
	};
	struct container *container;
	struct mf_err err;

	if (container_parse(text, len, &options, &container, &err) != 0) {
		FUZZ_CHECK(err.code == MF_EDATA);
		return;
	}
	FUZZ_CHECK(strlen(container->id) == DOCKER_ID_LEN);
	FUZZ_CHECK(container->instance_count > 0 || container->remarks != NULL);
	for (size_t i = 0; i < container->instance_count; i++)
		check_instance(&container->instances[i].want);
	container_free(container);
}

/* A service, and what is made of it. */
static void read_service(unsigned char choice, const char *text, size_t len)
{
	buf_auto struct buf json = BUF_INIT;
	mem_auto_free char *wrong = NULL;
	struct node *service;

	if (docker_parse(text, len, NODE_MAP, &service, NULL) != 0)
		return;
	if (swarm_describe(service, &json, &wrong, NULL) == 0)
		read_container(choice, json.data, json.len);
	node_free(service);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	struct docker_event event;

	if (size < 1)
		return 0;
	read_container(data[0], text, size - 1);
	read_service(data[0], text, size - 1);
	if (docker_event_parse(text, size - 1, &event, NULL) == 0)
		FUZZ_CHECK(strlen(event.id) ==
			   (event.action == DOCKER_NOTHING ? 0 : DOCKER_ID_LEN));
	return 0;
}
