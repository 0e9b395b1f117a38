/*
 * Keeps many instances registered in one process, for stories of scale and outages:
 *
 *	registrar --etcd URL --count N --ttl SECONDS
 *
 * SIGUSR1 withdraws every second one, SIGUSR2 puts them back, SIGHUP gives all another weight,
 * SIGTERM revokes the lease and ends.  Each change of state is a line: "all N", or the reason why
 * not; each other weight is "weight N".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/etcd.h"
#include "store/registry.h"
#include "sys/loop.h"

struct registrar {
	struct loop *loop;
	struct etcd *etcd;
	struct registry *registry;
	const char *url;
	long count, ttl;
	int weight;
	size_t wanted;
};

static void on_state(void *ctx, const struct mf_err *why)
{
	const struct registrar *r = ctx;

	if (why == NULL)
		(void)printf("all %zu\n", r->wanted);
	else
		(void)printf("not all: %s\n", why->msg);
	(void)fflush(stdout);
}

static void put(struct registrar *r, long first, long step)
{
	for (long i = first; i < r->count; i += step) {
		mem_auto_free char *key = mem_printf("/mayfly/backends/many/1/i%05ld", i);
		mem_auto_free char *value =
		    mem_printf("{\"address\":\"10.%ld.%ld.1\",\"port\":80,\"weight\":%d}", i / 250,
			       i % 250, r->weight);

		registry_set(r->registry, key, value, strlen(value), false);
	}
	r->wanted = (size_t)r->count;
}

static void withdraw(struct registrar *r)
{
	for (long i = 1; i < r->count; i += 2) {
		mem_auto_free char *key = mem_printf("/mayfly/backends/many/1/i%05ld", i);

		registry_del(r->registry, key);
		r->wanted--;
	}
}

static void on_stopped(void *ctx, const struct mf_err *err)
{
	struct registrar *r = ctx;

	(void)printf("stopped%s\n", err == NULL ? "" : " without etcd");
	loop_stop(r->loop);
}

static void on_signal(void *ctx, int signo)
{
	struct registrar *r = ctx;

	switch (signo) {
	case SIGUSR1:
		withdraw(r);
		break;
	case SIGUSR2:
		put(r, 1, 2);
		break;
	case SIGHUP:
		r->weight++;
		put(r, 0, 1);
		(void)printf("weight %d\n", r->weight);
		(void)fflush(stdout);
		break;
	default:
		registry_stop(r->registry, on_stopped, r);
		break;
	}
}

static int parse(struct registrar *r, int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--etcd") == 0)
			r->url = argv[i + 1];
		else if (strcmp(argv[i], "--count") == 0)
			r->count = strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--ttl") == 0)
			r->ttl = strtol(argv[i + 1], NULL, 10);
		else
			return 64;
	}
	return r->url != NULL && r->count > 0 && r->ttl > 0 ? 0 : 64;
}

static int start(struct registrar *r, struct mf_err *err)
{
	static const int signals[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM};
	static const struct registry_events events = {.on_state = on_state};
	const char *const endpoints[] = {r->url, NULL};
	const struct etcd_config config = {.endpoints = endpoints};

	if (loop_new(&r->loop, err) != 0 || etcd_new(r->loop, &config, &r->etcd, err) != 0)
		return err->code;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (loop_add_signal(r->loop, signals[i], on_signal, r, err) != 0)
			return err->code;
	r->registry = registry_new(r->loop, r->etcd, "/mayfly/backends/", r->ttl, &events, r);
	put(r, 0, 1);
	return loop_run(r->loop, err);
}

int main(int argc, char **argv)
{
	struct registrar r = {.weight = 1};
	struct mf_err err;
	int status = parse(&r, argc, argv);

	if (status != 0) {
		(void)fprintf(stderr, "usage: registrar --etcd URL --count N --ttl SECONDS\n");
		return status;
	}
	if (start(&r, &err) != 0) {
		(void)fprintf(stderr, "registrar: %s\n", err.msg);
		status = 1;
	}
	registry_free(r.registry);
	etcd_free(r.etcd);
	loop_free(r.loop);
	return status;
}
