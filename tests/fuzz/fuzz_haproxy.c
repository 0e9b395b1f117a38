/*
 * What HAProxy's files and replies say: the first byte tells what the rest is ("c" two versions of
 * haproxy.cfg, "m" of a map, both split at a NUL; "s" `show servers state`; "i" `show info`).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apply/changes.h"
#include "apply/haproxy.h"
#include "apply/state.h"
#include "base/buf.h"
#include "base/mem.h"
#include "fuzz.h"

static size_t count_changes(const char *name, struct span old, struct span new)
{
	struct changes_file *file = MEM_NEW(file);
	struct changes *changes;
	buf_auto struct buf text = BUF_INIT;
	size_t count;

	*file = (struct changes_file){.name = name, .is_there = true};
	buf_add(&file->old, old.at, old.len);
	file->new_text = new.at;
	file->new_len = new.len;
	changes = changes_make(file, 1);
	changes_print(changes, &text);
	changes_print_json(changes, &text);
	count = changes->count;
	changes_free(changes);
	return count;
}

static void compare(const char *name, bool is_map, const char *text, size_t size)
{
	const char *nul = memchr(text, '\0', size);
	size_t len = nul == NULL ? size : (size_t)(nul - text);
	struct span old = {text, len};
	struct span new = {text + len + (nul != NULL), size - len - (nul != NULL)};
	size_t there = count_changes(name, old, new), back = count_changes(name, new, old);

	FUZZ_CHECK(!is_map || there == back);
	FUZZ_CHECK(count_changes(name, old, old) == 0);
}

/* What is to be as it is needs nothing but to be in the traffic. */
static void on_op(void *ctx, const struct op *op)
{
	(void)ctx;
	FUZZ_CHECK(op->kind == OP_SERVER_REVIVE || op->kind == OP_SERVER_READY);
}

static void read_state(const char *text, size_t size)
{
	struct span rest = {text, size}, line, backend;
	struct state_server server;

	while (span_take_line(&rest, &line)) {
		buf_auto struct buf address = BUF_INIT;
		const struct state_backend in = {.name = line};

		if (!state_server_parse(line, &server, &backend))
			continue;
		FUZZ_CHECK(server.name.len != 0 && server.host.len != 0 && backend.len != 0);
		state_add_address(&server, &address);
		FUZZ_CHECK(state_weight(&server) < 10000);
		state_diff_server(&in, &server, &server, on_op, NULL);
	}
}

static void read_info(const char *text, size_t size)
{
	mem_auto_free char *reply = mem_dup_bytes(text, size);
	struct haproxy_info info = {0};

	if (haproxy_parse_info(reply, &info))
		FUZZ_CHECK(info.pid >= 0 && info.uptime_s >= 0);
	FUZZ_CHECK(strlen(info.version) < sizeof(info.version));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mem_auto_free char *text = NULL;

	if (size < 2)
		return 0;
	text = mem_alloc(size - 1); /* exactly as long, so that a step beyond is seen */
	memcpy(text, data + 1, size - 1);
	switch (data[0]) {
	case 'c':
		compare("haproxy.cfg", false, text, size - 1);
		break;
	case 'm':
		compare("maps/other.map", true, text, size - 1);
		break;
	case 's':
		read_state(text, size - 1);
		break;
	case 'i':
		read_info(text, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
