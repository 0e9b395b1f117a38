/* report/metrics: both texts, well-formed whatever the words. */
#include "report/metrics.h"

#include <string.h>

#include <jansson.h>

#include "apply/certificates.h"
#include "base/buf.h"
#include "model/table.h"

#include "unit.h"

static struct metrics metrics;
static struct buf text;

static void setup(void)
{
	metrics_init(&metrics);
	text = (struct buf)BUF_INIT;
}

static void teardown(void)
{
	metrics_fini(&metrics);
	buf_fini(&text);
}

static bool has_line(const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text.data; p != NULL; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (*p == '\0')
			return false;
		if (strncmp(p, line, n) == 0 && p[n] == '\n')
			return true;
	}
	return false;
}

START_TEST(a_latency_falls_into_its_bucket)
{
	static const int64_t us[] = {0, 500, 501, 999999, 1000000, 1000001, 60000000};

	for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++)
		metrics_observe_latency(&metrics, us[i]);
	metrics.loop_longest_us = 12345;
	metrics_format_metrics(&metrics, &text);
	ck_assert(has_line("# TYPE mayfly_apply_latency_seconds histogram"));
	ck_assert(has_line("mayfly_apply_latency_seconds_bucket{le=\"0.0005\"} 2"));
	ck_assert(has_line("mayfly_apply_latency_seconds_bucket{le=\"0.001\"} 3"));
	ck_assert(has_line("mayfly_apply_latency_seconds_bucket{le=\"0.5\"} 3"));
	ck_assert(has_line("mayfly_apply_latency_seconds_bucket{le=\"1\"} 5"));
	ck_assert(has_line("mayfly_apply_latency_seconds_bucket{le=\"5\"} 6"));
	ck_assert(has_line("mayfly_apply_latency_seconds_bucket{le=\"30\"} 6"));
	ck_assert(has_line("mayfly_apply_latency_seconds_bucket{le=\"+Inf\"} 7"));
	ck_assert(has_line("mayfly_apply_latency_seconds_sum 63.001001"));
	ck_assert(has_line("mayfly_apply_latency_seconds_count 7"));
	ck_assert(has_line("mayfly_loop_longest_seconds 0.012345"));
}
END_TEST

/* Each metric has one HELP and one TYPE, before its samples, however many labels it has. */
START_TEST(every_metric_has_one_head)
{
	char *save = NULL, metric[100] = "";
	unsigned heads = 0, samples = 0;

	metrics.value[METRIC_APPLIES_RUNTIME] = 5;
	metrics_format_metrics(&metrics, &text);
	ck_assert(has_line("mayfly_applies_total{kind=\"runtime\"} 5"));
	ck_assert_int_eq(text.data[text.len - 1], '\n');
	for (char *line = strtok_r(text.data, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			size_t n = strcspn(line + 7, " ");

			ck_assert_uint_lt(n, sizeof(metric));
			memcpy(metric, line + 7, n);
			metric[n] = '\0';
			ck_assert_uint_gt(strlen(line + 7 + n), 1);
			heads++;
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			ck_assert(strncmp(line + 7, metric, strlen(metric)) == 0);
		} else {
			ck_assert_msg(strncmp(line, metric, strlen(metric)) == 0, "%s", line);
			samples++;
		}
	}
	/* Three of them are one metric, and two; the versions, the histogram and the loop are three
	 * more. */
	ck_assert_uint_eq(heads, METRIC_COUNT - 2 - 1 + 3);
	ck_assert_uint_eq(samples, METRIC_COUNT + 1 + METRIC_BUCKETS + 3 + 1);
}
END_TEST

START_TEST(labels_are_escaped)
{
	metrics_set_text(&metrics.node, "a\"b\\c\nd");
	metrics_set_text(&metrics.haproxy_version, "\xff");
	metrics_format_metrics(&metrics, &text);
	ck_assert(has_line("mayfly_info{node=\"a\\\"b\\\\c\\nd\",version=\"" MAYFLY_VERSION
			   "\",haproxy_version=\"\"} 1"));
}
END_TEST

/* What is wrong comes first, then what ends soonest. */
START_TEST(certificates_are_in_both)
{
	static const struct certificate_state states[] = {
	    {"late.pem", "late.example.com", 2000000000, ""},
	    {"soon.pem", "soon.example.com", 1900000000, ""},
	    {"bad.pem", "", 0, "it is empty"},
	};

	metrics_set_certificates(&metrics, states, 3);
	metrics_format_metrics(&metrics, &text);
	ck_assert(has_line("mayfly_certificates_refused 1"));
	ck_assert(has_line("mayfly_certificate_end_timestamp_seconds{certificate=\"soon.pem\"} "
			   "1900000000"));
	buf_clear(&text);
	metrics_format_node(&metrics, &text);
	ck_assert_ptr_nonnull(strstr(
	    text.data, "\"certificates_count\":3,\"certificates\":[{\"name\":\"bad.pem\",\"names\":"
		       "\"\",\"ends\":\"\",\"reason\":\"it is empty\"},{\"name\":\"soon.pem\","));
}
END_TEST

