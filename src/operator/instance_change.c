/* States of instances, said by an operator.  Whoever registers an instance is not asked. */
#include "operator/instance_change.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/backend.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/facts.h"
#include "operator/named.h"
#include "operator/reading.h"

static const struct change_kind change_of_states = {"states/", "instance", "up again"};

struct order {
	char *name; /* SERVICE/VERSION/INSTANCE */
	enum instance_state state;
	const struct instance *instance; /* NULL: it has gone */
	bool is_last;			 /* no other one of its version takes requests */
};

static const struct backend *find_backend(const struct reading *reading, const struct call *call)
{
	return snapshot_find_backend(reading->snapshot, call->argv[0], call->argv[1]);
}

static void find_instance(const struct backend *backend, const char *name, struct order *order)
{
	size_t live = facts_count_live(backend);

	for (size_t i = 0; backend != NULL && i < backend->instance_count; i++) {
		if (strcmp(instance_name(backend->instances[i]), name) != 0)
			continue;
		order->instance = backend->instances[i];
		order->is_last = live == 1 && facts_is_live(order->instance);
		return;
	}
}

static int refuse_instance(const struct backend *backend, const char *name, struct mf_err *err)
{
	size_t count = backend->instance_count;
	mem_auto_free const char **known = mem_alloc((count + 1) * sizeof(*known));
	mem_auto_free char *kind =
	    mem_printf("instance of %s %s", backend->service, backend->version);

	for (size_t i = 0; i < count; i++)
		known[i] = instance_name(backend->instances[i]);
	return named_refuse(kind, name, known, count, err);
}

static int check_names(const struct reading *reading, const struct call *call, struct mf_err *err)
{
	if (named_check_service(reading->snapshot, call->argv[0], err) != 0 ||
	    named_check_version(reading->snapshot, call->argv[0], call->argv[1], err) != 0)
		return err->code;
	return refuse_instance(find_backend(reading, call), call->argv[2], err);
}

static int decide(struct change *change, void *ctx, struct mf_err *err)
{
	const struct order *order = ctx;
	(void)err;
	if (order->state == INSTANCE_UP) {
		if (change_find(change, order->name) != NULL)
			change_delete(change, order->name);
		else
			change_keep(change, order->name);
		return 0;
	}
	(void)change_put_value(change, order->name, instance_state_word(order->state),
			       order->state == INSTANCE_DRAIN ? "drained" : "put into maintenance");
	return 0;
}

/* What the state alone does not say. */
static void warn_of(const struct order *order)
{
	const struct instance *instance = order->instance;
	const struct instance *own =
	    instance == NULL || instance->own == NULL ? instance : instance->own;

	if (order->state != INSTANCE_UP && order->is_last)
		log_warn("no other instance of its version takes requests",
			 LOG_STR("instance", order->name));
	if (order->state == INSTANCE_UP && own != NULL && own->state != INSTANCE_UP)
		log_warn("it says itself that it is not up", LOG_STR("instance", order->name),
			 LOG_STR("state", instance_state_word(own->state)));
}

/* What is said of one that has gone can be taken back, and nothing else. */
static int run(struct call *call, enum instance_state state, struct mf_err *err)
{
	mem_auto_free char *name =
	    mem_printf("%s/%s/%s", call->argv[0], call->argv[1], call->argv[2]);
	mem_auto_free char *key = mem_printf("states/%s", name);
	struct order order = {.name = name, .state = state};
	struct reading reading;
	int code = reading_take(call, &reading, err);

	if (code != 0)
		return code;
	find_instance(find_backend(&reading, call), call->argv[2], &order);
	if (order.instance == NULL && (state != INSTANCE_UP || reading_find(&reading, key) == NULL))
		code = check_names(&reading, call, err);
	if (code == 0)
		code = change_run(call, &change_of_states, decide, &order, err);
	if (code == 0)
		warn_of(&order);
	reading_fini(&reading);
	return code;
}

int instance_change_drain(struct call *call, struct mf_err *err)
{
	return run(call, INSTANCE_DRAIN, err);
}

int instance_change_maint(struct call *call, struct mf_err *err)
{
	return run(call, INSTANCE_MAINT, err);
}

int instance_change_up(struct call *call, struct mf_err *err)
{
	return run(call, INSTANCE_UP, err);
}
