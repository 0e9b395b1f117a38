/* A server from each of its sources, and the operations that make one another. */
#include "apply/state.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/backend.h"
#include "unit.h"

/* --- what makes one another ------------------------------------------------------------------ */

/* As a line of `show servers state` ("@" before STATE ADMIN WEIGHT CHECK), or of haproxy.cfg. */
static bool fill(const char *text, struct state_server *ret, char *line, size_t size)
{
	struct span rest = span_of(text), words[4], backend;

	if (*text == '\0')
		return false;
	if (*text != '@') {
		state_server_parse_config(span_of(text), ret);
		return true;
	}
	rest.at++;
	rest.len--;
	for (size_t i = 0; i < 4; i++)
		words[i] = span_take_word(&rest);
	(void)snprintf(line, size,
		       "3 web:1 1 a:80 a %.*s %.*s %.*s 1 5 1 0 2 %.*s 0 0 0 - 80 - 0 0 - - 0",
		       (int)words[0].len, words[0].at, (int)words[1].len, words[1].at,
		       (int)words[2].len, words[2].at, (int)words[3].len, words[3].at);
	ck_assert(state_server_parse(span_of(line), ret, &backend));
	ck_assert(span_is(backend, "web:1"));
	return true;
}

#define BY_NAME " resolvers r"

static const struct {
	const char *from, *to, *ops; /* ops: "!": by a reload only */
	bool is_by_source;
} pairs[] = {
    {"a:80 a:80 weight 5", "a:80 a:80 weight 5", "", false},
    {"@2 0 5 0", "a:80 a:80 weight 5", "", false},
    {"@2 0 5 0", "a:80 a:80 weight 5 check", "", false}, /* it says nothing of options */
    {"a:80 a:80 weight 5", "a:80 a:80 weight 5 check", "set server web:1/a:80 addr\n", false},
    {"a:80 a:80 weight 5", "a:80 [::1]:81 weight 5", "set server web:1/a:80 addr\n", false},
    {"", "a:80 a:80 weight 5", "add server web:1/a:80\n", false},
    {"", "a:80 a:80 weight 5", "!add server web:1/a:80\n", true},
    {"", "a:80 a:80" BY_NAME, "!add server web:1/a:80\n", false},
    {"a:80 a:80 weight 5", "", "del server web:1/a:80\n", false},
    {"a:80 a:80 weight 5", "", "del server web:1/a:80\n", true},
    {"a:80 a:80" BY_NAME, "", "!del server web:1/a:80\n", false},
    {"a:80 a:80" BY_NAME, "a:80 b:80" BY_NAME, "!set server web:1/a:80 addr\n", false},
    {"@2 0 5 0", "a:80 a:80 weight 6", "set server web:1/a:80 weight 6\n", false},
    {"@2 0 5 0", "a:80 a:80 weight 6", "!set server web:1/a:80 weight 6\n", true},
    {"@2 0 5 0", "a:80 a:80 weight 0", "set server web:1/a:80 weight 0\n", false},
    /* never in the traffic with a weight that it is not to have there */
    {"@2 0 5 0", "a:80 a:80 weight 6 disabled",
     "set server web:1/a:80 state maint\nset server web:1/a:80 weight 6\n", false},
    {"@0 1 5 0", "a:80 a:80 weight 6",
     "set server web:1/a:80 weight 6\nset server web:1/a:80 state ready\n", false},
    {"@2 8 5 0", "a:80 a:80 weight 5", "set server web:1/a:80 state ready\n", false},
    {"@0 32 5 0", "a:80 a:80 weight 5", "", false}, /* it has no address */
    /* down: left to its check, if it has one */
    {"@0 0 5 0", "a:80 a:80 weight 5", "set server web:1/a:80 health up\n", false},
    {"@0 0 5 6", "a:80 a:80 weight 5", "", false},
};

static void add_text(void *text, struct span s)
{
	buf_add(text, s.at, s.len);
}

static void on_op(void *ctx, const struct op *op)
{
	buf_add_str(ctx, op->obstacle == OP_FREE ? "" : "!");
	op_walk_command(op, add_text, add_text, ctx);
	buf_add_char(ctx, '\n');
}

START_TEST(a_difference_is_operations)
{
	struct state_backend backend = {.name = span_of("web:1"),
					.is_by_source = pairs[_i].is_by_source};
	char lines[2][256];
	struct state_server from, to;
	bool has_from = fill(pairs[_i].from, &from, lines[0], sizeof(lines[0]));
	bool has_to = fill(pairs[_i].to, &to, lines[1], sizeof(lines[1]));
	buf_auto struct buf ops = BUF_INIT;

	state_diff_server(&backend, has_from ? &from : NULL, has_to ? &to : NULL, on_op, &ops);
	ck_assert_str_eq(buf_str(&ops), pairs[_i].ops);
}
END_TEST

/* --- sources --------------------------------------------------------------------------------- */

/* What an instance is in haproxy.cfg, which the template writes so. */
static const struct {
	const char *value, *words;
} instances[] = {
    {"10.0.0.5:80", "10.0.0.5:80 10.0.0.5:80 weight 100"},
    {"[fd00::5]:8080", "fd00::5:8080 [fd00::5]:8080 weight 100"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":256}", "10.0.0.5:80 10.0.0.5:80 weight 256"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"state\":\"drain\"}",
     "10.0.0.5:80 10.0.0.5:80 weight 0"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"state\":\"maint\"}",
     "10.0.0.5:80 10.0.0.5:80 weight 100 disabled"},
};

START_TEST(a_snapshot_and_a_file_say_the_same)
{
	const struct state_backend backend = {.name = span_of("web:1")};
	const char *value = instances[_i].value;
	struct instance *instance;
	struct state_server desired, written;
	buf_auto struct buf ops = BUF_INIT, address = BUF_INIT;

	ck_assert_int_eq(instance_parse("web", "1", "a", value, strlen(value), &instance, NULL), 0);
	state_server_fill(instance, &desired);
	state_server_parse_config(span_of(instances[_i].words), &written);
	ck_assert_int_eq(span_compare(desired.name, written.name), 0);
	state_diff_server(&backend, &written, &desired, on_op, &ops);
	ck_assert_str_eq(buf_str(&ops), "");
	state_add_address(&desired, &address);
	ck_assert_ptr_nonnull(strstr(instances[_i].words, buf_str(&address)));
	instance_unref(instance);
}
END_TEST

static const char *const no_lines[] = {
    "",
    "1",
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight",
    "3 web:1 1 a:80 a 2 0 5 1 5 1 0 2 0 0 0 0 -",
    "3 web:1 1 a:80 a 2 x 5 1 5 1 0 2 0 0 0 0 - 80",
    "3 web:1 1 a:80 a 2 0 -5 1 5 1 0 2 0 0 0 0 - 80",
    "3 web:1 1 a:80 a 2 0 5 1 5 1 0 2 0 0 0 0 - 99999999999999999999",
};

START_TEST(other_lines_are_no_servers)
{
	struct state_server server;
	struct span backend;

	ck_assert(!state_server_parse(span_of(no_lines[_i]), &server, &backend));
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

int main(void)
{
	TCase *tc = tcase_create("state");

	tcase_add_loop_test(tc, a_difference_is_operations, 0, COUNT(pairs));
	tcase_add_loop_test(tc, a_snapshot_and_a_file_say_the_same, 0, COUNT(instances));
	tcase_add_loop_test(tc, other_lines_are_no_servers, 0, COUNT(no_lines));
	return unit_run("state", tc);
}
