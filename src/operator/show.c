/* Formats of output.  Knows columns and rows, and nothing of what they mean but a few states. */
#include "operator/show.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/yaml.h"
#include "operator/doc.h"

#define GAP	  ((size_t)2) /* between columns */
#define MAX_WIDTH 10000
#define MAX_GROWN ((size_t)40) /* of a column whose rows are not known beforehand */

#define BOLD   "1"
#define RED    "31"
#define GREEN  "32"
#define YELLOW "33"

struct page {
	const struct show_table *table;
	const struct show_look *look;
	struct buf *text;
	size_t *widths; /* of columns; 0: it is not shown */
	size_t last;	/* column that is shown */
	size_t widest;	/* that a column gets for its rows */
};

/* Words of states, and how they look. */
static const char *colour_of(const char *cell)
{
	static const struct {
		const char *word, *colour;
	} words[] = {
	    {"ready", GREEN},	{"up", GREEN},	       {"ok", GREEN},	       {"missing", RED},
	    {"set aside", RED}, {"behind", YELLOW},    {"maint", YELLOW},      {"drain", YELLOW},
	    {"error", RED},	{"held back", YELLOW}, {"incomplete", YELLOW},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(cell, words[i].word) == 0)
			return words[i].colour;
	return NULL;
}

static void get_cell(const struct node *row, const struct show_column *column, struct buf *ret_cell)
{
	buf_clear(ret_cell);
	doc_add_cell(node_find(row, column->key), ret_cell);
	if (ret_cell->len == 0)
		buf_add_char(ret_cell, '-');
}

static bool is_inside(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80; /* of a character of several bytes */
}

static size_t count_characters(const struct buf *cell)
{
	size_t count = 0;

	for (size_t i = 0; i < cell->len; i++)
		count += !is_inside(cell->data[i]);
	return count;
}

/* How many bytes so many characters are. */
static size_t cut(const struct buf *cell, size_t characters)
{
	size_t i = 0;

	while (i < cell->len && (characters > 0 || is_inside(cell->data[i])))
		characters -= !is_inside(cell->data[i++]);
	return i;
}

static bool is_shown(const struct show_table *table, const struct show_column *column, bool is_wide)
{
	if (column->when != SHOW_IF_THERE)
		return is_wide || column->when == SHOW_ALWAYS;
	for (size_t i = 0; i < table->rows->child_count; i++)
		if (node_find(&table->rows->children[i], column->key) != NULL)
			return true;
	return false;
}

static void measure(struct page *page, bool is_wide)
{
	const struct show_table *table = page->table;
	buf_auto struct buf cell = BUF_INIT;

	for (size_t i = 0; i < table->column_count; i++) {
		if (!is_shown(table, &table->columns[i], is_wide))
			continue;
		page->last = i;
		if (page->widths[i] == 0)
			page->widths[i] = strlen(table->columns[i].title);
		for (size_t j = 0; j < table->rows->child_count; j++) {
			size_t width;

			get_cell(&table->rows->children[j], &table->columns[i], &cell);
			width = count_characters(&cell);
			if (width > page->widest)
				width = page->widest;
			if (width > page->widths[i])
				page->widths[i] = width;
		}
	}
}

/* The cell at a column of the terminal, cut there; false: nothing fits behind it. */
static bool add_cell(struct page *page, size_t at, const struct buf *cell, const char *colour)
{
	size_t width = page->look->width, room = at < width ? width - at : 0;
	size_t len = width == 0 ? cell->len : cut(cell, room);

	if (!page->look->is_coloured)
		colour = NULL;
	if (colour != NULL)
		buf_printf(page->text, "\033[%sm", colour);
	buf_add(page->text, buf_str(cell), len);
	if (colour != NULL)
		buf_add_str(page->text, "\033[0m");
	return len == cell->len;
}

static void add_blanks(struct buf *text, size_t count)
{
	static const char blanks[] = "                ";
	const size_t most = sizeof(blanks) - 1;

	for (; count > most; count -= most)
		buf_add(text, blanks, most);
	buf_add(text, blanks, count);
}

