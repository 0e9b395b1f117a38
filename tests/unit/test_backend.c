/* Instances from the values of their keys. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/backend.h"
#include "unit.h"

static const struct {
	const char *value;
	const char *server;
	unsigned weight;
	enum instance_state state;
	const char *formatted;
} good[] = {
    {"10.0.0.5:8080", "10.0.0.5:8080", 100, INSTANCE_UP, "10.0.0.5:8080"},
    {"10.0.0.5:8080\n", "10.0.0.5:8080", 100, INSTANCE_UP, "10.0.0.5:8080"},
    {"[fd00::5]:8080", "fd00::5:8080", 100, INSTANCE_UP, "[fd00::5]:8080"},
    {"[FD00:0::5]:8080", "fd00::5:8080", 100, INSTANCE_UP, "[fd00::5]:8080"},
    {"{\"address\":\"10.0.0.5\",\"port\":80}", "10.0.0.5:80", 100, INSTANCE_UP, "10.0.0.5:80"},
    {"{\"address\":\"fd00::5\",\"port\":80,\"weight\":0}", "fd00::5:80", 0, INSTANCE_UP,
     "{\"address\":\"fd00::5\",\"port\":80,\"weight\":0,\"state\":\"up\"}"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":256,\"state\":\"drain\",\"tags\":[\"a\"],"
     "\"since\":{\"x\":1}}",
     "10.0.0.5:80", 256, INSTANCE_DRAIN,
     "{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":256,\"state\":\"drain\"}"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"state\":\"maint\"}", "10.0.0.5:80", 100,
     INSTANCE_MAINT, "{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":100,\"state\":\"maint\"}"},
};

START_TEST(a_good_instance_is_read_and_written)
{
	struct instance *instance, *again;
	buf_auto struct buf value = BUF_INIT;
	struct mf_err err;

	ck_assert_msg(instance_parse("a", "1", "x", good[_i].value, strlen(good[_i].value),
				     &instance, &err) == 0,
		      "%s", err.msg);
	ck_assert_str_eq(instance->service, "a");
	ck_assert_str_eq(instance->version, "1");
	ck_assert_str_eq(instance->id, "x");
	ck_assert_str_eq(instance->server, good[_i].server);
	ck_assert_uint_eq(instance->weight, good[_i].weight);
	ck_assert_int_eq(instance->state, good[_i].state);
	instance_format(instance, NULL, &value);
	ck_assert_str_eq(value.data, good[_i].formatted);
	ck_assert_int_eq(instance_parse("a", "1", "x", value.data, value.len, &again, NULL), 0);
	ck_assert_str_eq(again->server, instance->server);
	ck_assert_str_eq(again->address, instance->address);
	ck_assert_uint_eq(again->port, instance->port);
	ck_assert_ptr_eq(instance_ref(again), again);
	instance_unref(again);
	instance_unref(again);
	instance_unref(instance);
	instance_unref(NULL);
}
END_TEST

START_TEST(tags_and_attributes_are_written)
{
	const char *const tags[] = {"a\"b", "c", NULL}, *const none[] = {NULL};
	char zone[] = "zone", z1[] = "z1", odd[] = "w\n", empty[] = "";
	const struct attribute attributes[] = {{zone, z1}, {odd, empty}};
	struct instance_extra extra = {.tags = none};
	struct instance *instance;
	buf_auto struct buf value = BUF_INIT;

	ck_assert_int_eq(instance_parse("a", "1", "x", "10.0.0.5:80", 11, &instance, NULL), 0);
	instance_format(instance, &extra, &value);
	ck_assert_str_eq(value.data, "10.0.0.5:80");
	buf_clear(&value);
	extra = (struct instance_extra){tags, attributes, 2};
	instance_format(instance, &extra, &value);
	ck_assert_str_eq(value.data, "{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":100,"
				     "\"state\":\"up\",\"tags\":[\"a\\\"b\",\"c\"],"
				     "\"zone\":\"z1\",\"w\\n\":\"\"}");
	instance_unref(instance);
	ck_assert_int_eq(instance_parse("a", "1", "x", value.data, value.len, &instance, NULL), 0);
	instance_unref(instance);
}
END_TEST

START_TEST(an_attribute_has_a_name_of_its_own)
{
	struct mf_err err;

	ck_assert_int_eq(instance_check_attribute("zone", &err), 0);
	ck_assert_int_eq(instance_check_attribute("state", &err), MF_EDATA);
	ck_assert_str_eq(err.msg, "attribute state: has a place of its own");
	ck_assert_int_eq(instance_check_attribute("", &err), MF_EDATA);
	ck_assert_int_eq(instance_check_attribute("\xff", &err), MF_EDATA);
	ck_assert_int_eq(instance_check_attribute("0123456789012345678901234567890123456789"
						  "012345678901234567890123",
						  &err),
			 MF_EDATA);
}
END_TEST

static const struct {
	const char *value, *words;
} bad[] = {
    {"", "\"\": must be a numeric address and a port, such as 10.0.0.5:8080 or [fd00::5]:8080"},
    {"localhost:80", "\"localhost:80\": must be a numeric address and a port, such as "
		     "10.0.0.5:8080 or [fd00::5]:8080"},
    {"10.0.0.5:0", "\"10.0.0.5:0\": the port must be a number from 1 to 65535"},
    {" 10.0.0.5:80", "\" 10.0.0.5:80\": must be a numeric address and a port, such as "
		     "10.0.0.5:8080 or [fd00::5]:8080"},
    {"10.0.0.5:80;x", "\"10.0.0.5:80;x\": the port must be a number from 1 to 65535"},
    {"10.0.0.5:80\nx", "\"10.0.0.5:80\\nx\": the port must be a number from 1 to 65535"},
    {"{\"port\":80}", "address is missing"},
    {"{\"address\":\"10.0.0.5\"}", "port is missing"},
    {"{\"address\":\"10.0.0.5\",\"port\":0}",
     "port: \"0\": must be a whole number from 1 to 65535"},
    {"{\"address\":\"10.0.0.5\",\"port\":\"80\"}",
     "port: \"80\": must be a whole number from 1 to 65535"},
    {"{\"address\":\"10.0.0.5\",\"port\":80.5}",
     "port: \"80.5\": must be a whole number from 1 to 65535"},
    {"{\"address\":\"host\",\"port\":80}",
     "address \"host\": must be a numeric address, such as 10.0.0.5 or fd00::5"},
    {"{\"address\":5,\"port\":80}", "address: must be a string: a number loses its zeros"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":257}",
     "weight: \"257\": must be a whole number from 0 to 256"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"weight\":-1}",
     "weight: \"-1\": must be a whole number from 0 to 256"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"state\":\"down\"}",
     "state: must be one of up, drain, maint"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"tags\":\"a\"}",
     "tags: must be a list, not a single value"},
    {"{\"address\":\"10.0.0.5\",\"port\":80,\"tags\":[1]}",
     "tags: must be a string: a number loses its zeros"},
    {"{", "not JSON: string or '}' expected near end of file (line 1, column 1)"},
    {"{\"address\":\"10.0.0.5\",\"address\":\"10.0.0.6\",\"port\":80}",
     "not JSON: duplicate object key near '\"address\"' (line 1, column 31)"},
};

START_TEST(a_bad_instance_is_refused)
{
	struct instance *instance = NULL;
	struct mf_err err;

	ck_assert_int_eq(
	    instance_parse("a", "1", "x", bad[_i].value, strlen(bad[_i].value), &instance, &err),
	    MF_EDATA);
	ck_assert_ptr_null(instance);
	ck_assert_int_eq(strncmp(err.msg, "instance a/1/x: ", 16), 0);
	ck_assert_str_eq(err.msg + 16, bad[_i].words);
}
END_TEST

START_TEST(the_names_in_the_key_are_checked)
{
	static const struct {
		const char *service, *version, *id, *words;
	} cases[] = {
	    {"A", "1", "x", "instance: service: \"A\": not allowed: \"A\": write lower case"},
	    {"a", "1 ", "x", "instance: version: \"1 \": not allowed: a space"},
	    {"a", "1", "", "instance: id: \"\": must not be empty"},
	    {"a", "1", "x\n", "instance: id: \"x\\n\": not allowed: a newline"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct instance *instance;
		struct mf_err err;

		ck_assert_int_eq(instance_parse(cases[i].service, cases[i].version, cases[i].id,
						"10.0.0.5:80", 11, &instance, &err),
				 MF_EDATA);
		ck_assert_str_eq(err.msg, cases[i].words);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("backend");

	tcase_add_test(tc, tags_and_attributes_are_written);
	tcase_add_test(tc, an_attribute_has_a_name_of_its_own);
	tcase_add_loop_test(tc, a_good_instance_is_read_and_written, 0,
			    sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(tc, a_bad_instance_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, the_names_in_the_key_are_checked);
	return unit_run("backend", tc);
}
