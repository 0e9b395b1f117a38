/* Docker's events: which of them say that a container may have changed. */
#include "register/docker_event.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum { DOCKER_MAX_DEPTH = 32 };

static const struct {
	const char *type, *action;
	enum docker_action what;
} known[] = {
    {"container", "start", DOCKER_CHANGED},
    {"container", "unpause", DOCKER_CHANGED},
    {"container", "rename", DOCKER_CHANGED},
    {"container", "update", DOCKER_CHANGED},
    {"container", "kill", DOCKER_KILL},
    {"container", "pause", DOCKER_HALT},
    {"container", "die", DOCKER_HALT},
    {"container", "destroy", DOCKER_HALT},
    {"container", "health_status", DOCKER_CHANGED},
    {"network", "connect", DOCKER_CHANGED},
    {"network", "disconnect", DOCKER_CHANGED},
};

/* {"type":["container","network"],"event":["start",...]} */
const char docker_event_filters[] =
    "%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%2C%22event%22%3A%5B"
    "%22start%22%2C%22unpause%22%2C%22rename%22%2C%22update%22%2C%22kill%22%2C%22pause%22%2C"
    "%22die%22%2C%22destroy%22%2C%22health_status%22%2C%22connect%22%2C%22disconnect%22%5D%7D";

/* "health_status: healthy" is health_status. */
static enum docker_action find_action(const char *type, const char *action)
{
	size_t len = strcspn(action, ":");

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(type, known[i].type) == 0 && strlen(known[i].action) == len &&
		    memcmp(action, known[i].action, len) == 0)
			return known[i].what;
	return DOCKER_NOTHING;
}

bool docker_is_id(const char *id)
{
	return strlen(id) == DOCKER_ID_LEN && id[strspn(id, "0123456789abcdef")] == '\0';
}

int docker_parse(const char *text, size_t len, enum node_kind kind, struct node **ret_root,
		 struct mf_err *err)
{
	static const struct json_bounds bounds = {DOCKER_MAX_BYTES, DOCKER_MAX_DEPTH, false};
	struct node *root;

	if (json_parse(text, len, &bounds, &root, err) != 0)
		return MF_EDATA;
	if (root->kind != kind) {
		node_free(root);
		return mf_err_set(err, MF_EDATA, kind == NODE_MAP ? "no object" : "no list");
	}
	*ret_root = root;
	return 0;
}

int docker_event_parse(const char *line, size_t len, struct docker_event *ret_event,
		       struct mf_err *err)
{
	const struct node *actor, *attributes;
	struct docker_event event = {0};
	const char *type, *id;
	struct node *root = NULL;
	int64_t signo;

	if (docker_parse(line, len, NODE_MAP, &root, err) != 0)
		return mf_err_wrap(err, "no event");
	actor = node_find(root, "Actor");
	attributes = node_find(actor, "Attributes");
	type = node_text_at(root, "Type", "");
	id = strcmp(type, "network") == 0 ? node_text_at(attributes, "container", "")
					  : node_text_at(actor, "ID", "");
	event.action = find_action(type, node_text_at(root, "Action", ""));
	if (!docker_is_id(id))
		event.action = DOCKER_NOTHING;
	if (event.action != DOCKER_NOTHING)
		memcpy(event.id, id, DOCKER_ID_LEN);
	if (event.action == DOCKER_KILL &&
	    str_parse_int(node_text_at(attributes, "signal", ""), 1, 64, &signo))
		event.signo = (int)signo;
	node_free(root);
	*ret_event = event;
	return 0;
}
