/* `env history` and `env diff`.  Writes nothing. */
#include "operator/env_history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/table.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/doc.h"
#include "operator/env_change.h"
#include "operator/envdiff.h"
#include "operator/look.h"
#include "operator/named.h"
#include "operator/past.h"

#define BELOW	      "environments/"
#define STATUS_DIFFER 2

/* --- history ---------------------------------------------------------------------------------- */

/* NULL: it is not there, or cannot be read. */
static struct env *parse_state(const char *name, const char *value)
{
	struct env *env = NULL;

	if (value == NULL || env_parse_json(name, value, strlen(value), 0, &env, NULL) != 0)
		return NULL;
	return env;
}

static void add_changes(struct node *row, const struct env *before, const struct env *after)
{
	const struct envdiff_side old = {before, before}, new = {after, after};
	struct node *list = doc_add_list(row, "changes"), *rows = doc_new();

	if (after == NULL) {
		doc_add_text(list, NULL, "deleted");
	} else {
		struct node *differences = doc_add_list(rows, "differences");

		envdiff_add(differences, &old, &new);
		for (size_t i = 0; i < differences->child_count; i++) {
			buf_auto struct buf line = BUF_INIT;

			envdiff_add_line(&line, &differences->children[i]);
			doc_add_text(list, NULL, buf_str(&line));
		}
	}
	node_free(rows);
}

static void add_state(struct node *list, const struct past_state *state, const struct env *before,
		      const struct env *after)
{
	struct node *row = doc_add_map(list, NULL);
	buf_auto struct buf at = BUF_INIT;

	str_add_time(&at, state->at, -1);
	doc_add_int(row, "revision", state->revision);
	doc_add_text(row, "at", buf_str(&at));
	doc_add_text(row, "who", state->who);
	doc_add_text(row, "with", state->with);
	add_changes(row, before, after);
}

void env_history_add(struct node *doc, const char *name, const struct past *past, int64_t revision,
		     const char *now)
{
	struct env *after = parse_state(name, now);
	struct node *list;

	doc_add_text(doc, "name", name);
	if (now != NULL)
		doc_add_int(doc, "revision", revision);
	list = doc_add_list(doc, "states");
	for (size_t i = past->count; i > 0; i--) {
		const struct past_state *state = &past->states[i - 1];
		struct env *before = parse_state(name, state->value);

		add_state(list, state, before, after);
		env_unref(after);
		after = before;
	}
	env_unref(after);
}

static int fill_history(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"REVISION", "revision", false}, {"CHANGED", "at", false},	   {"BY", "who", false},
	    {"WITH", "with", false},	     {"CHANGE", "changes", false},
	};
	const char *name = look->call->argv[0];
	struct strmap *values = NULL;
	const struct change_stored *now = NULL;
	struct past past = {.count = 0};
	int code = change_list(look->call, BELOW, &values, err);

	(void)reading;
	if (code == 0) {
		now = strmap_find(values, name);
		code = past_read(look->call, name, now == NULL ? 0 : now->revision, &past, err);
	}
	if (code == 0 && now == NULL && past.count == 0)
		code = named_refuse_key("environment", name, values, err);
	if (code == 0) {
		env_history_add(look->doc, name, &past, now == NULL ? 0 : now->revision,
				now == NULL ? NULL : now->value);
		if (now == NULL)
			buf_printf(&look->before, "Environment %s is deleted.\n", name);
		else
			buf_printf(&look->before, "Environment %s is at revision %" PRId64 ".\n",
				   name, now->revision);
		look->names = "states";
		look->name_keys[0] = "revision";
		LOOK_ADD_TABLE(look, "What it was before:", "states", columns);
	}
	past_fini(&past);
	strmap_free(values);
	return code;
}

int env_history_show(struct call *call, struct mf_err *err)
{
	return look_show(call, fill_history, err);
}

/* --- diff ------------------------------------------------------------------------------------- */

/* An environment at a revision, among all others as they are. */
struct side {
	char *name;
	int64_t revision; /* that was asked for; 0: now */
	int64_t past;	  /* the revision that the history has the value from; 0: it is another */
	char *value;	  /* NULL: it is deleted */
	struct table *table;
	struct snapshot *snapshot;
	struct env *own;
};

static void fini_side(struct side *side)
{
	env_unref(side->own);
	snapshot_unref(side->snapshot);
	table_free(side->table);
	free(side->value);
	free(side->name);
}

/* "pr-42", "pr-42@812" */
static int parse_side(const char *word, struct side *side, struct mf_err *err)
{
	size_t len = strcspn(word, "@");

	side->name = mem_dup_bytes(word, len);
	if (word[len] == '\0' || str_parse_int(word + len + 1, 1, INT64_MAX, &side->revision))
		return 0;
	return mf_err_set(err, MF_EUSAGE, "%s: must be ENV or ENV@REVISION", word);
}

/* is_before: where no revision was asked for, what it was before its last change. */
static int take_side(struct call *call, const struct strmap *values, bool is_before,
		     struct side *side, struct mf_err *err)
{
	const struct change_stored *now = strmap_find(values, side->name);
	const struct past_state *state = NULL;
	struct past past;
	int code = 0;

