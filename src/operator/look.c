/* From a reading to standard output, once or at each change.  Knows no noun. */
#include "operator/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "operator/call.h"
#include "operator/doc.h"
#include "operator/reading.h"

#define CLEAR_SCREEN "\033[H\033[2J"

struct looking {
	struct call *call;
	look_fn *fill;
	struct buf last; /* what was printed last */
	void *ctx;	 /* of fill */
};

void look_add_line(struct look *look, const char *title, const char *key)
{
	buf_auto struct buf cell = BUF_INIT;

	doc_add_cell(node_find(look->doc, key), &cell);
	if (cell.len > 0)
		buf_printf(&look->before, "%-12s %s\n", title, buf_str(&cell));
}

void look_add_table(struct look *look, const char *title, const char *key,
		    const struct show_column *columns, size_t column_count)
{
	size_t i = look->table_count++;

	look->keys[i] = key;
	look->tables[i] = (struct show_table){title, NULL, columns, column_count};
}

void look_end_row(struct look *look, struct node *list)
{
	if (look->on_row == NULL)
		return;
	look->on_row(look, &list->children[list->child_count - 1]);
	node_clear(list);
}

static const struct node *find_list(const struct look *look, const char *key)
{
	static const struct node none = {.kind = NODE_LIST};
	const struct node *list = node_find(look->cells, key);

	if (list == NULL)
		list = node_find(look->doc, key);
	return list == NULL ? &none : list;
}

static void format(struct look *look, struct buf *text)
{
	enum call_format how = look->call->options.format;
	struct show show = {.doc = look->doc,
			    .names = find_list(look, look->names),
			    .is_name = look->is_name,
			    .tables = look->tables,
			    .table_count = look->table_count,
			    .before = &look->before,
			    .after = &look->after};
	struct show_look wanted;

	memcpy(show.name_keys, look->name_keys, sizeof(show.name_keys));
	for (size_t i = 0; i < look->table_count; i++)
		look->tables[i].rows = find_list(look, look->keys[i]);
	show_find_look(how, &wanted);
	show_format(&show, how, &wanted, text);
}

/* What is the same as before is not printed again. */
static int print_new(struct looking *looking, struct buf *text, struct mf_err *err)
{
	bool is_page = looking->call->options.format <= CALL_WIDE;
	bool is_first = looking->last.data == NULL;

	if (!is_first && strcmp(buf_str(text), buf_str(&looking->last)) == 0)
		return 0;
	buf_clear(&looking->last);
	buf_add(&looking->last, buf_str(text), text->len);
	if (looking->call->options.watch && is_page && isatty(STDOUT_FILENO) == 1)
		(void)fputs(CLEAR_SCREEN, stdout);
	else if (!is_first && is_page)
		(void)fputc('\n', stdout);
	return call_print(looking->call, text, err);
}

static int show(void *ctx, const struct reading *reading, struct mf_err *err)
{
	struct looking *looking = ctx;
	struct look look = {
	    .call = looking->call, .ctx = looking->ctx, .doc = doc_new(), .cells = doc_new()};
	buf_auto struct buf text = BUF_INIT;
	int code = looking->fill(&look, reading, err);

	if (code == 0) {
		format(&look, &text);
		code = print_new(looking, &text, err);
		looking->call->status = look.status;
	}
	node_free(look.doc);
	node_free(look.cells);
	free(look.columns);
	buf_fini(&look.before);
	buf_fini(&look.after);
	return code;
}

int look_run_by(struct call *call, look_take_fn *take, look_fn *fill, struct mf_err *err)
{
	static struct reading reading; /* never freed: that takes long, and the program ends */
	struct looking looking = {.call = call, .fill = fill};
	int code;

	if (take(call, &reading, err) != 0)
		return err->code;
	code = show(&looking, &reading, err);
	buf_fini(&looking.last);
	return code;
}

int look_run(struct call *call, look_fn *fill, struct mf_err *err)
{
	struct looking looking = {.call = call, .fill = fill};
	int code;

	if (!call->options.watch)
		return look_run_by(call, reading_take, fill, err);
	code = call_is_offline(call) ? mf_err_set(err, MF_EUSAGE, "--watch: not with files")
				     : reading_follow(call, show, &looking, err);
	buf_fini(&looking.last);
	return code;
}

int look_show(struct call *call, look_fn *fill, struct mf_err *err)
{
	struct looking looking = {.call = call, .fill = fill};
	int code = show(&looking, NULL, err);

	buf_fini(&looking.last);
	return code;
}

struct looking *look_open(struct call *call, look_fn *fill, void *ctx)
{
	struct looking *looking = MEM_NEW(looking);

	*looking = (struct looking){.call = call, .fill = fill, .ctx = ctx};
	return looking;
}

int look_again(struct looking *looking, struct mf_err *err)
{
	return show(looking, NULL, err);
}

void look_close(struct looking *looking)
{
	buf_fini(&looking->last);
	free(looking);
}
