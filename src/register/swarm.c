/* Asking a manager: who am I, am I the leader, what is there.  One question at a time. */
#include "register/swarm.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "register/docker_event.h"
#include "register/engine.h"
#include "sys/loop.h"

enum { POLL_MS = 1000, ID_MAX = 64 };

enum swarm_state { SWARM_UNKNOWN, SWARM_LEADER, SWARM_OTHER };

struct swarm {
	struct engine *engine;
	struct swarm_events events;
	void *ctx;
	enum swarm_state state; /* as last reported */
	struct http_request *request;
	struct loop_timer *timer;
};

static void set_state(struct swarm *swarm, const struct mf_err *why)
{
	enum swarm_state state = why == NULL ? SWARM_LEADER : SWARM_OTHER;

	if (swarm->state == state)
		return;
	swarm->state = state;
	swarm->events.on_state(swarm->ctx, why);
}

/* This round is over. */
static void end_round(struct swarm *swarm)
{
	loop_timer_set(swarm->timer, POLL_MS);
}

static void give_up(struct swarm *swarm, const struct mf_err *why)
{
	set_state(swarm, why);
	end_round(swarm);
}

/* NULL, when the round has been given up. */
static struct node *read_reply(struct swarm *swarm, const struct http_reply *reply,
			       const struct mf_err *why, enum node_kind kind)
{
	struct node *root = NULL;
	struct mf_err err;

	swarm->request = NULL;
	if (engine_judge(reply, why, &err) == 0 &&
	    docker_parse(reply->body, reply->body_len, kind, &root, &err) == 0)
		return root;
	give_up(swarm, &err);
	return NULL;
}

static void refuse(struct swarm *swarm, const char *reason)
{
	struct mf_err err;

	(void)mf_err_set(&err, MF_EUNAVAIL, "%s", reason);
	give_up(swarm, &err);
}

/* --- the rounds ------------------------------------------------------------------------------- */

static void on_services(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct swarm *swarm = ctx;
	struct node *list = read_reply(swarm, reply, why, NODE_LIST);

	if (list == NULL)
		return;
	set_state(swarm, NULL);
	swarm->events.on_services(swarm->ctx, list);
	node_free(list);
	end_round(swarm);
}

static void on_node(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct swarm *swarm = ctx;
	struct node *node = read_reply(swarm, reply, why, NODE_MAP);
	bool is_leader = node_is_true(node_find(node_find(node, "ManagerStatus"), "Leader"));

	if (node == NULL)
		return;
	node_free(node);
	if (is_leader)
		swarm->request =
		    engine_ask(swarm->engine, "/services", DOCKER_MAX_BYTES, on_services, swarm);
	else
		refuse(swarm, "another manager is the swarm's leader");
}

/* It becomes part of a path. */
static bool is_node_id(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len <= ID_MAX &&
	       id[strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static void on_info(void *ctx, const struct http_reply *reply, const struct mf_err *why)
{
	struct swarm *swarm = ctx;
	struct node *info = read_reply(swarm, reply, why, NODE_MAP);
	const struct node *own = node_find(info, "Swarm");
	const char *id = node_text_at(own, "NodeID", "");
	mem_auto_free char *path = mem_printf("/nodes/%s", is_node_id(id) ? id : "");
	bool is_manager = node_is_true(node_find(own, "ControlAvailable")) && is_node_id(id);

	if (info == NULL)
		return;
	node_free(info);
	if (is_manager)
		swarm->request = engine_ask(swarm->engine, path, 0, on_node, swarm);
	else
		refuse(swarm, "the engine is no manager of a swarm");
}

static void on_time(void *ctx)
{
	struct swarm *swarm = ctx;

	swarm->request = engine_ask(swarm->engine, "/info", 0, on_info, swarm);
}

int swarm_start(struct loop *loop, const char *host, const char *cert_path,
		const struct swarm_events *events, void *ctx, struct swarm **ret_swarm,
		struct mf_err *err)
{
	struct swarm *swarm = MEM_NEW(swarm);

	if (engine_open(loop, host, cert_path, &swarm->engine, err) != 0) {
		free(swarm);
		return err->code;
	}
	swarm->events = *events;
	swarm->ctx = ctx;
	swarm->timer = loop_timer_new(loop, on_time, swarm);
	loop_timer_set(swarm->timer, 0);
	*ret_swarm = swarm;
	return 0;
}

void swarm_stop(struct swarm *swarm)
{
	if (swarm == NULL)
		return;
	http_cancel(swarm->request);
	loop_timer_free(swarm->timer);
	engine_close(swarm->engine);
	free(swarm);
}
