/*
 * From a registration to the first answer of a name server, and from its end to the last: fills
 * etcd with so many services, and then puts one more and deletes it again, so many times.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "kv.h"
#include "router.h"
#include "wire.h"

static const char usage[] = "usage: names ENDPOINT PREFIX DNS-PORT NAMES TRIALS PAUSE-MS "
			    "[mayfly|skydns]\n"
			    "\n"
			    "The last says whose keys to write; skydns: those that CoreDNS reads.\n"
			    "Prints fill_us (the last name's first answer, after it was put), and, "
			    "each with p50_us, p99_us\n"
			    "and max_us: put_ a new service to its first answer, gone_ its end to "
			    "no answer.\n";

enum { PATIENCE_US = 60 * 1000 * 1000, BETWEEN_US = 200 };

/* The keys of an instance of a service, and its value. */
static const struct form {
	const char *name, *before, *after, *value;
} forms[] = {
    {"mayfly", "backends/", "/1/x", "127.0.0.1:1"},
    {"skydns", "service/", "/x", "{\"host\":\"127.0.0.1\"}"},
};
static const struct form *form = &forms[0];

static int dns = -1;

static void die(const char *words)
{
	(void)fprintf(stderr, "names: %s\n", words);
	exit(1);
}

static void connect_dns(int64_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 5};

	dns = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (dns < 0 || setsockopt(dns, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(dns, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("no socket");
}

static void add_label(struct buf *b, const char *label)
{
	buf_add_char(b, (char)strlen(label));
	buf_add_str(b, label);
}

/* Whether <service>.service has an address (RFC 1035: ANCOUNT is the fourth number). */
static bool is_answered(const char *service)
{
	static const char head[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	static const char tail[] = {0, 0, 1, 0, 1};
	buf_auto struct buf query = BUF_INIT;
	unsigned char reply[512];

	buf_add(&query, head, sizeof(head));
	add_label(&query, service);
	add_label(&query, "service");
	buf_add(&query, tail, sizeof(tail));
	if (send(dns, query.data, query.len, 0) != (ssize_t)query.len)
		die("the name server is not there");
	return recv(dns, reply, sizeof(reply), 0) > 12 && reply[7] != 0;
}

static int64_t await(const char *service, bool is_wanted, int64_t from)
{
	while (is_answered(service) != is_wanted) {
		if (wire_now_us() - from > PATIENCE_US)
			die(is_wanted ? "a name does not come" : "a name does not go");
		wire_sleep_us(BETWEEN_US);
	}
	return wire_now_us() - from;
}

static char *key_of(const char *service)
{
	return mem_printf("%s%s%s", form->before, service, form->after);
}

static void put(struct kv *kv, const char *service)
{
	mem_auto_free char *key = key_of(service);
	buf_auto struct buf value = BUF_INIT;

	buf_add_str(&value, form->value);
	kv_put(kv, key, &value);
	if (kv->ops == KV_MAX_OPS && !kv_commit(kv))
		exit(1);
}

static int64_t commit(struct kv *kv)
{
	if (!kv_commit(kv))
		exit(1);
	return wire_now_us();
}

static int64_t fill(struct kv *kv, int64_t count)
{
	char name[32] = "";

	kv_del_all(kv);
	(void)commit(kv);
	for (int64_t i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "name-%06d", (int)i);
		put(kv, name);
	}
	return await(name, true, commit(kv));
}

static void run_trial(struct kv *kv, int64_t number, int64_t *ret_put, int64_t *ret_gone)
{
	mem_auto_free char *name = mem_printf("new-%d", (int)number);
	mem_auto_free char *key = key_of(name);

	put(kv, name);
	*ret_put = await(name, true, commit(kv));
	kv_del(kv, key);
	*ret_gone = await(name, false, commit(kv));
}

static bool set_form(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(name, forms[i].name) == 0) {
			form = &forms[i];
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	int64_t port, count, trials, pause, *put_us, *gone_us;
	struct kv kv;

	if ((argc != 7 && argc != 8) || (argc == 8 && !set_form(argv[7])) ||
	    !kv_init(&kv, argv[1], argv[2]) || !str_parse_int(argv[3], 1, 65535, &port) ||
	    !str_parse_int(argv[4], 1, 1000000, &count) ||
	    !str_parse_int(argv[5], 1, 100000, &trials) ||
	    !str_parse_int(argv[6], 0, 999, &pause)) {
		(void)fputs(usage, stderr);
		return 64;
	}
	connect_dns(port);
	put_us = mem_alloc((size_t)trials * sizeof(int64_t));
	gone_us = mem_alloc((size_t)trials * sizeof(int64_t));
	(void)printf("fill_us=%lld ", (long long)fill(&kv, count));
	for (int64_t i = 0; i < trials; i++) {
		wire_sleep_us(pause * 1000);
		run_trial(&kv, i, &put_us[i], &gone_us[i]);
	}
	router_print("put_", put_us, (size_t)trials);
	(void)putchar(' ');
	router_print("gone_", gone_us, (size_t)trials);
	(void)putchar('\n');
	free(put_us);
	free(gone_us);
	(void)close(dns);
	kv_fini(&kv);
	return 0;
}
