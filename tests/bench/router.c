/* Who answers.  Knows nothing of changes. */
#include "router.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire.h"

enum {
	CONNECTIONS = 4,
	POLL_US = 100,		/* between an answer and the next request */
	LOST_US = 30 * 1000000, /* what is not seen for so long is lost */
};

static struct wire connections[CONNECTIONS];
static unsigned next_connection;

bool router_init(const char *where)
{
	bool good = true;

	for (unsigned i = 0; i < CONNECTIONS && good; i++)
		good = wire_init(&connections[i], where);
	return good;
}

void router_fini(void)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		wire_fini(&connections[i]);
}

uint32_t router_ask(const char *host)
{
	static struct buf body;
	uint32_t address;

	next_connection = (next_connection + 1) % CONNECTIONS;
	if (wire_get(&connections[next_connection], host, "/", &body) != 200 ||
	    !model_parse_address(buf_str(&body), &address))
		return 0;
	return address;
}

static bool is_in(struct range range, uint32_t address)
{
	return address >= range.first && address <= range.last;
}

int64_t router_await(const char *host, struct range range, bool wanted)
{
	int64_t start = wire_now_us();
	unsigned times = 0;

	while (wire_now_us() - start < LOST_US) {
		/* What is gone must stay away, whichever connection and server is asked. */
		if (is_in(range, router_ask(host)) != wanted)
			times = 0;
		else if (wanted || ++times == 2 * CONNECTIONS)
			return wire_now_us();
		wire_sleep_us(POLL_US);
	}
	return -1;
}

static int compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

void router_print(const char *prefix, int64_t *us, size_t count)
{
	if (count != 0)
		qsort(us, count, sizeof(*us), compare_int64);
	(void)printf("%sp50_us=%lld %sp99_us=%lld %smax_us=%lld", prefix,
		     count == 0 ? -1LL : (long long)us[(count - 1) / 2], prefix,
		     count == 0 ? -1LL : (long long)us[(count * 99 + 99) / 100 - 1], prefix,
		     count == 0 ? -1LL : (long long)us[count - 1]);
}
