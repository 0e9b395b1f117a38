/* Service files: what they say, and how they are refused. */
#include "register/service_file.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/itemfile.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct read {
	struct service_entry **entries;
	size_t count;
	struct buf bads; /* a line each */
};

static void on_bad(void *ctx, const struct mf_err *why)
{
	buf_printf(ctx, "%s\n", why->msg);
}

static int read_text(const char *text, struct read *ret, struct mf_err *err)
{
	void **items = NULL;
	int code;

	*ret = (struct read){0};
	code = service_kind.parse(text, strlen(text), &items, &ret->count, on_bad, &ret->bads, err);
	ret->entries = (struct service_entry **)items;
	return code;
}

static void read_fini(struct read *read)
{
	for (size_t i = 0; i < read->count; i++)
		service_kind.unref(read->entries[i]);
	free(read->entries);
	buf_fini(&read->bads);
}

/* Everything but the name, as far as it is not the default. */
static void describe(struct buf *b, const struct service_entry *e)
{
	static const char *const states[] = {"up", "drain", "maint"};

	buf_printf(b, "%s %s %s %u", e->want.service, e->want.version, e->want.where.text,
		   e->want.port);
	if (e->want.id != NULL)
		buf_printf(b, " id=%s", e->want.id);
	if (e->want.weight != 100)
		buf_printf(b, " weight=%u", e->want.weight);
	if (e->want.state != INSTANCE_UP)
		buf_printf(b, " state=%s", states[e->want.state]);
	for (size_t i = 0; e->want.tags != NULL && e->want.tags[i] != NULL; i++)
		buf_printf(b, " +%s", e->want.tags[i]);
	for (size_t i = 0; i < e->want.attribute_count; i++)
		buf_printf(b, " %s=%s", e->want.attributes[i].name, e->want.attributes[i].value);
	if (e->want.on_fail == ON_FAIL_DRAIN)
		buf_add_str(b, " on_fail=drain");
	if (e->want.is_initially_up)
		buf_add_str(b, " initial=up");
	if (e->want.env != NULL)
		buf_printf(b, " env=%s%s", e->want.env, e->want.steals ? "!" : "");
	if (e->want.ttl_ms != 0)
		buf_printf(b, " ttl=%lld", (long long)e->want.ttl_ms);
}

/* --- one service ------------------------------------------------------------------------------ */

static const struct {
	const char *text, *name, *described;
} good[] = {
    {"service: search\naddress: 10.0.0.5:8080\n", "search/latest/10.0.0.5:8080",
     "search latest 10.0.0.5 8080"},
    {"name: search\nversion: 1.10\naddress: 10.0.0.5\nport: 8080\n", "search/1.10/10.0.0.5:8080",
     "search 1.10 10.0.0.5 8080"},
    {"- {service: s, address: \"[fd00:0::5]:80\"}\n", "s/latest/[fd00::5]:80",
     "s latest fd00::5 80"},
    {"{service: s, address: fd00::5, port: 80}", "s/latest/[fd00::5]:80", "s latest fd00::5 80"},
    {"{service: s, address: eth0, port: 80}", "s/latest/eth0:80", "s latest eth0 80"},
    {"{service: s, address: \"eth0:inet6:80\"}", "s/latest/eth0:inet6:80",
     "s latest eth0:inet6 80"},
    {"{service: s, address: 10.0.0.0/8, port: 80}", "s/latest/10.0.0.0/8:80",
     "s latest 10.0.0.0/8 80"},
    {"{service: s, address: \"[fd00::/8]:80\"}", "s/latest/[fd00::/8]:80", "s latest fd00::/8 80"},
    {"{service: s, address: eth0, port: 80, id: one}", "s/latest/one", "s latest eth0 80 id=one"},
    {"{service: s, address: eth0, port: 80, weight: 0, state: drain}", "s/latest/eth0:80",
     "s latest eth0 80 weight=0 state=drain"},
    {"{service: s, address: eth0, port: 80, weight: 256, state: maint}", "s/latest/eth0:80",
     "s latest eth0 80 weight=256 state=maint"},
    {"{service: s, address: eth0, port: 80, state: up, weight: 100}", "s/latest/eth0:80",
     "s latest eth0 80"},
    {"{service: s, address: eth0, port: 80, tags: [a, \"b c\", \"\xc3\xa9\"]}", "s/latest/eth0:80",
     "s latest eth0 80 +a +b c +\xc3\xa9"},
    {"{service: s, address: eth0, port: 80, attributes: {zone: eu, rack: 7, empty: ''}}",
     "s/latest/eth0:80", "s latest eth0 80 zone=eu rack=7 empty="},
    {"{service: s, address: eth0, port: 80, on_fail: drain, initial: up}", "s/latest/eth0:80",
     "s latest eth0 80 on_fail=drain initial=up"},
    {"{service: s, address: eth0, port: 80, on_fail: withdraw, initial: down}", "s/latest/eth0:80",
     "s latest eth0 80"},
    {"{service: s, address: eth0, port: 80, env: dev, steal: true}", "s/latest/eth0:80",
     "s latest eth0 80 env=dev!"},
    {"{service: s, address: eth0, port: 80, env: dev, steal: false, ttl: 1m}", "s/latest/eth0:80",
     "s latest eth0 80 env=dev ttl=60000"},
};

