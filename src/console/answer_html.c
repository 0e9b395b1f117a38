/* A view as HTML, for who has no JavaScript. */
#include <string.h>

#include "base/buf.h"
#include "base/node.h"
#include "console/answer.h"
#include "operator/doc.h"
#include "render/escape.h"

void answer_add_escaped(struct buf *html, const char *text)
{
	(void)escape_html(html, text, strlen(text), NULL);
}

static void add_text(struct buf *html, const struct buf *text)
{
	if (text->len == 0)
		return;
	buf_add_str(html, "<pre>");
	answer_add_escaped(html, buf_str(text));
	buf_add_str(html, "</pre>\n");
}

/* A name of an environment leads to its page. */
static void add_cell(struct buf *html, const struct node *cell, const char *link)
{
	buf_auto struct buf text = BUF_INIT;

	doc_add_cell(cell, &text);
	buf_add_str(html, "<td>");
	if (link != NULL) {
		buf_add_str(html, "<a href=\"/table/environments/");
		for (size_t i = 0; i < text.len; i++)
			buf_printf(html, "%%%02x", (unsigned char)text.data[i]);
		buf_add_str(html, "\">");
	}
	answer_add_escaped(html, buf_str(&text));
	buf_add_str(html, link != NULL ? "</a></td>" : "</td>");
}

static void add_row(struct buf *html, const struct show_table *table, const struct node *row,
		    bool has_environments)
{
	buf_add_str(html, "<tr>");
	for (size_t i = 0; i < table->column_count; i++)
		add_cell(html, node_find(row, table->columns[i].key),
			 i == 0 && has_environments ? "" : NULL);
	buf_add_str(html, "</tr>\n");
}

static void add_table(struct buf *html, const struct show_table *table, const struct node *rows,
		      bool has_environments)
{
	if (table->title != NULL && table->title[0] != '\0') {
		buf_add_str(html, "<h2>");
		answer_add_escaped(html, table->title);
		buf_add_str(html, "</h2>\n");
	}
	buf_add_str(html, "<div class=scroll><table>\n<thead><tr>");
	for (size_t i = 0; i < table->column_count; i++) {
		buf_add_str(html, "<th scope=col>");
		answer_add_escaped(html, table->columns[i].title);
		buf_add_str(html, "</th>");
	}
	buf_add_str(html, "</tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < rows->child_count; i++)
		add_row(html, table, &rows->children[i], has_environments);
	buf_add_str(html, "</tbody></table></div>\n");
}

void answer_add_html(const struct answer *answer, struct buf *html)
{
	const struct look *look = &answer->look;

	add_text(html, &look->before);
	for (size_t i = 0; i < look->table_count; i++) {
		const struct node *rows = node_find(look->cells, look->keys[i]);
		bool has_environments =
		    look->names != NULL && strcmp(look->names, "environments") == 0;

		if (rows == NULL)
			rows = node_find(look->doc, look->keys[i]);
		if (rows != NULL && rows->child_count > 0)
			add_table(html, &look->tables[i], rows, has_environments);
	}
	add_text(html, &look->after);
}
