/* Names and their addresses.  Knows nothing of which are in force. */
#include "model/dns_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/strlist.h"
#include "model/name.h"

static int add_address(struct dns_name *name, struct span word, struct mf_err *err)
{
	mem_auto_free char *address = NULL;

	if (name->address_count == DNS_NAME_MAX_ADDRESSES)
		return mf_err_set(err, MF_EDATA, "more than %zu addresses", DNS_NAME_MAX_ADDRESSES);
	if (name_parse_address(word.at, word.len, &address, err) != 0)
		return err->code;
	strlist_add(&name->addresses, address);
	name->address_count++;
	return 0;
}

static int add_addresses(struct dns_name *name, const char *value, size_t len, struct mf_err *err)
{
	const char *end = value + len;

	for (const char *at = value;; at++) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *until = comma == NULL ? end : comma;

		if (add_address(name, span_trim((struct span){at, (size_t)(until - at)}), err) != 0)
			return err->code;
		if (comma == NULL)
			return 0;
		at = comma;
	}
}

int dns_name_parse(const char *name, const char *value, size_t len, struct dns_name **ret_name,
		   struct mf_err *err)
{
	struct dns_name *parsed;

	if (name_check(NAME_HOST, name, strlen(name), err) != 0)
		return mf_err_wrap(err, "name");
	parsed = MEM_NEW(parsed);
	parsed->refs = 1;
	parsed->name = mem_dup_str(name);
	if (add_addresses(parsed, value, len, err) != 0) {
		dns_name_unref(parsed);
		return mf_err_wrap(err, "name %s", name);
	}
	*ret_name = parsed;
	return 0;
}

struct dns_name *dns_name_ref(struct dns_name *name)
{
	name->refs++;
	return name;
}

void dns_name_unref(struct dns_name *name)
{
	if (name == NULL || --name->refs != 0)
		return;
	strlist_free(name->addresses);
	free(name->name);
	free(name);
}

void dns_name_format(const struct dns_name *name, struct buf *ret_value)
{
	for (size_t i = 0; i < name->address_count; i++)
		buf_printf(ret_value, "%s%s", i == 0 ? "" : ",", name->addresses[i]);
}