	if (now != NULL && (side->revision == 0 ? !is_before : side->revision == now->revision)) {
		side->value = mem_dup_bytes(now->value, now->len);
		return 0;
	}
	if (past_read(call, side->name, now == NULL ? 0 : now->revision, &past, err) != 0)
		return err->code;
	if (now == NULL && past.count == 0)
		code = named_refuse_key("environment", side->name, values, err);
	else if (side->revision != 0 || is_before)
		code = past_find(&past, side->name, side->revision, &state, err);
	if (code == 0 && state != NULL) {
		side->value = mem_dup_str(state->value);
		side->past = state->revision;
	}
	past_fini(&past);
	return code;
}

/* Of a file: the one environment in it, or that of the other side's name. */
static int take_file_side(const char *path, const char *name, struct side *side, struct mf_err *err)
{
	buf_auto struct buf json = BUF_INIT;
	struct env_file file;
	const struct env *found = NULL;

	if (env_file_load(path, &file, err) != 0)
		return err->code;
	for (size_t i = 0; i < file.count; i++)
		if (file.count == 1 || strcmp(file.envs[i]->name, name) == 0)
			found = file.envs[i];
	if (found != NULL) {
		env_format_json(found, "", "", &json);
		side->name = mem_dup_str(found->name);
		side->value = buf_take(&json);
	}
	env_file_fini(&file);
	return found != NULL
		   ? 0
		   : mf_err_set(err, MF_ENOINPUT, "%s: environment %s is not in it", path, name);
}

static void put(struct side *side, const char *name, const char *text, size_t len)
{
	mem_auto_free char *key = mem_printf(BELOW "%s", name);

	table_put(side->table, key, text, len, 0);
}

static int compose(const struct strmap *values, struct side *side, struct mf_err *err)
{
	void *cursor = NULL, *object;
	const char *name;

	if (side->value == NULL)
		return 0;
	if (env_parse_json(side->name, side->value, strlen(side->value), 0, &side->own, err) != 0)
		return side->past == 0
			   ? err->code
			   : mf_err_wrap(err, "environment %s: what it was at revision %" PRId64,
					 side->name, side->past);
	side->table = table_new();
	while (strmap_next(values, &cursor, &name, &object)) {
		const struct change_stored *value = object;

		if (strcmp(name, side->name) != 0)
			put(side, name, value->value, value->len);
	}
	put(side, side->name, side->value, strlen(side->value));
	side->snapshot = table_snapshot(side->table, 0);
	return 0;
}

/* One that is not in force has no services but those that it says itself. */
static struct envdiff_side view(const struct side *side)
{
	const struct env *whole =
	    side->snapshot == NULL ? NULL : snapshot_find_env(side->snapshot, side->name);

	if (whole == NULL || whole->aside != NULL)
		whole = side->own;
	return (struct envdiff_side){side->own, whole};
}

/* What was typed, and the file, before anything is asked. */
static int take_words(const struct call *call, struct side *before, struct side *after,
		      struct mf_err *err)
{
	if (parse_side(call->argv[0], before, err) != 0)
		return err->code;
	if (call->options.file != NULL)
		return take_file_side(call->options.file, before->name, after, err);
	if (call->argc > 1)
		return parse_side(call->argv[1], after, err);
	after->name = mem_dup_str(before->name);
	return 0;
}

static int take_sides(struct call *call, const struct strmap *values, struct side *before,
		      struct side *after, struct mf_err *err)
{
	bool has_second = call->argc > 1 || call->options.file != NULL;
	int code = take_side(call, values, !has_second, before, err);

	if (code == 0 && call->options.file == NULL)
		code = take_side(call, values, false, after, err);
	if (code == 0)
		code = compose(values, before, err);
	return code != 0 ? code : compose(values, after, err);
}

static void fill_differences(struct look *look, const struct side *before, const struct side *after)
{
	const struct envdiff_side old = view(before), new = view(after);
	struct node *list;

	doc_add_text(look->doc, "before", before->name);
	doc_add_text(look->doc, "after", after->name);
	list = doc_add_list(look->doc, "differences");
	envdiff_add(list, &old, &new);
	for (size_t i = 0; i < list->child_count; i++) {
		envdiff_add_line(&look->before, &list->children[i]);
		buf_add_char(&look->before, '\n');
	}
	if (list->child_count == 0)
		buf_add_str(&look->before, "There is no difference.\n");
	look->status = list->child_count == 0 ? 0 : STATUS_DIFFER;
	look->names = "differences";
	look->name_keys[0] = "service";
	look->name_keys[1] = "field";
}

static int fill_diff(struct look *look, const struct reading *reading, struct mf_err *err)
{
	struct strmap *values = NULL;
	struct side before = {.revision = 0}, after = {.revision = 0};
	int code = take_words(look->call, &before, &after, err);

	(void)reading;
	if (code == 0)
		code = change_list(look->call, BELOW, &values, err);
	if (code == 0)
		code = take_sides(look->call, values, &before, &after, err);
	if (code == 0)
		fill_differences(look, &before, &after);
	fini_side(&before);
	fini_side(&after);
	strmap_free(values);
	return code;
}

int env_history_diff(struct call *call, struct mf_err *err)
{
	if (call->argc > 1 && call->options.file != NULL)
		return mf_err_set(err, MF_EUSAGE, "--file: only with one environment");
	return look_show(call, fill_diff, err);
}
