/* Who may come in, as it is written and as map entries. */
#include "model/access.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/door.h"
#include "model/fields.h"
#include "model/name.h"
#include "model/network.h"
#include "model/node.h"

#define NIBBLE 4

/* --- networks --------------------------------------------------------------------------------- */

/* IPv4's addresses that IPv6 holds are IPv4's. */
static void unmap(struct network *network)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (network->family != AF_INET6 || network->bits < 8 * sizeof(mapped) ||
	    memcmp(network->bytes, mapped, sizeof(mapped)) != 0)
		return;
	network->family = AF_INET;
	network->bits -= 8 * sizeof(mapped);
	memmove(network->bytes, network->bytes + sizeof(mapped), 4);
}

static bool parse(const char *s, struct network *ret_network, const char **ret_why)
{
	*ret_why = NULL;
	if (!network_parse(s, strlen(s), ret_network, ret_why) &&
	    (*ret_why != NULL || !network_parse_address(s, strlen(s), ret_network)))
		return false;
	unmap(ret_network);
	return true;
}

static int check(const char *s, struct mf_err *err)
{
	buf_auto struct buf quoted = BUF_INIT;
	struct network network;
	const char *why;

	if (parse(s, &network, &why))
		return 0;
	name_add_quoted(&quoted, s, strlen(s));
	return mf_err_set(err, MF_EDATA, "%s: %s", quoted.data,
			  why != NULL ? why
				      : "must be a network such as 10.0.0.0/8 or fd00::/8, or an "
					"address");
}

static unsigned nibble_at(const struct network *network, unsigned i)
{
	unsigned byte = network->bytes[i / 2];

	return i % 2 == 0 ? byte >> NIBBLE : byte & 0xf;
}

/* Digits are four bits each: of one that counts in part there are as many as fit. */
static void add_network(struct door *door, const struct network *network)
{
	unsigned whole = network->bits / NIBBLE, rest = network->bits % NIBBLE;
	unsigned count = rest == 0 ? 1 : 1U << (NIBBLE - rest);

	for (unsigned i = 0; i < count; i++) {
		buf_auto struct buf key = BUF_INIT;

		buf_printf(&key, ".from.%d.", network->family == AF_INET ? 8 : 32);
		for (unsigned j = 0; j < whole; j++)
			buf_printf(&key, "%X", nibble_at(network, j));
		if (rest != 0)
			buf_printf(&key, "%X", nibble_at(network, whole) + i);
		door_add_entry(door, mem_dup_str(buf_str(&key)), mem_dup_str("1"));
	}
}

/* --- the object ------------------------------------------------------------------------------- */

const struct value_type access_network = {
    .check = check,
    .schema = "\"type\":\"string\",\"pattern\":\"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$\"",
};
static const struct field network_item = {
    .kind = FIELD_NAME,
    .noun = "from",
    .type = &access_network,
    .size = sizeof(char *),
};

const struct value_type access_users = {
    .kind = NAME_ENVIRONMENT,
    .schema = "\"type\":\"string\",\"pattern\":\"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$\"",
};

static const struct field rows[] = {
    {"from", FIELD_LIST, FIELD_SET | FIELD_OR_ONE | FIELD_NOT_EMPTY | FIELD_BRIEF,
     FIELD_AT(struct access, from), FIELD_COUNT(struct access, from_count), .max = ACCESS_FROM_MAX,
     .item = &network_item,
     .doc = "Networks and addresses that clients come from: `10.0.0.0/8`, `fd00::/8`, "
	    "`192.0.2.7`. Others get 403."},
    {"users", FIELD_NAME, FIELD_AT(struct access, users), .type = &access_users,
     .doc = "A list of users, of the folder that `users` in mayfly.yaml(5) names: who knows no "
	    "password of it gets 401."},
};

static int finish(const struct node *map, void *object, struct mf_err *err)
{
	const struct access *access = object;

	if (access->from_count == 0 && access->users == NULL)
		return node_error(map, err, "must say from or users");
	return 0;
}

const struct fields fields_of_access = {
    FIELDS_ROWS(rows),
    .expected = "a map with from or users",
    .finish = finish,
};

void access_add_words(const char *const *from, size_t count, const char *users, struct buf *words)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(words, "%s%s", i == 0 ? "from " : ", ", from[i]);
	if (users != NULL)
		buf_printf(words, "%swith a password of %s", count == 0 ? "" : ", ", users);
}

void access_fill(const void *object, struct door *door, struct buf *words)
{
	const struct access *access = object;

	door_add_entry(door, mem_dup_str(".access"),
		       mem_printf("%s|%s", access->from_count == 0 ? "" : "from",
				  access->users == NULL ? "" : access->users));
	for (size_t i = 0; i < access->from_count; i++) {
		struct network network;
		const char *why;

		if (parse(access->from[i], &network, &why))
			add_network(door, &network);
	}
	access_add_words(access->from, access->from_count, access->users, words);
}
