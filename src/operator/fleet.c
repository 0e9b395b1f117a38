/* What each kvwatch says of itself, as rows.  Judges by nothing else. */
#include "operator/fleet.h"

#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "model/name.h"
#include "operator/doc.h"
#include "operator/look.h"
#include "operator/reading.h"

#define MAX_DEPTH 8
#define DAY_S	  86400

struct node *fleet_parse_report(const char *value, size_t len)
{
	static const struct json_bounds bounds = {.max_bytes = FLEET_MAX_REPORT,
						  .max_depth = MAX_DEPTH};
	struct node *report;

	return json_parse(value, len, &bounds, &report, NULL) == 0 ? report : NULL;
}

static void copy_int(struct node *row, const struct node *from, const char *key, const char *as)
{
	int64_t n;

	if (node_int_at(from, key, &n))
		doc_add_int(row, as, n);
}

static void copy_text(struct node *row, const struct node *from, const char *key, const char *as)
{
	const char *text = node_text_at(from, key, "");

	if (text[0] != '\0')
		doc_add_text(row, as, text);
}

/* `[{"object": …, "reason": …}]`, as it is. */
static void copy_problems(struct node *row, const struct node *from, const char *key)
{
	const struct node *problems = node_find(from, key);
	struct node *list = doc_add_list(row, key);

	for (size_t i = 0; i < node_count(problems, NODE_LIST); i++) {
		struct node *problem = doc_add_map(list, NULL);

		copy_text(problem, &problems->children[i], "object", "object");
		copy_text(problem, &problems->children[i], "reason", "reason");
	}
}

/* With the days until each ends, by our clock; negative: it has ended. */
static void copy_certificates(struct node *row, const struct node *from)
{
	const struct node *certificates = node_find(from, "certificates");
	struct node *list;

	if (certificates == NULL)
		return;
	copy_int(row, from, "certificates_count", "certificates_count");
	list = doc_add_list(row, "certificates");
	for (size_t i = 0; i < node_count(certificates, NODE_LIST); i++) {
		const struct node *one = &certificates->children[i];
		struct node *map = doc_add_map(list, NULL);
		int64_t ends;

		copy_text(map, one, "name", "name");
		copy_text(map, one, "names", "names");
		copy_text(map, one, "ends", "ends");
		if (str_parse_time(node_text_at(one, "ends", ""), &ends))
			doc_add_int(map, "days", (ends - (int64_t)time(NULL)) / DAY_S);
		copy_text(map, one, "reason", "reason");
	}
}

/* A daemon that is out of reach comes first: it has nothing of what failed, either. */
static void add_error(struct node *row, const struct node *value)
{
	const char *error = node_text_at(value, "error", "");
	const char *not_loaded = node_text_at(value, "not_loaded", "");
	mem_auto_free char *both = mem_printf(
	    "%s%s%s", not_loaded, not_loaded[0] != '\0' && error[0] != '\0' ? "; " : "", error);

	if (both[0] != '\0')
		doc_add_text(row, "error", both);
}

static const char *state_of(const struct node *value)
{
	if (node_text_at(value, "error", "")[0] != '\0' ||
	    node_text_at(value, "not_loaded", "")[0] != '\0')
		return "error";
	return node_text_at(value, "held_back", "")[0] != '\0' ? "held back" : "ok";
}

static void add_row(struct node *list, const char *name, const char *text)
{
	struct node *row = doc_add_map(list, NULL);
	struct node *value = fleet_parse_report(text, strlen(text));
	const struct node *haproxy;

	doc_add_text(row, "name", name);
	if (value == NULL) {
		doc_add_text(row, "state", "unreadable");
		return;
	}
	haproxy = node_find(value, "haproxy");
	doc_add_text(row, "state", state_of(value));
	add_error(row, value);
	copy_text(row, value, "held_back", "held_back");
	copy_int(row, value, "revision", "revision");
	copy_text(row, value, "time", "time");
	copy_text(row, value, "version", "version");
	copy_text(row, haproxy, "version", "haproxy_version");
	copy_int(row, haproxy, "workers", "workers");
	copy_int(row, haproxy, "reloads", "reloads");
	copy_int(row, value, "held_count", "held_count");
	copy_problems(row, value, "held");
	copy_int(row, value, "quarantined_count", "quarantined_count");
	copy_problems(row, value, "quarantined");
	copy_int(row, value, "set_aside_count", "set_aside_count");
	copy_problems(row, value, "set_aside");
	copy_certificates(row, value);
	node_free(value);
}

/* Those that belong to the fleet and do not report. */
static void add_dead(struct node *list, const struct reading *reading)
{
	const char *name, *value;
	void *cursor = NULL;

	while (reading_next(reading, "fleet/", &cursor, &name, &value)) {
		mem_auto_free char *key = mem_printf("nodes/%s", name);
		struct node *row;

		if (reading_find(reading, key) != NULL)
			continue;
		row = doc_add_map(list, NULL);
		doc_add_text(row, "name", name);
		doc_add_text(row, "state", "dead");
	}
}

struct node *fleet_add(struct node *doc, const char *key, const struct reading *reading)
{
	struct node *list = doc_add_list(doc, key);
	const char *name, *value;
	void *cursor = NULL;

	while (reading_next(reading, "nodes/", &cursor, &name, &value))
		add_row(list, name, value);
	add_dead(list, reading);
	return list;
}

/* As the settings take one. */
static bool is_node_name(const char *text)
{
	return name_check(NAME_HEADER, text, strlen(text), NULL) == 0;
}

void fleet_add_table(struct look *look, const char *title, const char *key)
{
	static const struct show_column columns[] = {
	    {"NODE", "name", false},
	    {"STATE", "state", false},
	    {"REVISION", "revision", false},
	    {"HAPROXY", "haproxy_version", false},
	    {"WORKERS", "workers", false},
	    {"RELOADS", "reloads", false},
	    {"QUARANTINED", "quarantined_count", false},
	    {"SINCE", "time", false},
	    {"KVWATCH", "version", true},
	    {"ERROR", "error", true},
	    {"HELD BACK", "held_back", true},
	};

	LOOK_ADD_TABLE(look, title, key, columns);
	look->names = key;
	look->name_keys[0] = "name";
	look->is_name = is_node_name;
}
