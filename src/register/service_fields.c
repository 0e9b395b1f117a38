/*
 * The keys of a service in a file, and what may stand behind them.  Knows nothing of files, nor of
 * which address an interface has.
 */
#include "register/service_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/name.h"
#include "model/node.h"
#include "register/check.h"
#include "register/service_extra.h"
#include "register/service_file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- who and where --------------------------------------------------------------------------- */

static int read_version(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	return node_get_name(node, NAME_VERSION, "version", &draft->want.version, err);
}

static int read_id(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	return node_get_name(node, NAME_INSTANCE, "id", &draft->want.id, err);
}

static int read_env(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	return node_get_name(node, NAME_ENVIRONMENT, "env", &draft->want.env, err);
}

static int read_port(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	long port;
	int code = node_get_int(node, 1, 65535, &port, err);

	if (code != 0)
		return mf_err_wrap(err, "port");
	draft->want.port = (unsigned)port;
	return 0;
}

/* After the port: what is written in one has its port there. */
static int read_address(const struct node *map, struct service_draft *draft, struct mf_err *err)
{
	const struct node *node = node_find(map, "address"), *port = node_find(map, "port");
	struct netif_want where;
	struct mf_err why;
	const char *text;
	unsigned in_one;
	int code;

	if (node == NULL)
		return node_error(map, err, "address is missing");
	if (node_get_text(node, &text, err) != 0)
		return mf_err_wrap(err, "address");
	if (netif_parse_endpoint(text, strlen(text), &where, &in_one, &why) == 0) {
		if (port != NULL)
			return node_error_key(port, err, "port: the address has one already");
		draft->where = where;
		draft->want.port = in_one;
		return 0;
	}
	code = netif_parse(text, strlen(text), &draft->where, port == NULL ? NULL : &why);
	if (code == 0 && port == NULL)
		return node_error(node, err, "port is missing");
	return code == 0 ? 0 : node_error(node, err, "address %s", why.msg);
}

/* --- how it is -------------------------------------------------------------------------------- */

static int read_weight(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	long weight;
	int code = node_get_int(node, 0, 256, &weight, err);

	if (code != 0)
		return mf_err_wrap(err, "weight");
	draft->want.weight = (unsigned)weight;
	return 0;
}

static int read_choice(const struct node *node, const char *const words[], size_t count,
		       unsigned *ret_index, struct mf_err *err)
{
	int code = node_get_word(node, words, count, ret_index, err);

	return code == 0 ? 0 : mf_err_wrap(err, "%s", node->key);
}

static int read_state(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	static const char *const words[] = {"up", "drain", "maint"};
	static const enum instance_state states[] = {INSTANCE_UP, INSTANCE_DRAIN, INSTANCE_MAINT};
	unsigned which = 0;
	int code = read_choice(node, words, COUNT(words), &which, err);

	draft->want.state = states[which];
	return code;
}

static int read_on_fail(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	static const char *const words[] = {"withdraw", "drain"};
	unsigned which = 0;
	int code = read_choice(node, words, COUNT(words), &which, err);

	draft->want.on_fail = which == 0 ? ON_FAIL_WITHDRAW : ON_FAIL_DRAIN;
	return code;
}

static int read_initial(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	static const char *const words[] = {"down", "up"};
	unsigned which = 0;
	int code = read_choice(node, words, COUNT(words), &which, err);

	draft->want.is_initially_up = which == 1;
	return code;
}

static int read_steal(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	int code = node_get_bool(node, &draft->want.steals, err);

	return code == 0 ? 0 : mf_err_wrap(err, "steal");
}

static int read_ttl(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	long long ms;

	if (node_get_duration(node, &ms, err) != 0)
		return mf_err_wrap(err, "ttl");
	if (ms < SERVICE_TTL_MIN_MS || ms > SERVICE_TTL_MAX_MS)
		return node_error(node, err, "ttl: must be from 2s to 1d");
	draft->ttl_ms = ms;
	return 0;
}

/* --- checks ----------------------------------------------------------------------------------- */

