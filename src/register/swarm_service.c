/* A service of a swarm in the words of a container. */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "register/container.h"
#include "register/docker_event.h"
#include "register/swarm.h"

#define LABEL "mayfly."

/* A service's id is shorter than a container's, and has other letters. */
static char *make_id(const char *id)
{
	buf_auto struct buf hex = BUF_INIT;

	for (const char *c = id; *c != '\0' && hex.len < DOCKER_ID_LEN; c++)
		buf_printf(&hex, "%02x", (unsigned char)*c);
	while (hex.len < DOCKER_ID_LEN)
		buf_add_char(&hex, '0');
	return buf_take(&hex);
}

/* Of the environment, and so for who deploys it; its containers do not have them. */
static bool is_env_word(const char *key)
{
	if (!str_has_prefix(key, LABEL))
		return false;
	for (size_t i = 0; i < CONTAINER_WORD_COUNT; i++)
		if (strcmp(key + strlen(LABEL), container_env_words[i]) == 0)
			return true;
	return false;
}

static void put_labels(const struct node *spec, const struct node *own, struct buf *json)
{
	const struct node *deploy = node_find(spec, "Labels");
	const char *stack = node_text_at(deploy, "com.docker.stack.namespace", NULL);

	json_open(json, "Labels", '{');
	for (size_t i = 0; i < node_count(own, NODE_MAP); i++) {
		const struct node *label = &own->children[i];
		bool is_over = is_env_word(label->key) && node_find(deploy, label->key) != NULL;

		if (!is_over && !str_has_prefix(label->key, "com.docker.") &&
		    node_text(label) != NULL)
			json_put(json, label->key, node_text(label));
	}
	for (size_t i = 0; i < node_count(deploy, NODE_MAP); i++)
		if (is_env_word(deploy->children[i].key) && node_text(&deploy->children[i]) != NULL)
			json_put(json, deploy->children[i].key, node_text(&deploy->children[i]));
	if (stack != NULL)
		json_put(json, "com.docker.stack.namespace", stack);
	json_put(json, "com.docker.swarm.service.name", node_text_at(spec, "Name", ""));
	json_close(json, '}');
}

static void put_env(const struct node *env, struct buf *json)
{
	json_open(json, "Env", '[');
	for (size_t i = 0; i < node_count(env, NODE_LIST); i++)
		if (node_text(&env->children[i]) != NULL)
			json_put(json, NULL, node_text(&env->children[i]));
	json_close(json, ']');
}

/* What the ingress publishes leads to any copy on any node: HAProxy is to choose. */
static char *put_ports(const struct node *spec, struct buf *json)
{
	const struct node *ports = node_find(node_find(spec, "EndpointSpec"), "Ports");
	char *wrong = NULL;

	json_open(json, "PortBindings", '{');
	for (size_t i = 0; i < node_count(ports, NODE_LIST); i++) {
		const struct node *port = &ports->children[i];
		bool is_host = strcmp(node_text_at(port, "PublishMode", ""), "host") == 0;
		mem_auto_free char *key = NULL, *quoted = NULL;
		int64_t number;

		if (!node_int_at(port, "TargetPort", &number) ||
		    strcmp(node_text_at(port, "Protocol", "tcp"), "tcp") != 0)
			continue;
		if (!is_host && wrong == NULL)
			wrong = mem_printf("port %lld is published by the ingress: write "
					   "`ports: [{target: %lld, mode: host}]`",
					   (long long)number, (long long)number);
		if (!is_host)
			continue;
		key = mem_printf("%lld/tcp", (long long)number);
		quoted = mem_printf("\"%s\"", key);
		if (strstr(buf_str(json), quoted) != NULL) /* published twice */
			continue;
		json_open(json, key, '[');
		json_open(json, NULL, '{');
		json_put(json, "HostPort", "");
		json_close(json, '}');
		json_close(json, ']');
	}
	json_close(json, '}');
	return wrong;
}

int swarm_describe(const struct node *service, struct buf *ret_json, char **ret_wrong,
		   struct mf_err *err)
{
	const struct node *spec = node_find(service, "Spec");
	const struct node *container = node_find(node_find(spec, "TaskTemplate"), "ContainerSpec");
	const char *id = node_text_at(service, "ID", ""), *name = node_text_at(spec, "Name", "");
	mem_auto_free char *made = make_id(id);

	if (id[0] == '\0' || name[0] == '\0' || container == NULL)
		return mf_err_set(err, MF_EDATA, "no description of a service");
	json_open(ret_json, NULL, '{');
	json_put(ret_json, "Id", made);
	json_put(ret_json, "Name", name);
	json_put(ret_json, "Created", node_text_at(service, "CreatedAt", ""));
	json_open(ret_json, "State", '{');
	json_close(ret_json, '}');
	json_open(ret_json, "HostConfig", '{');
	*ret_wrong = put_ports(spec, ret_json);
	json_close(ret_json, '}');
	json_open(ret_json, "Config", '{');
	json_put(ret_json, "Image", node_text_at(container, "Image", ""));
	put_env(node_find(container, "Env"), ret_json);
	put_labels(spec, node_find(container, "Labels"), ret_json);
	json_close(ret_json, '}');
	json_close(ret_json, '}');
	return 0;
}
