/* The labels by which Docker's tools remember what a container was started for. */
#include "register/deployment.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"

enum { NUMBER_MAX = 999999999 };

#define COMPOSE "com.docker.compose."
#define SWARM	"com.docker.swarm."

static unsigned parse_number(const char *text)
{
	int64_t number;

	return str_parse_int(text, 1, NUMBER_MAX, &number) ? (unsigned)number : 0;
}

/* The slot in "abc_apples.3.TASK"; a global service has a node's id there. */
static unsigned find_slot(const char *task, const char *service)
{
	mem_auto_free char *slot = NULL;

	if (!str_has_prefix(task, service) || task[strlen(service)] != '.')
		return 0;
	task += strlen(service) + 1;
	slot = mem_dup_bytes(task, strcspn(task, "."));
	return parse_number(slot);
}

static const char *cut_prefix(const char *service, const char *stack)
{
	size_t len = strlen(stack);

	return str_has_prefix(service, stack) && service[len] == '_' ? service + len + 1 : service;
}

bool deployment_find(const struct node *labels, struct deployment *ret_deployment)
{
	const char *project = node_text_at(labels, COMPOSE "project", "");
	const char *stack = node_text_at(labels, "com.docker.stack.namespace", "");
	const char *service = node_text_at(labels, SWARM "service.name", "");

	*ret_deployment = (struct deployment){.name = stack};
	if (stack[0] != '\0' && service[0] != '\0') {
		ret_deployment->is_stack = true;
		ret_deployment->service = cut_prefix(service, stack);
		ret_deployment->number =
		    find_slot(node_text_at(labels, SWARM "task.name", ""), service);
		return true;
	}
	service = node_text_at(labels, COMPOSE "service", "");
	if (project[0] == '\0' || service[0] == '\0')
		return false;
	ret_deployment->name = project;
	ret_deployment->service = service;
	ret_deployment->number = parse_number(node_text_at(labels, COMPOSE "container-number", ""));
	ret_deployment->is_oneoff =
	    strcasecmp(node_text_at(labels, COMPOSE "oneoff", ""), "true") == 0;
	return true;
}

char *deployment_make_name(const struct deployment *deployment)
{
	return deployment->number == 0 ? mem_printf("%s.%s", deployment->service, deployment->name)
				       : mem_printf("%u.%s.%s", deployment->number,
						    deployment->service, deployment->name);
}