static int add_check(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	int code = check_spec_read(node, &draft->checks[draft->want.check_count], err);

	if (code == 0)
		draft->want.check_count++;
	return code;
}

static int read_check(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	draft->checks = mem_alloc(sizeof(*draft->checks));
	draft->want.checks = draft->checks;
	return add_check(node, draft, err);
}

static int read_checks(const struct node *list, struct service_draft *draft, struct mf_err *err)
{
	int code = node_check_list(list, err);

	if (code == 0 && list->child_count > SERVICE_MAX_CHECKS)
		code = node_error(list, err, "%zu of them, at most %d are allowed",
				  list->child_count, SERVICE_MAX_CHECKS);
	if (code != 0)
		return mf_err_wrap(err, "checks");
	draft->checks = mem_alloc(list->child_count * sizeof(*draft->checks));
	draft->want.checks = draft->checks;
	for (size_t i = 0; i < list->child_count && code == 0; i++)
		code = add_check(&list->children[i], draft, err);
	return code;
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct {
	const char *key;
	/* NULL: read with others */
	int (*read)(const struct node *node, struct service_draft *draft, struct mf_err *err);
} fields[] = {
    {"service", NULL},
    {"name", NULL},
    {"version", read_version},
    {"address", NULL},
    {"port", read_port},
    {"id", read_id},
    {"weight", read_weight},
    {"state", read_state},
    {"tags", service_extra_read_tags},
    {"attributes", service_extra_read_attributes},
    {"check", read_check},
    {"checks", read_checks},
    {"on_fail", read_on_fail},
    {"initial", read_initial},
    {"env", read_env},
    {"steal", read_steal},
    {"ttl", read_ttl},
};

/* Two keys of which one is enough, or of which the second needs the first. */
static int check_pairs(const struct node *map, struct mf_err *err)
{
	const struct node *checks = node_find(map, "checks"), *steal = node_find(map, "steal");

	if (checks != NULL && node_find(map, "check") != NULL)
		return node_error_key(checks, err, "check and checks: only one is allowed");
	if (steal != NULL && node_find(map, "env") == NULL)
		return node_error_key(steal, err, "steal: from which env?");
	return 0;
}

static int read_fields(const struct node *map, struct service_draft *draft, struct mf_err *err)
{
	const char *keys[COUNT(fields)];
	int code;

	for (size_t i = 0; i < COUNT(fields); i++)
		keys[i] = fields[i].key;
	code = node_check_keys(map, keys, COUNT(keys), err);
	if (code == 0)
		code = check_pairs(map, err);
	for (size_t i = 0; i < COUNT(fields) && code == 0; i++) {
		const struct node *node = node_find(map, fields[i].key);

		if (node != NULL && fields[i].read != NULL)
			code = fields[i].read(node, draft, err);
	}
	if (code == 0)
		code = read_address(map, draft, err);
	return code == 0 ? service_extra_check(map, draft, err) : code;
}

int service_fields_read(const struct node *node, struct service_draft *draft, struct mf_err *err)
{
	const struct node *service = node_find(node, "service"), *name = node_find(node, "name");
	int code;

	*draft = (struct service_draft){
	    .want = {.version = SERVICE_VERSION_DEFAULT, .weight = 100, .state = INSTANCE_UP}};
	if (node->kind != NODE_MAP)
		return node_error(node, err, "service: must be a map with service and address");
	if (service == NULL && name == NULL)
		return node_error(node, err, "service: its name is missing: the key service");
	if (service != NULL && name != NULL)
		return node_error_key(name, err, "service: service and name: only one is allowed");
	code = node_get_name(service == NULL ? name : service, NAME_SERVICE, "service",
			     &draft->want.service, err);
	if (code != 0)
		return code;
	code = read_fields(node, draft, err);
	return code == 0 ? 0 : mf_err_wrap(err, "service %s", draft->want.service);
}

void service_fields_fini(struct service_draft *draft)
{
	for (size_t i = 0; i < draft->want.check_count; i++)
		check_spec_free(draft->checks[i]);
	free(draft->checks);
	free(draft->attributes);
	free(draft->tags);
}
