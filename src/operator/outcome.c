/* Rows and lines of what was written.  Writes nothing itself. */
#include "operator/outcome.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/node.h"
#include "base/str.h"
#include "operator/call.h"
#include "operator/doc.h"
#include "operator/show.h"

/* The rows, in a document around them. */
static struct node *take_list(struct outcome *outcome)
{
	if (outcome->doc == NULL) {
		outcome->doc = doc_new();
		(void)doc_add_list(outcome->doc, "changes");
	}
	return &outcome->doc->children[0];
}

static bool is_change(const char *what)
{
	return strcmp(what, OUTCOME_UNCHANGED) != 0;
}

void outcome_add(struct outcome *outcome, const char *kind, const char *name, const char *what)
{
	struct node *row = doc_add_map(take_list(outcome), NULL);

	doc_add_text(row, "kind", kind);
	doc_add_text(row, "name", name);
	doc_add_text(row, "change", what);
	doc_add_bool(row, "is_changed", is_change(what));
}

void outcome_move(struct outcome *to, struct outcome *from)
{
	const struct node *list = take_list(from);

	for (size_t i = 0; i < list->child_count; i++)
		outcome_add(to, node_text_at(&list->children[i], "kind", ""),
			    node_text_at(&list->children[i], "name", ""),
			    node_text_at(&list->children[i], "change", ""));
	outcome_clear(from);
}

void outcome_clear(struct outcome *outcome)
{
	node_free(outcome->doc);
	*outcome = (struct outcome){.doc = NULL};
}

/* "environment dev would be created" */
static void add_line(const struct node *row, bool is_dry_run, struct buf *text)
{
	const char *name = node_text_at(row, "name", "");
	const char *what = node_text_at(row, "change", "");

	buf_printf(text, "%s ", node_text_at(row, "kind", ""));
	str_add_escaped(text, name, strlen(name)); /* anybody may have put it into etcd */
	buf_printf(text, " %s%s\n", is_dry_run && is_change(what) ? "would be " : "", what);
}

int outcome_print(struct outcome *outcome, const struct call *call, int64_t revision,
		  const char *none, struct mf_err *err)
{
	const struct node *list = take_list(outcome);
	buf_auto struct buf lines = BUF_INIT, text = BUF_INIT;
	struct show show = {.name_keys = {"kind", "name"}, .before = &lines};
	struct show_look look;

	for (size_t i = 0; i < list->child_count; i++)
		add_line(&list->children[i], call->options.dry_run, &lines);
	if (list->child_count == 0 && none != NULL)
		buf_add_str(&lines, none);
	doc_add_bool(outcome->doc, "is_dry_run", call->options.dry_run);
	if (revision > 0 && !call->options.dry_run)
		doc_add_int(outcome->doc, "revision", revision);
	show.doc = outcome->doc;
	show.names = &outcome->doc->children[0];
	show_find_look(call->options.format, &look);
	show_format(&show, call->options.format, &look, &text);
	return call_print(call, &text, err);
}
