/*
 * What is in the bench's model.  Knows names and values only: neither etcd nor the router.
 */
#include "model.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define INSTANCES_BASE 0x7f640000U /* 127.100.0.0 */
#define EXTRAS_BASE    0x7fc80000U /* 127.200.0.0, 127.201.0.0, 127.202.0.0 */

struct range model_version_range(const struct model *model, unsigned service, unsigned version)
{
	uint32_t first =
	    INSTANCES_BASE + (uint32_t)((service * model->versions + version) * model->instances);

	return (struct range){first, first + (uint32_t)model->instances - 1};
}

uint32_t model_extra_address(enum model_extra extra, unsigned number)
{
	return EXTRAS_BASE + ((uint32_t)extra << 16) + number;
}

unsigned model_version_of(const struct model *model, unsigned env, unsigned service)
{
	return (unsigned)((env * 7 + service * 3) % model->versions);
}

void model_add_env_name(unsigned env, struct buf *b)
{
	buf_printf(b, "env-%05u", env);
}

/* Like model_add_env's service 0, the others have a path each; service 0 has the rest. */
void model_add_env(const struct model *model, unsigned env, const char *name, const char *version,
		   struct buf *b)
{
	buf_printf(b, "{\"name\":\"%s\",\"services\":[", name);
	buf_printf(b, "{\"name\":\"svc-0\",\"version\":\"%s\",\"route\":\"/\"}", version);
	for (unsigned i = 1; i < MODEL_SERVICES; i++)
		buf_printf(b, ",{\"name\":\"svc-%u\",\"version\":\"1.%u\",\"route\":\"/svc-%u/\"}",
			   i, model_version_of(model, env, i), i);
	buf_add_str(b, "]}");
}

void model_add_instance(const struct model *model, uint32_t address, int weight, struct buf *b)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr in = {htonl(address)};

	(void)inet_ntop(AF_INET, &in, text, sizeof(text));
	if (weight < 0)
		buf_printf(b, "%s:%u", text, (unsigned)model->port);
	else
		buf_printf(b, "{\"address\":\"%s\",\"port\":%u,\"weight\":%d}", text,
			   (unsigned)model->port, weight);
}

bool model_parse_address(const char *s, uint32_t *ret_address)
{
	mem_auto_free char *line = mem_dup_bytes(s, strcspn(s, "\n"));
	struct in_addr in;

	if (inet_pton(AF_INET, line, &in) != 1)
		return false;
	*ret_address = ntohl(in.s_addr);
	return true;
}

static void list_versions(const struct model *model, model_put_fn *on_put, void *ctx)
{
	buf_auto struct buf value = BUF_INIT;

	for (unsigned service = 0; service < MODEL_SERVICES; service++)
		for (unsigned version = 0; version < model->versions; version++) {
			struct range range = model_version_range(model, service, version);

			for (uint32_t address = range.first; address <= range.last; address++) {
				mem_auto_free char *key =
				    mem_printf("backends/svc-%u/1.%u/i-%u", service, version,
					       address - range.first);

				buf_clear(&value);
				model_add_instance(model, address, -1, &value);
				on_put(ctx, key, &value);
			}
		}
}

static void list_extra(const struct model *model, enum model_extra extra, const char *name,
		       unsigned instances, model_put_fn *on_put, void *ctx)
{
	mem_auto_free char *env_key = mem_printf("environments/%s", name);
	buf_auto struct buf value = BUF_INIT;

	for (unsigned i = 0; i < instances; i++) {
		mem_auto_free char *key = mem_printf("backends/svc-0/%s/i-%u", name, i);

		buf_clear(&value);
		model_add_instance(model, model_extra_address(extra, i), i == 0 ? 100 : 0, &value);
		on_put(ctx, key, &value);
	}
	buf_clear(&value);
	model_add_env(model, 0, name, name, &value);
	on_put(ctx, env_key, &value);
}

void model_list(const struct model *model, model_put_fn *on_put, void *ctx)
{
	buf_auto struct buf value = BUF_INIT;
	buf_auto struct buf name = BUF_INIT;

	list_versions(model, on_put, ctx);
	list_extra(model, MODEL_GROW, "grow", 1, on_put, ctx);
	list_extra(model, MODEL_TILT, "tilt", 2, on_put, ctx);
	list_extra(model, MODEL_FRESH, "fresh", 1, on_put, ctx);
	for (unsigned env = 0; env < model->envs; env++) {
		mem_auto_free char *version = mem_printf("1.%u", model_version_of(model, env, 0));
		mem_auto_free char *key = NULL;

		buf_clear(&name);
		model_add_env_name(env, &name);
		key = mem_printf("environments/%s", buf_str(&name));
		buf_clear(&value);
		model_add_env(model, env, buf_str(&name), version, &value);
		on_put(ctx, key, &value);
	}
}

bool model_parse(const char *s, struct model *ret_model)
{
	mem_auto_free char *copy = mem_dup_str(s);
	char *rest = copy, *envs = strsep(&rest, "x");
	char *versions = rest == NULL ? NULL : strsep(&rest, "x");

	return versions != NULL && rest != NULL &&
	       str_parse_int(envs, 1, 99999, &ret_model->envs) &&
	       str_parse_int(versions, 2, 1000, &ret_model->versions) &&
	       str_parse_int(rest, 1, 100, &ret_model->instances);
}
