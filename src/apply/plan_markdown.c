/*
 * The plan as Markdown, for the comment of a pull request.  Whatever comes from a file stands in
 * fenced blocks: a renderer takes nothing in them for markup, nor for the name of a user.  No line
 * of a block begins with a fence, as each begins with a word of ours.
 */
#include <stdbool.h>
#include <string.h>

#include "apply/changes.h"
#include "apply/plan.h"
#include "base/buf.h"
#include "base/str.h"
#include "model/table.h"

/* Lines of a block: people read no more, and a comment has an end. */
#define MAX_LINES 60

struct block {
	struct buf text;
	size_t count;
};

typedef bool take_fn(const struct op *op);

static bool is_of_env(const struct op *op)
{
	return op->kind < OP_BACKEND_ADD;
}

static bool is_own(const struct op *op)
{
	return is_of_env(op) && op->base.at == NULL;
}

static bool is_inherited(const struct op *op)
{
	return is_of_env(op) && op->base.at != NULL;
}

static bool is_below(const struct op *op)
{
	return !is_of_env(op);
}

static void add_line(struct block *block, const struct buf *line)
{
	if (line->len != 0 && block->count++ < MAX_LINES)
		buf_add(&block->text, line->data, line->len);
}

static void print_block(const char *title, struct block *block, struct buf *text)
{
	if (block->count != 0) {
		buf_printf(text, "\n%s\n```text\n%s", title, buf_str(&block->text));
		if (block->count > MAX_LINES)
			buf_printf(text, "and %zu more\n", block->count - MAX_LINES);
		buf_add_str(text, "```\n");
	}
	buf_fini(&block->text);
}

static size_t print_ops(const struct plan *plan, const char *title, take_fn *is_taken,
			struct buf *text)
{
	struct block block = {BUF_INIT, 0};
	size_t count;

	for (size_t i = 0; i < plan->group_count; i++) {
		const struct changes *changes = plan->groups[i].changes;

		for (size_t j = 0; changes != NULL && j < changes->count; j++) {
			buf_auto struct buf line = BUF_INIT;

			if (is_taken(&changes->ops[j]))
				op_print(&changes->ops[j], &line);
			add_line(&block, &line);
		}
	}
	count = block.count;
	print_block(title, &block, text);
	return count;
}

static void print_steps(const struct plan *plan, struct buf *text)
{
	struct block block = {BUF_INIT, 0};
	bool has_reload = false;

	for (size_t i = 0; i < plan->group_count; i++)
		for (size_t j = 0; j < plan->groups[i].step_count; j++) {
			buf_auto struct buf line = BUF_INIT;

			plan_print_step(&plan->groups[i], &plan->groups[i].steps[j], &line);
			has_reload |= plan->groups[i].steps[j].kind == STEP_RELOAD;
			add_line(&block, &line);
		}
	if (block.count == 0)
		return;
	if (!has_reload)
		buf_add_str(text, "\nHAProxy takes it without a reload.\n");
	buf_add_str(text, "\n<details><summary>Files and reloads</summary>\n");
	print_block("", &block, text);
	buf_add_str(text, "\n</details>\n");
}

void plan_print_markdown(const struct plan *plan, struct buf *ret_text)
{
	buf_auto struct buf body = BUF_INIT;
	size_t count = print_ops(plan, "Environments:\n", is_own, &body);

	count += print_ops(plan, "Changed by what they extend:\n", is_inherited, &body);
	count += print_ops(plan, "Versions and their instances:\n", is_below, &body);
	print_steps(plan, &body);
	buf_printf(ret_text, "### Mayfly: %s\n",
		   count != 0		 ? "what changes for the traffic"
		   : plan_is_empty(plan) ? "nothing changes"
					 : "nothing changes for the traffic");
	buf_add(ret_text, buf_str(&body), body.len);
}

void plan_print_refused(const struct snapshot *snapshot, struct buf *ret_text)
{
	struct block block = {BUF_INIT, 0};

	for (size_t i = 0; i < snapshot->problem_count; i++) {
		buf_auto struct buf line = BUF_INIT;
		const struct problem *problem = &snapshot->problems[i];

		if (problem_is_remark(problem))
			continue;
		str_add_escaped(&line, problem->object, strlen(problem->object));
		buf_add_str(&line, ": ");
		str_add_escaped(&line, problem->reason, strlen(problem->reason));
		buf_add_char(&line, '\n');
		add_line(&block, &line);
	}
	buf_add_str(ret_text, "### Mayfly: refused\n");
	print_block("Nothing of this is in force until it is mended:\n", &block, ret_text);
}