/* row NULL: the titles. */
static void add_line(struct page *page, const struct node *row)
{
	buf_auto struct buf cell = BUF_INIT;
	size_t at = 0;

	for (size_t i = 0; i <= page->last; i++) {
		const struct show_column *column = &page->table->columns[i];
		size_t width = page->look->width, len, end;

		if (page->widths[i] == 0)
			continue;
		buf_clear(&cell);
		if (row == NULL)
			buf_add_str(&cell, column->title);
		else
			get_cell(row, column, &cell);
		len = count_characters(&cell);
		end = at + (len > page->widths[i] ? len : page->widths[i]) + GAP;
		if (!add_cell(page, at, &cell, row == NULL ? BOLD : colour_of(buf_str(&cell))) ||
		    i == page->last || (width != 0 && end >= width))
			break;
		add_blanks(page->text, end - at - len);
		at = end;
	}
	buf_add_char(page->text, '\n');
}

static void add_table(struct page *page, bool is_wide)
{
	const struct show_table *table = page->table;
	buf_auto struct buf title = BUF_INIT;

	if (table->rows->child_count == 0)
		return;
	if (table->title != NULL) {
		if (page->text->len > 0)
			buf_add_char(page->text, '\n');
		buf_add_str(&title, table->title);
		if (title.len > 0) {
			(void)add_cell(page, 0, &title, BOLD);
			buf_add_char(page->text, '\n');
		}
	}
	page->widths = mem_alloc((table->column_count + 1) * sizeof(*page->widths));
	measure(page, is_wide);
	add_line(page, NULL);
	for (size_t i = 0; i < table->rows->child_count; i++)
		add_line(page, &table->rows->children[i]);
	free(page->widths);
}

void show_add_rows(const struct show_table *table, enum call_format format,
		   const struct show_look *look, size_t *widths, bool is_first,
		   struct buf *ret_text)
{
	struct page page = {
	    .table = table, .look = look, .text = ret_text, .widths = widths, .widest = MAX_GROWN};

	measure(&page, format == CALL_WIDE);
	if (is_first)
		add_line(&page, NULL);
	for (size_t i = 0; i < table->rows->child_count; i++)
		add_line(&page, &table->rows->children[i]);
}

static void add_page(const struct show *show, bool is_wide, const struct show_look *look,
		     struct buf *text)
{
	if (show->before != NULL)
		buf_add(text, buf_str(show->before), show->before->len);
	for (size_t i = 0; i < show->table_count; i++) {
		struct page page = {
		    .table = &show->tables[i], .look = look, .text = text, .widest = SIZE_MAX};

		add_table(&page, is_wide);
	}
	if (show->after != NULL)
		buf_add(text, buf_str(show->after), show->after->len);
}

static bool has_name(const struct show *show, const struct node *row)
{
	return show->is_name == NULL || show->is_name(node_text_at(row, show->name_keys[0], ""));
}

static void add_names(const struct show *show, struct buf *text)
{
	const struct node *rows = show->names;

	for (size_t i = 0; i < rows->child_count; i++) {
		if (!has_name(show, &rows->children[i]))
			continue;
		for (size_t j = 0; j < SHOW_NAME_PARTS && show->name_keys[j] != NULL; j++) {
			if (j > 0)
				buf_add_char(text, '/');
			doc_add_cell(node_find(&rows->children[i], show->name_keys[j]), text);
		}
		buf_add_char(text, '\n');
	}
}

void show_format(const struct show *show, enum call_format format, const struct show_look *look,
		 struct buf *ret_text)
{
	switch (format) {
	case CALL_TABLE:
	case CALL_WIDE:
		add_page(show, format == CALL_WIDE, look, ret_text);
		break;
	case CALL_JSON:
		doc_format_json(show->doc, ret_text);
		break;
	case CALL_YAML:
		yaml_add(show->doc, ret_text);
		break;
	case CALL_NAME:
		add_names(show, ret_text);
		break;
	}
}

void show_find_look(enum call_format format, struct show_look *ret_look)
{
	const char *no_colour = getenv("NO_COLOR"), *columns = getenv("COLUMNS");
	bool is_terminal = isatty(STDOUT_FILENO) == 1;
	struct winsize size;
	int64_t width;

	*ret_look = (struct show_look){0};
	ret_look->is_coloured = is_terminal && (no_colour == NULL || no_colour[0] == '\0');
	if (columns != NULL && str_parse_int(columns, 1, MAX_WIDTH, &width))
		ret_look->width = (size_t)width;
	else if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		ret_look->width = size.ws_col;
	if (format == CALL_WIDE)
		ret_look->width = 0;
}
