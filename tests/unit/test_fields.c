/* Tables of fields: what is read by one, what it says to people, and what becomes of objects. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/fields.h"
#include "model/fields_doc.h"
#include "unit.h"

/* --- a format with everything in it ---------------------------------------------------------- */

struct part {
	const char *name;
	const char *path; /* its own */
};

enum color { COLOR_RED, COLOR_BLUE };

struct thing {
	const char *name, *note, *owner, *id;
	unsigned port;
	bool is_big, is_fast;
	int64_t age;
	enum color color;
	const char **hosts;
	size_t host_count;
	struct part *parts;
	unsigned part_count;
	unsigned mode;
	struct {
		char *dir;
	} store;
};

static int read_mode(const struct node *node, void *place, struct mf_err *err)
{
	if (strcmp(node->text, "600") != 0)
		return node_error(node, err, "must be 600");
	*(unsigned *)place = 0600;
	return 0;
}

static int finish(const struct node *node, void *object, struct mf_err *err)
{
	const struct thing *thing = object;

	return thing->port == 13 ? node_error_key(node_find(node, "port"), err, "port: unlucky")
				 : 0;
}

static const char *const colors[] = {"red", "blue", NULL};
static const char *const speeds[] = {"slow", "fast", NULL};

static const struct field part_rows[] = {
    {"name", FIELD_NAME, FIELD_REQUIRED, FIELD_AT(struct part, name), .noun = "part",
     .type = &value_service, .doc = "Its name."},
    {"path", FIELD_NAME, FIELD_OWN, FIELD_AT(struct part, path), .type = &value_route,
     .preset = "/", .doc = "Where it is, such as `/a`."},
};
static const struct fields part_fields = {FIELDS_ROWS(part_rows), .noun = "part",
					  .expected = "a name or a map", .is_bare = true};
static const struct field store_rows[] = {
    {"dir", FIELD_TEXT, FIELD_OWN, FIELD_AT(struct thing, store.dir), .type = &value_path,
     .preset = "/var", .doc = "Where things are kept."},
};
static const struct fields store_fields = {FIELDS_ROWS(store_rows), .section = "store"};

static const struct field host = {
    .kind = FIELD_NAME, .noun = "host", .type = &value_host, .size = sizeof(char *)};
static const struct field part = {
    .kind = FIELD_OBJECT, .fields = &part_fields, .size = sizeof(struct part)};

#define THING(member) FIELD_AT(struct thing, member)
static const struct field rows[] = {
    {"id", FIELD_NAME, FIELD_IN_KEY, THING(id), .type = &value_version},
    {"name", FIELD_NAME, FIELD_REQUIRED, THING(name), .alias = "called", .type = &value_service,
     .doc = "What it is called."},
    {"note", FIELD_TEXT, FIELD_MAY_EMPTY, THING(note), .type = &value_text, .max = 8,
     .doc = "Free text (<words>)."},
    {"port", FIELD_INT, THING(port), .min = 1, .max = 65535, .preset = "80", .doc = "Its port."},
    {"big", FIELD_BOOL, THING(is_big), .doc = "Whether it is big.", .needs = "port"},
    {"speed", FIELD_WORD, THING(is_fast), .words = speeds, .doc = "Its speed.", .not_with = "big"},
    {"age", FIELD_DURATION, THING(age), .min = 1000, .max = 172800000, .doc = "Its age."},
    {"color", FIELD_WORD, THING(color), .words = colors, .preset = "blue",
     .doc = "`red` or `blue`."},
    {"hosts", FIELD_LIST, FIELD_OR_ONE | FIELD_SET, THING(hosts),
     FIELD_COUNT(struct thing, host_count), .max = 3, .item = &host, .doc = "Its hosts."},
    {"parts", FIELD_LIST, FIELD_SET, THING(parts), FIELD_COUNT(struct thing, part_count),
     .item = &part, .doc = "Its parts."},
    {"mode", FIELD_OTHER, THING(mode), .read = read_mode, .schema = "\"const\":600",
     .doc = "Its mode."},
    {"store", FIELD_OBJECT, .fields = &store_fields},
    {"soon", FIELD_TEXT, FIELD_LATER, .doc = "Something new."},
    {"owner", FIELD_TEXT, FIELD_STORED, THING(owner), .type = &value_line},
};
static const struct fields fields = {FIELDS_ROWS(rows), .finish = finish};

static struct node *parse(const char *yaml)
{
	struct mf_err err;
	struct node *root;

	ck_assert_msg(node_parse_yaml(yaml, strlen(yaml), &root, &err) == 0, "%s", err.msg);
	return root;
}