START_TEST(a_good_service_is_read)
{
	buf_auto struct buf described = BUF_INIT;
	struct read read;
	struct mf_err err = {0};

	ck_assert_msg(read_text(good[_i].text, &read, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(buf_str(&read.bads), "");
	ck_assert_uint_eq(read.count, 1);
	ck_assert_str_eq(read.entries[0]->name, good[_i].name);
	ck_assert_ptr_null(read.entries[0]->want.address);
	describe(&described, read.entries[0]);
	ck_assert_str_eq(described.data, good[_i].described);
	read_fini(&read);
}
END_TEST

#define S "{service: s, address: eth0, port: 80, "

static const struct {
	const char *text, *words;
} bad[] = {
    {"{address: eth0:80}", "service: its name is missing: the key service (line 1, column 1)"},
    {"[eth0]", "service: must be a map with service and address (line 1, column 2)"},
    {"service: s\nname: s\n", "service: service and name: only one is allowed (line 2, column 1)"},
    {"service: a b\n", "service \"a b\": not allowed: a space (line 1, column 10)"},
    {"service: [s]\n", "service: must be a string, not a list (line 1, column 10)"},
    {"{service: s}", "service s: address is missing (line 1, column 1)"},
    {"service: s\naddress: eth0\n", "service s: port is missing (line 2, column 10)"},
    {"service: s\naddress: fd00::5\n", "service s: port is missing (line 2, column 10)"},
    {"service: s\naddress: 10.0.0.5:80\nport: 80\n",
     "service s: port: the address has one already (line 3, column 1)"},
    {"service: s\naddress: eth0:0\n",
     "service s: address \"eth0:0\": must end in a port: a number from 1 to 65535 (line 2, column "
     "10)"},
    {"service: s\naddress: example.com:80\n",
     "service s: address \"example.com\": must be an address, such as 10.0.0.5 or fd00::5, a "
     "network, such as 10.0.0.0/8, or an interface, such as eth0 or eth0:inet6 (line 2, column "
     "10)"},
    {"service: s\naddress: 10.0.0.5/8\nport: 80\n",
     "service s: address \"10.0.0.5/8\": a network has no bits behind its length (line 2, column "
     "10)"},
    {"{service: s, address: {}, port: 80}",
     "service s: address: must be a string, not a map (line 1, column 23)"},
    {"{service: s, address: eth0, port: 65536}",
     "service s: port: \"65536\": must be a whole number from 1 to 65535 (line 1, column 35)"},
    {S "version: \"0 .1\"}",
     "service s: version \"0 .1\": not allowed: a space (line 1, column 48)"},
    {S "id: a/b}", "service s: id \"a/b\": not allowed: \"/\" (line 1, column 43)"},
    {S "weight: 257}",
     "service s: weight: \"257\": must be a whole number from 0 to 256 (line 1, column 47)"},
    {S "state: down}", "service s: state: must be one of up, drain, maint (line 1, column 46)"},
    {S "on_fail: stop}", "service s: on_fail: must be one of withdraw, drain (line 1, column 48)"},
    {S "initial: maint}", "service s: initial: must be one of down, up (line 1, column 48)"},
    {S "tags: a}", "service s: tags: must be a list, not a single value (line 1, column 45)"},
    {S "tags: [\"\"]}", "service s: tags: must not be empty (line 1, column 46)"},
    {S "tags: [\"a\\nb\"]}", "service s: tags: a control character (line 1, column 46)"},
    {S "tags: [[]]}", "service s: tags: must be a string, not a list (line 1, column 46)"},
    {S "attributes: [a]}", "service s: attributes: must be a map (line 1, column 51)"},
    {S "attributes: {weight: 1}}",
     "service s: attributes: attribute weight: has a place of its own (line 1, column 52)"},
    {S "attributes: {a: [1]}}",
     "service s: attributes: a: must be a string, not a list (line 1, column 55)"},
    {S "attributes: {a: \"\\t\"}}",
     "service s: attributes: a: a control character (line 1, column 55)"},
    {S "attributes: {\"a\\tb\": c}}",
     "service s: attributes: a control character (line 1, column 52)"},
    {S "env: Dev}",
     "service s: env \"Dev\": not allowed: \"D\": write lower case (line 1, column 44)"},
    {S "steal: true}", "service s: steal: only with env or id (line 1, column 39)"},
    {S "env: dev, steal: yes}",
     "service s: steal: \"yes\": must be true or false (line 1, column 56)"},
    {S "ttl: 1s}", "service s: ttl: must be from 2s to 1d (line 1, column 44)"},
    {S "ttl: 10}",
     "service s: ttl: \"10\": must be a duration with a unit, such as 250ms, 10s, 5m, 8h or 2d "
     "(line 1, column 44)"},
    {S "check: tcp, checks: [tcp]}",
     "service s: check and checks: only one is allowed (line 1, column 51)"},
    {S "checks: tcp}", "service s: checks: must be a list, not a single value (line 1, column 47)"},
    {S "wieght: 1}",
     "service s: unknown key \"wieght\": did you mean \"weight\"? allowed: service, name, version, "
     "address, port, id, weight, state, tags, attributes, check, checks, on_fail, initial, env, "
     "steal, ttl (line 1, column 39)"},
};

START_TEST(a_bad_service_is_refused)
{
	struct read read;
	struct mf_err err = {0};

	ck_assert_msg(read_text(bad[_i].text, &read, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(read.count, 0);
	ck_assert_uint_gt(read.bads.len, 0);
	read.bads.data[read.bads.len - 1] = '\0';
	ck_assert_str_eq(read.bads.data, bad[_i].words);
	read_fini(&read);
}
END_TEST

START_TEST(checks_are_read)
{
	static const struct {
		const char *text;
		size_t count;
	} cases[] = {
	    {S "check: tcp}", 1},
	    {S "check: {http: /health, interval: 5s}}", 1},
	    {S "checks: [tcp, {exec: /bin/true}]}", 2},
	    {S "checks: []}", 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read read;

		ck_assert_int_eq(read_text(cases[i].text, &read, NULL), 0);
		ck_assert_str_eq(buf_str(&read.bads), "");
		ck_assert_uint_eq(read.count, 1);
		ck_assert_uint_eq(read.entries[0]->want.check_count, cases[i].count);
		read_fini(&read);
	}
}
END_TEST

START_TEST(a_bad_check_is_refused)
{
	static const char *const texts[] = {S "check: icmp}", S "checks: [tcp, icmp]}",
					    S "check: {tcp: 80, inteval: 5s}}", S "check: []}"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct read read;

		ck_assert_int_eq(read_text(texts[i], &read, NULL), 0);
		ck_assert_uint_eq(read.count, 0);
		ck_assert_int_eq(strncmp(buf_str(&read.bads), "service s: check: ", 18), 0);
		ck_assert_ptr_null(strstr(read.bads.data, "check: check: "));
		ck_assert_ptr_nonnull(strstr(read.bads.data, " (line 1, column "));
		read_fini(&read);
	}
}
END_TEST

/* --- bounds ----------------------------------------------------------------------------------- */

static void add_many(struct buf *b, const char *format, int count)
{
	for (int i = 0; i < count; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		buf_printf(b, format, i);
#pragma GCC diagnostic pop
	}
}

static const struct {
	const char *before, *each, *after;
	int most;
	const char *words; /* of one more */
} bounds[] = {
    {S "tags: [", "t%d, ", "]}", ANNOUNCEMENT_MAX_TAGS, "tags: 65 of them, at most 64 are allowed"},
    {S "attributes: {", "a%d: x, ", "}}", ANNOUNCEMENT_MAX_ATTRIBUTES,
     "attributes: 65 of them, at most 64 are allowed"},
    {S "checks: [", "\"tcp:%d1\", ", "]}", ANNOUNCEMENT_MAX_CHECKS,
     "checks: 17 of them, at most 16 are allowed"},
};

START_TEST(lists_are_bounded)
{
	for (int more = 0; more < 2; more++) {
		buf_auto struct buf text = BUF_INIT;
		struct read read;

		buf_add_str(&text, bounds[_i].before);
		add_many(&text, bounds[_i].each, bounds[_i].most + more);
		buf_add_str(&text, bounds[_i].after);
		ck_assert_int_eq(read_text(text.data, &read, NULL), 0);
		ck_assert_uint_eq(read.count, more == 0 ? 1 : 0);
		if (more != 0)
			ck_assert_ptr_nonnull(strstr(buf_str(&read.bads), bounds[_i].words));
		read_fini(&read);
	}
}
END_TEST

START_TEST(tags_and_attributes_are_not_too_long_together)
{
	for (size_t more = 0; more < 2; more++) {
		buf_auto struct buf text = BUF_INIT;
		struct read read;

		buf_add_str(&text, S "tags: [abcde], attributes: {abc: ");
		for (size_t i = 0; i < ANNOUNCEMENT_MAX_EXTRA - 8 + more; i++)
			buf_add_char(&text, 'x');
		buf_add_str(&text, "}}");
		ck_assert_int_eq(read_text(text.data, &read, NULL), 0);
		ck_assert_uint_eq(read.count, 1 - more);
		if (more != 0)
			ck_assert_str_eq(
			    read.bads.data,
			    "service s: tags and attributes: 8193 bytes of them, at most "
			    "8192 are allowed (line 1, column 1)\n");
		read_fini(&read);
	}
}
END_TEST

START_TEST(a_file_is_bounded)
{
	for (int more = 0; more < 2; more++) {
		buf_auto struct buf text = BUF_INIT;
		struct read read;
		struct mf_err err = {0};
		int code;

		add_many(&text, "- {service: s, address: eth0, port: 80, id: i%d}\n",
			 SERVICE_FILE_MAX + more);
		code = read_text(text.data, &read, &err);
		ck_assert_int_eq(code, more == 0 ? 0 : MF_EDATA);
		if (more == 0)
			ck_assert_uint_eq(read.count, SERVICE_FILE_MAX);
		else
			ck_assert_str_eq(err.msg, "1001 services, at most 1000 are allowed in one "
						  "file (line 1, column 1)");
		read_fini(&read);
	}
}
END_TEST

/* --- a file ----------------------------------------------------------------------------------- */

static const struct {
	const char *text, *words;
} broken[] = {
    {"", "holds no service"},
    {"# nothing\n", "holds no service"},
    {"[]", "holds no service (line 1, column 1)"},
    {"search", "must be a service (a map) or a list of them (line 1, column 1)"},
    {"service: s\nservice: t\n", NULL},
    {"a: [\n", NULL},
    {"--- {}\n--- {}\n", NULL},
};

START_TEST(a_broken_file_is_refused)
{
	struct read read;
	struct mf_err err = {0};

	ck_assert_int_eq(read_text(broken[_i].text, &read, &err), MF_EDATA);
	ck_assert_ptr_null(read.entries);
	if (broken[_i].words != NULL)
		ck_assert_int_eq(strncmp(err.msg, broken[_i].words, strlen(broken[_i].words)), 0);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "(line "));
	read_fini(&read);
}
END_TEST

START_TEST(the_good_ones_live_beside_bad_ones)
{
	struct read read;

	ck_assert_int_eq(read_text("- {service: a, address: eth0, port: 80}\n"
				   "- {service: b, address: eth0, port: 0}\n"
				   "- {service: a, address: eth0, port: 80, weight: 1}\n"
				   "- {service: a, address: eth0, port: 80, id: two}\n",
				   &read, NULL),
			 0);
	ck_assert_uint_eq(read.count, 2);
	ck_assert_str_eq(read.entries[0]->name, "a/latest/eth0:80");
	ck_assert_uint_eq(read.entries[0]->want.weight, 100);
	ck_assert_str_eq(read.entries[1]->name, "a/latest/two");
	ck_assert_str_eq(read.bads.data,
			 "service b: port: \"0\": must be a whole number from 1 to 65535 (line 2, "
			 "column 37)\n"
			 "service a/latest/eth0:80: is there already, in line 1: give it an id "
			 "(line 3, column 3)\n");
	read_fini(&read);
}
END_TEST

/* Only what is written counts, not where: an entry that moves in its file is not another. */
START_TEST(equal_entries_are_told_from_changed_ones)
{
	static const struct {
		const char *a, *b;
		bool is_equal;
	} cases[] = {
	    {S "}", "\n\n- " S "} # a comment\n", true},
	    {S "}", S "weight: 99}", false},
	    {S "tags: [a]}", S "tags: [b]}", false},
	    {S "tags: [a, b]}", S "tags: [ab]}", false},
	    {S "check: tcp}", S "check: {tcp: }}", false},
	    {S "attributes: {a: b}}", S "attributes: {a: c}}", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct read a, b;

		ck_assert_int_eq(read_text(cases[i].a, &a, NULL), 0);
		ck_assert_int_eq(read_text(cases[i].b, &b, NULL), 0);
		ck_assert_int_eq(service_kind.is_equal(a.entries[0], b.entries[0]),
				 cases[i].is_equal);
		ck_assert_str_eq(service_kind.name(a.entries[0]), service_kind.name(b.entries[0]));
		read_fini(&a);
		read_fini(&b);
	}
}
END_TEST

START_TEST(entries_are_shared)
{
	struct read read;
	struct service_entry *entry;

	ck_assert_int_eq(read_text(S "tags: [a]}", &read, NULL), 0);
	entry = service_kind.ref(read.entries[0]);
	read_fini(&read);
	ck_assert_str_eq(entry->want.tags[0], "a");
	service_kind.unref(entry);
	service_kind.unref(NULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("service_file");

	tcase_add_loop_test(tc, a_good_service_is_read, 0, COUNT(good));
	tcase_add_loop_test(tc, a_bad_service_is_refused, 0, COUNT(bad));
	tcase_add_test(tc, checks_are_read);
	tcase_add_test(tc, a_bad_check_is_refused);
	tcase_add_loop_test(tc, lists_are_bounded, 0, COUNT(bounds));
	tcase_add_test(tc, tags_and_attributes_are_not_too_long_together);
	tcase_add_test(tc, a_file_is_bounded);
	tcase_add_loop_test(tc, a_broken_file_is_refused, 0, COUNT(broken));
	tcase_add_test(tc, the_good_ones_live_beside_bad_ones);
	tcase_add_test(tc, equal_entries_are_told_from_changed_ones);
	tcase_add_test(tc, entries_are_shared);
	return unit_run("service_file", tc);
}