static void put(struct table *table, const char *key, const char *value)
{
	table_put(table, key, value, strlen(value), 1);
}

START_TEST(the_node_is_told_as_json)
{
	char object[] = "environment bad", reason[] = "line\nbreak";
	const struct problem quarantined[] = {{object, reason}};
	struct table *table = table_new();
	struct snapshot *snapshot;
	json_t *json;
	const char *words;

	put(table, "backends/web/1/a", "10.0.0.1:80");
	put(table, "environments/dev", "{");
	snapshot = table_snapshot(table, 41);
	metrics_set_newest(&metrics, snapshot);
	snapshot_unref(snapshot);
	table_free(table);
	metrics_set_text(&metrics.node, "n1");
	metrics_set_text(&metrics.haproxy_version, "2.6.12");
	metrics_set_text(&metrics.held_back, "6 of 10 environments would go");
	metrics_set_entries(&metrics.quarantined, quarantined, 1, 1);
	metrics.value[METRIC_APPLIED_REVISION] = 38;
	metrics.confirmed = 40;
	metrics.value[METRIC_APPLIED_TIME] = 1700000000;
	metrics.value[METRIC_OLD_WORKERS] = 2;
	metrics.value[METRIC_RELOADS] = 3;
	metrics_format_node(&metrics, &text);
	json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(json);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "revision")), 40);
	ck_assert_str_eq(json_string_value(json_object_get(json, "node")), "n1");
	ck_assert_str_eq(json_string_value(json_object_get(json, "time")), "2023-11-14T22:13:20Z");
	ck_assert_str_eq(json_string_value(json_object_get(json, "held_back")),
			 "6 of 10 environments would go");
	ck_assert_int_eq(
	    json_integer_value(json_object_get(json_object_get(json, "haproxy"), "workers")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "set_aside_count")), 1);
	words = json_string_value(
	    json_object_get(json_array_get(json_object_get(json, "set_aside"), 0), "object"));
	ck_assert_str_eq(words, "environment dev");
	words = json_string_value(
	    json_object_get(json_array_get(json_object_get(json, "quarantined"), 0), "reason"));
	ck_assert_str_eq(words, "line\nbreak");
	json_decref(json);
}
END_TEST

START_TEST(another_daemon_out_of_reach_is_no_haproxy)
{
	metrics_set_text(&metrics.haproxy_version, "2.6.12");
	metrics_set_text(&metrics.not_loaded, "dnsmasq: not loaded: refused");
	metrics_format_node(&metrics, &text);
	ck_assert_ptr_nonnull(strstr(text.data, "\"workers\":1,"));
}
END_TEST

START_TEST(an_haproxy_out_of_reach_has_no_workers)
{
	metrics_set_text(&metrics.haproxy_version, "2.6.12");
	metrics_set_text(&metrics.not_loaded, "haproxy: not loaded: refused");
	metrics.is_haproxy_away = true;
	metrics_format_node(&metrics, &text);
	ck_assert_ptr_nonnull(strstr(text.data, "\"version\":\"2.6.12\",\"workers\":0,"));
	ck_assert_ptr_nonnull(strstr(text.data, "\"not_loaded\":\"haproxy: not loaded: refused\""));
}
END_TEST

/* A model that is all bad makes no value that etcd would refuse. */
START_TEST(the_node_names_so_many)
{
	struct table *table = table_new();
	struct snapshot *snapshot;
	char key[64];

	for (int i = 0; i < 5000; i++) {
		(void)snprintf(key, sizeof(key), "environments/e%d", i);
		put(table, key, "{");
	}
	snapshot = table_snapshot(table, 1);
	metrics_set_newest(&metrics, snapshot);
	snapshot_unref(snapshot);
	table_free(table);
	metrics_format_node(&metrics, &text);
	ck_assert_uint_lt(text.len, 100000);
	ck_assert_ptr_nonnull(strstr(text.data, "\"set_aside_count\":5000,"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_latency_falls_into_its_bucket);
	tcase_add_test(tc, every_metric_has_one_head);
	tcase_add_test(tc, labels_are_escaped);
	tcase_add_test(tc, certificates_are_in_both);
	tcase_add_test(tc, the_node_is_told_as_json);
	tcase_add_test(tc, another_daemon_out_of_reach_is_no_haproxy);
	tcase_add_test(tc, an_haproxy_out_of_reach_has_no_workers);
	tcase_add_test(tc, the_node_names_so_many);
	return unit_run("metrics", tc);
}
