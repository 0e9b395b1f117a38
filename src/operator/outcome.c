/* Rows and lines of what was written.  Writes nothing itself. */
#include "operator/outcome.h"

#include <stdbool.h>
#include <string.h>

#include "base/node.h"
#include "base/str.h"
#include "operator/call.h"
#include "operator/doc.h"
#include "operator/show.h"
#include "sys/file.h"

/* The list, and a document around it. */
static struct node *take_list(struct outcome *outcome)
{
	if (outcome->doc == NULL) {
		outcome->doc = doc_new();
		(void)doc_add_list(outcome->doc, "changes");
	}
	return &outcome->doc->children[0];
}

static void add_row(struct outcome *outcome, const char *kind, const char *name, const char *what)
{
	struct node *row = doc_add_map(take_list(outcome), NULL);

	doc_add_text(row, "kind", kind);
	doc_add_text(row, "name", name);
	doc_add_text(row, "change", what);
	doc_add_bool(row, "is_changed", strcmp(what, OUTCOME_UNCHANGED) != 0);
}

void outcome_add(struct outcome *outcome, const struct call *call, const char *kind,
		 const char *name, const char *what)
{
	bool is_done = strcmp(what, OUTCOME_UNCHANGED) != 0;

	buf_printf(&outcome->text, "%s ", kind);
	str_add_escaped(&outcome->text, name, strlen(name)); /* anybody may have put it into etcd */
	buf_printf(&outcome->text, " %s%s\n", is_done && call->options.dry_run ? "would be " : "",
		   what);
	add_row(outcome, kind, name, what);
}

void outcome_move(struct outcome *to, struct outcome *from)
{
	const struct node *list = take_list(from);

	buf_add(&to->text, buf_str(&from->text), from->text.len);
	for (size_t i = 0; i < list->child_count; i++)
		add_row(to, node_text_at(&list->children[i], "kind", ""),
			node_text_at(&list->children[i], "name", ""),
			node_text_at(&list->children[i], "change", ""));
	outcome_clear(from);
}

void outcome_clear(struct outcome *outcome)
{
	buf_fini(&outcome->text);
	node_free(outcome->doc);
	*outcome = (struct outcome){.doc = NULL};
}

int outcome_print(struct outcome *outcome, const struct call *call, int64_t revision,
		  const char *none, struct mf_err *err)
{
	struct node *list = take_list(outcome);
	struct show show = {.name_keys = {"kind", "name"}, .before = &outcome->text};
	buf_auto struct buf text = BUF_INIT;
	struct show_look look;

	if (list->child_count == 0 && none != NULL)
		buf_add_str(&outcome->text, none);
	doc_add_bool(outcome->doc, "is_dry_run", call->options.dry_run);
	if (revision > 0 && !call->options.dry_run)
		doc_add_int(outcome->doc, "revision", revision);
	show.doc = outcome->doc;
	show.names = &outcome->doc->children[0];
	show_find_look(call->options.format, &look);
	show_format(&show, call->options.format, &look, &text);
	return file_print(&text, err);
}
