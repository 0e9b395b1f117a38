/*
 * Fuzzes what svcregister reads of service files, and how addresses are written in them.  What is
 * taken must be good enough for the announcer, and be told apart by its name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"
#include "register/announcement.h"
#include "register/netif.h"
#include "register/service_file.h"
#include "store/itemfile.h"

static void check_words(const struct mf_err *err)
{
	FUZZ_CHECK(err->code == MF_EDATA);
	FUZZ_CHECK(err->msg[0] != '\0' && strpbrk(err->msg, "\n\r\x1b") == NULL);
}

static void on_bad(void *ctx, const struct mf_err *why)
{
	(void)ctx;
	check_words(why);
	FUZZ_CHECK(str_has_prefix(why->msg, "service"));
}

/* What it wants is what its text says. */
static void check_where(const struct netif_want *where)
{
	struct netif_want again;

	FUZZ_CHECK(netif_parse(where->text, strlen(where->text), &again, NULL) == 0);
	FUZZ_CHECK(again.kind == where->kind && again.family == where->family);
	FUZZ_CHECK(again.network.bits == where->network.bits &&
		   strcmp(again.text, where->text) == 0);
}

static void check_entry(const struct service_entry *entry)
{
	FUZZ_CHECK(announcement_check(&entry->want, NULL) == 0);
	FUZZ_CHECK(entry->want.port >= 1 && entry->want.port <= 65535);
	FUZZ_CHECK(entry->want.weight <= 256 && entry->want.check_count <= ANNOUNCEMENT_MAX_CHECKS);
	FUZZ_CHECK(entry->want.env != NULL || entry->want.id != NULL || !entry->want.steals);
	FUZZ_CHECK(service_kind.is_equal(entry, entry));
	check_where(&entry->want.where);
}

static void read_file(const char *text, size_t len)
{
	void **items;
	struct mf_err err;
	size_t count;

	if (service_kind.parse(text, len, &items, &count, on_bad, NULL, &err) != 0) {
		check_words(&err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		check_entry(items[i]);
		for (size_t j = 0; j < i && j < 50; j++)
			FUZZ_CHECK(
			    strcmp(service_kind.name(items[i]), service_kind.name(items[j])) != 0);
	}
	for (size_t i = 0; i < count; i++)
		service_kind.unref(items[i]);
	free(items);
}

static void read_address(const char *text, size_t len)
{
	struct netif_want want;
	struct mf_err err;
	unsigned port;

	if (netif_parse(text, len, &want, &err) == 0)
		check_where(&want);
	else
		check_words(&err);
	if (netif_parse_endpoint(text, len, &want, &port, &err) == 0) {
		FUZZ_CHECK(port >= 1 && port <= 65535);
		check_where(&want);
	} else {
		check_words(&err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_file(text, size);
	read_address(text, size);
	return 0;
}
