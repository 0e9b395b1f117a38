/* Instances, listed and deleted once.  Keeps none alive: that is the registry's. */
#include "store/instances.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/backend.h"
#include "store/etcd.h"

#define MAX_TRIES 10 /* against others who write the same keys */

struct found {
	struct instance *instance;
	char *key;
	int64_t mod_revision;
};

struct instances_call {
	struct etcd *etcd;
	char *prefix;  /* "/mayfly/backends/" */
	char *below;   /* that, and what is asked for */
	char *address; /* of the endpoint to delete; NULL: only list */
	unsigned port;
	const struct instances_events *events;
	void *ctx;
	struct etcd_call *call;
	struct found *found;
	size_t count, cap;
	size_t done; /* so many of them are deleted */
	unsigned tries;
};

void instances_add_endpoint(struct buf *b, const char *address, unsigned port)
{
	buf_printf(b, strchr(address, ':') != NULL ? "[%s]:%u" : "%s:%u", address, port);
}

/* Any bytes of the node's name that an instance may not have become '-'. */
char *instances_make_id(const char *node, const char *address, unsigned port)
{
	char *id = mem_printf("%.128s-%s-%u", node, address, port);

	for (unsigned char *p = (unsigned char *)id; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '/')
			*p = '-';
	return id;
}

static void drop_found(struct instances_call *c)
{
	for (size_t i = 0; i < c->count; i++) {
		instance_unref(c->found[i].instance);
		free(c->found[i].key);
	}
	c->count = 0;
	c->done = 0;
}

void instances_cancel(struct instances_call *c)
{
	if (c == NULL)
		return;
	etcd_cancel(c->call);
	drop_found(c);
	free(c->found);
	free(c->prefix);
	free(c->below);
	free(c->address);
	free(c);
}

static int compare_found(const void *a, const void *b)
{
	const struct instance *x = ((const struct found *)a)->instance;
	const struct instance *y = ((const struct found *)b)->instance;
	int order = strcmp(x->service, y->service);

	if (order == 0)
		order = strcmp(x->version, y->version);
	if (order == 0)
		order = strcmp(x->address, y->address);
	return order != 0 ? order : (x->port > y->port) - (x->port < y->port);
}

static void finish(struct instances_call *c, const struct mf_err *err)
{
	struct instance **list = mem_alloc(c->count * sizeof(*list));
	size_t count = err == NULL ? c->count : 0;

	for (size_t i = 0; i < count; i++)
		list[i] = c->found[i].instance;
	c->events->on_done(c->ctx, list, count, err);
	free(list);
	instances_cancel(c);
}

/* <service>/<version>/<id>; false: it has not these three parts. */
static bool split_key(const char *key, char **ret_service, char **ret_version, const char **ret_id)
{
	const char *version = strchr(key, '/');
	const char *id = version == NULL ? NULL : strchr(version + 1, '/');

	if (id == NULL || strchr(id + 1, '/') != NULL)
		return false;
	*ret_service = mem_dup_bytes(key, (size_t)(version - key));
	*ret_version = mem_dup_bytes(version + 1, (size_t)(id - version - 1));
	*ret_id = id + 1;
	return true;
}

/* NULL: it is none, and err says why. */
static struct instance *parse_kv(const struct instances_call *c, const struct etcd_kv *kv,
				 struct mf_err *err)
{
	mem_auto_free char *service = NULL, *version = NULL;
	struct instance *instance = NULL;
	const char *id;

	if (!str_has_prefix(kv->key, c->prefix) ||
	    !split_key(kv->key + strlen(c->prefix), &service, &version, &id))
		mf_err_set(err, MF_EDATA, "key %s: not backends/SERVICE/VERSION/INSTANCE", kv->key);
	else if (instance_parse(service, version, id, kv->value, kv->value_len, &instance, err) !=
		 0)
		return NULL;
	return instance;
}

static void on_begin(void *ctx)
{
	drop_found(ctx);
}

static void on_kv(void *ctx, const struct etcd_kv *kv)
{
	struct instances_call *c = ctx;
	struct mf_err err;
	struct instance *instance = parse_kv(c, kv, &err);

	if (instance == NULL) {
		if (c->address == NULL)
			c->events->on_bad(c->ctx, &err);
		return;
	}
	if (c->address != NULL &&
	    (instance->port != c->port || strcmp(instance->address, c->address) != 0)) {
		instance_unref(instance);
		return;
	}
	MEM_GROW(c->found, c->count, c->cap);
	c->found[c->count++] = (struct found){instance, mem_dup_str(kv->key), kv->mod_revision};
}

static void start_list(struct instances_call *c);
static void delete_next(struct instances_call *c);

static void on_txn(void *ctx, bool succeeded, int64_t revision, const struct mf_err *err)
{
	struct instances_call *c = ctx;
	struct mf_err why;

	(void)revision;
	c->call = NULL;
	if (err != NULL && err->code != MF_EUNKNOWN) {
		finish(c, err);
	} else if (err == NULL && succeeded) {
		c->done += ETCD_MAX_OPS;
		delete_next(c);
	} else if (++c->tries < MAX_TRIES) {
		start_list(c); /* another was first, or it may have been done */
	} else {
		(void)mf_err_set(&why, MF_ETIMEOUT, "%s: others keep changing it", c->below);
		finish(c, err == NULL ? &why : err);
	}
}

static void delete_next(struct instances_call *c)
{
	struct etcd_if ifs[ETCD_MAX_OPS];
	struct etcd_op ops[ETCD_MAX_OPS];
	size_t n = 0;

	for (size_t i = c->done; i < c->count && n < ETCD_MAX_OPS; i++, n++) {
		const struct found *f = &c->found[i];

		ifs[n] = (struct etcd_if){ETCD_IF_MOD, f->key, f->mod_revision};
		ops[n] = (struct etcd_op){.key = f->key};
	}
	if (n == 0)
		finish(c, NULL);
	else
		c->call = etcd_txn(c->etcd, ifs, n, ops, n, on_txn, c);
}

static void on_listed(void *ctx, int64_t revision, const struct mf_err *err)
{
	struct instances_call *c = ctx;

	(void)revision;
	c->call = NULL;
	if (err != NULL) {
		finish(c, err);
		return;
	}
	if (c->count > 1)
		qsort(c->found, c->count, sizeof(*c->found), compare_found);
	if (c->address == NULL)
		finish(c, NULL);
	else
		delete_next(c);
}

static void start_list(struct instances_call *c)
{
	static const struct etcd_list_events events = {on_begin, on_kv, on_listed, NULL};

	drop_found(c);
	c->call = etcd_list(c->etcd, c->below, &events, c);
}

struct instances_call *instances_list(struct etcd *etcd, const struct instances_which *which,
				      const struct instances_events *events, void *ctx)
{
	return instances_delete(etcd, which, NULL, 0, events, ctx);
}

struct instances_call *instances_delete(struct etcd *etcd, const struct instances_which *which,
					const char *address, unsigned port,
					const struct instances_events *events, void *ctx)
{
	struct instances_call *c = MEM_NEW(c);
	const char *service = which->service, *version = which->version;

	c->etcd = etcd;
	c->prefix = mem_printf("%s/backends/", which->prefix);
	if (service == NULL)
		c->below = mem_dup_str(c->prefix);
	else if (version == NULL)
		c->below = mem_printf("%s%s/", c->prefix, service);
	else
		c->below = mem_printf("%s%s/%s/", c->prefix, service, version);
	c->address = mem_dup_str(address);
	c->port = port;
	c->events = events;
	c->ctx = ctx;
	start_list(c);
	return c;
}