START_TEST(everything_is_read)
{
	struct node *root = parse("called: a\nnote: ''\nport: 8080\nspeed: fast\nage: 2h\n"
				  "color: red\nhosts: [b.x, a.x, b.x]\nmode: 600\n"
				  "parts: [z, {name: b, path: /q}]\nstore: {dir: /srv}\n");
	struct thing thing = {.name = NULL};
	struct mf_err err;

	fields_preset(&fields, &thing);
	ck_assert_str_eq(thing.store.dir, "/var");
	ck_assert_msg(fields_read(&fields, root, &thing, false, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(thing.name, "a");
	ck_assert_str_eq(thing.note, "");
	ck_assert_uint_eq(thing.port, 8080);
	ck_assert(thing.is_fast && !thing.is_big);
	ck_assert_int_eq(thing.age, 7200000);
	ck_assert_int_eq(thing.color, COLOR_RED);
	ck_assert_uint_eq(thing.host_count, 2);
	ck_assert_str_eq(thing.hosts[0], "a.x");
	ck_assert_ptr_null(thing.hosts[2]);
	ck_assert_uint_eq(thing.part_count, 2);
	ck_assert_str_eq(thing.parts[0].name, "b");
	ck_assert_str_eq(thing.parts[0].path, "/q/");
	ck_assert_str_eq(thing.parts[1].path, "/");
	ck_assert_uint_eq(thing.mode, 0600);
	ck_assert_str_eq(thing.store.dir, "/srv");
	node_free(root);
	fields_fini(&fields, &thing);
}
END_TEST

static const struct {
	const char *yaml, *words;
} bad[] = {
    {"[]", "must be a map, not a list (line 1, column 1)"},
    {"port: 1", "name is missing (line 1, column 1)"},
    {"{name: a, prot: 1}",
     "unknown key \"prot\": did you mean \"port\"? allowed: name, called, note, port, big, speed, "
     "age, color, hosts, parts, mode, store, soon (line 1, column 11)"},
    {"{name: A}", "name \"A\": not allowed: \"A\": write lower case (line 1, column 8)"},
    {"{name: a, note: 123456789}", "note: longer than 8 bytes (line 1, column 17)"},
    {"{name: a, port: 13}", "port: unlucky (line 1, column 11)"},
    {"{name: a, port: x}",
     "port: \"x\": must be a whole number from 1 to 65535 (line 1, column 17)"},
    {"{name: a, big: true}", "big: only with port (line 1, column 11)"},
    {"{name: a, port: 1, big: yes}", "big: \"yes\": must be true or false (line 1, column 25)"},
    {"{name: a, port: 1, big: true, speed: fast}",
     "big and speed: only one is allowed (line 1, column 31)"},
    {"{name: a, speed: 1}", "speed: must be one of slow, fast (line 1, column 18)"},
    {"{name: a, age: 3d}", "age: must be from 1s to 2d (line 1, column 16)"},
    {"{name: a, hosts: [a, b, c, d]}",
     "hosts: 4 of them, at most 3 are allowed (line 1, column 18)"},
    {"{name: a, hosts: a b}", "host \"a b\": not allowed: a space (line 1, column 18)"},
    {"{name: a, parts: [b, {name: b}]}", "part b: is there twice (line 1, column 29)"},
    {"{name: a, parts: [{name: b, path: x}]}",
     "part b: path \"x\": must start with \"/\" (line 1, column 35)"},
    {"{name: a, parts: [[]]}", "part: must be a name or a map (line 1, column 19)"},
    {"{name: a, mode: 1}", "mode: must be 600 (line 1, column 17)"},
    {"{name: a, store: {dri: /x}}",
     "store: unknown key \"dri\": did you mean \"dir\"? allowed: dir (line 1, column 19)"},
    {"{name: a, store: {dir: x}}",
     "store.dir: \"x\": must be an absolute path (line 1, column 24)"},
    {"{name: a, soon: x}", "soon: not supported yet (line 1, column 11)"},
    {"{name: a, id: x}", "unknown key \"id\": did you mean \"big\"? allowed: name, called, note, "
			 "port, big, speed, age, color, hosts, parts, "
			 "mode, store, soon (line 1, column 11)"},
};

START_TEST(what_is_wrong_is_said_with_its_place)
{
	struct node *root = parse(bad[_i].yaml);
	struct thing thing = {.name = NULL};
	struct mf_err err;

	ck_assert_int_eq(fields_read(&fields, root, &thing, false, &err), MF_EDATA);
	ck_assert_str_eq(err.msg, bad[_i].words);
	node_free(root);
	fields_fini(&fields, &thing);
}
END_TEST

START_TEST(an_object_outlives_what_it_was_read_from)
{
	struct node *root = parse(
	    "{name: a, hosts: c.x, parts: [b, a], note: hi, age: 90s, owner: me, color: red}");
	struct thing thing = {.name = NULL}, *packed;
	buf_auto struct buf json = BUF_INIT;
	struct mf_err err;

	fields_preset(&fields, &thing);
	ck_assert_int_eq(fields_read_key(&fields, "thing", (const char *[]){"a b"}, &thing, &err),
			 MF_EDATA);
	ck_assert_str_eq(err.msg, "thing: id: \"a b\": not allowed: a space");
	ck_assert_int_eq(fields_read_key(&fields, "thing", (const char *[]){"i"}, &thing, &err), 0);
	ck_assert_msg(fields_read(&fields, root, &thing, true, &err) == 0, "%s", err.msg);
	packed = fields_pack(&fields, &thing, sizeof(thing));
	node_free(root);
	fields_fini(&fields, &thing);
	ck_assert_str_eq(packed->id, "i");
	fields_format(&fields, packed, false, &json);
	ck_assert_str_eq(json.data,
			 "{\"name\":\"a\",\"note\":\"hi\",\"port\":80,\"big\":false,"
			 "\"speed\":\"slow\",\"age\":\"90s\",\"color\":\"red\",\"hosts\":[\"c.x\"],"
			 "\"parts\":[{\"name\":\"a\",\"path\":\"/\"},"
			 "{\"name\":\"b\",\"path\":\"/\"}],\"store\":{\"dir\":\"/var\"}}");
	buf_clear(&json);
	fields_format(&fields, packed, true, &json);
	ck_assert_ptr_nonnull(strstr(json.data, ",\"owner\":\"me\"}"));
	free(packed);
}
END_TEST

START_TEST(what_is_there_is_laid_over)
{
	struct node *root = parse("{name: b, parts: [y], store: {dir: /new}}");
	struct thing over = {.name = NULL}, under = {.name = NULL};
	struct mf_err err;

	fields_preset(&fields, &under);
	ck_assert_int_eq(fields_read(&fields, root, &over, false, &err), 0);
	fields_move(&fields, &over, &under);
	ck_assert_str_eq(under.store.dir, "/new");
	ck_assert_uint_eq(under.part_count, 1);
	ck_assert_uint_eq(over.part_count, 0);
	fields_move(&fields, &over, &under);
	ck_assert_str_eq(under.store.dir, "/new");
	node_free(root);
	fields_fini(&fields, &over);
	fields_fini(&fields, &under);
}
END_TEST

/* --- documentation --------------------------------------------------------------------------- */

START_TEST(a_schema_says_what_is_allowed)
{
	static const char *const wanted[] = {
	    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"name\":{",
	    "\"called\":{\"description\":\"What it is called.\",\"type\":\"string\"",
	    "\"port\":{\"description\":\"Its port.\",\"type\":\"integer\",\"minimum\":1,"
	    "\"maximum\":65535,\"default\":80}",
	    "\"color\":{\"description\":\"red or blue.\",\"enum\":[\"red\",\"blue\"],"
	    "\"default\":\"blue\"}",
	    "\"note\":{\"description\":\"Free text "
	    "(<words>).\",\"type\":[\"string\",\"number\",\"boolean\"]}",
	    "\"mode\":{\"description\":\"Its mode.\",\"const\":600}",
	    "\"soon\":{\"description\":\"Not supported yet. Something new.\"",
	    "\"store\":{\"type\":\"object\"",
	    ",\"allOf\":[{\"oneOf\":[{\"required\":[\"name\"]},{\"required\":[\"called\"]}]},"
	    "{\"dependencies\":{\"big\":[\"port\"]}},{\"not\":{\"required\":[\"big\",\"speed\"]}}]",
	};
	buf_auto struct buf json = BUF_INIT;

	fields_add_schema(&fields, &json);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		ck_assert_msg(strstr(json.data, wanted[i]) != NULL, "%s\nnot in %s", wanted[i],
			      json.data);
	ck_assert_ptr_null(strstr(json.data, "owner"));
	ck_assert_ptr_null(strstr(json.data, "\"id\""));
}
END_TEST

START_TEST(a_manual_lists_the_keys)
{
	static const char wanted[] =
	    ".Bl -tag -width Ds\n"
	    ".It Ic name\nRequired.\nIts name.\n"
	    "Labels of\n.Ql a-z ,\n.Ql 0-9 ,\n.Ql \\&_\nand\n.Ql \\&- ,\n"
	    "joined by dots; 63 characters at most.\n"
	    ".It Ic path\nWhere it is, such as\n.Ql \\&/a .\nDefault:\n.Ql \\&/ .\n"
	    ".El\n";
	buf_auto struct buf part_keys = BUF_INIT;
	buf_auto struct buf keys = BUF_INIT;
	buf_auto struct buf defaults = BUF_INIT;

	fields_add_manual(&part_fields, &part_keys);
	ck_assert_str_eq(part_keys.data, wanted);
	fields_add_manual(&fields, &keys);
	ck_assert_ptr_nonnull(strstr(keys.data, ".It Ic name , called\n"));
	ck_assert_ptr_nonnull(strstr(keys.data, "Free text\n.Ar ( words ) .\n"));
	ck_assert_ptr_nonnull(strstr(keys.data, ".It Ic store.dir\n"));
	ck_assert_ptr_nonnull(strstr(keys.data, "Its parts.\n.Bl -tag"));
	fields_add_defaults(&fields, &defaults);
	ck_assert_str_eq(defaults.data, "port: 80\ncolor: blue\nstore:\n  dir: /var\n");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("fields");

	tcase_add_test(tc, everything_is_read);
	tcase_add_loop_test(tc, what_is_wrong_is_said_with_its_place, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, an_object_outlives_what_it_was_read_from);
	tcase_add_test(tc, what_is_there_is_laid_over);
	tcase_add_test(tc, a_schema_says_what_is_allowed);
	tcase_add_test(tc, a_manual_lists_the_keys);
	return unit_run("fields", tc);
}
