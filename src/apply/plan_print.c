/*
 * The plan as text and as JSON: what changes for the traffic, then files, checks and reloads.
 */
#include <stdbool.h>

#include "apply/changes.h"
#include "apply/plan.h"
#include "base/buf.h"
#include "base/json.h"

/* --- for people ------------------------------------------------------------------------------ */

void plan_print_step(const struct plan_group *group, const struct step *step, struct buf *text)
{
	buf_printf(text, "%s: ", group->name);
	switch (step->kind) {
	case STEP_CREATE:
		buf_printf(text, "create %s (+%zu)\n", step->output->name, step->added);
		break;
	case STEP_REPLACE:
		buf_printf(text, "change %s (+%zu -%zu)\n", step->output->name, step->added,
			   step->removed);
		break;
	case STEP_REMOVE:
		buf_printf(text, "remove %s (-%zu)\n", step->output->name, step->removed);
		break;
	case STEP_CHECK:
		buf_add_str(text, "check\n");
		break;
	case STEP_RELOAD:
		buf_printf(text, "reload: %s\n", step->reason);
		break;
	}
}

static void print_group(const struct plan_group *group, struct buf *text)
{
	for (size_t i = 0; i < group->step_count; i++)
		plan_print_step(group, &group->steps[i], text);
	if (group->changes != NULL && group->changes->reload == NULL)
		buf_printf(text, "%s: %s\n", group->name,
			   group->changes->count != 0 ? "by the runtime API, no reload"
						      : "no reload");
}

void plan_print(const struct plan *plan, struct buf *ret_text)
{
	for (size_t i = 0; i < plan->group_count; i++)
		if (plan->groups[i].changes != NULL)
			changes_print(plan->groups[i].changes, ret_text);
	for (size_t i = 0; i < plan->group_count; i++)
		print_group(&plan->groups[i], ret_text);
}

/* --- for programs ---------------------------------------------------------------------------- */

static void print_json_step(const struct step *step, struct buf *text)
{
	static const char *const words[] = {
	    [STEP_CREATE] = "file-create", [STEP_REPLACE] = "file-change",
	    [STEP_REMOVE] = "file-remove", [STEP_CHECK] = "check",
	    [STEP_RELOAD] = "reload",
	};

	json_open(text, NULL, '{');
	json_put(text, "kind", words[step->kind]);
	if (step->output != NULL) {
		json_put(text, "file", step->output->name);
		json_put_int(text, "added", (int64_t)step->added);
		json_put_int(text, "removed", (int64_t)step->removed);
	}
	if (step->reason != NULL)
		json_put(text, "reason", step->reason);
	json_close(text, '}');
}

static void print_json_group(const struct plan_group *group, struct buf *text)
{
	json_open(text, NULL, '{');
	json_put(text, "name", group->name);
	json_open(text, "steps", '[');
	if (group->changes != NULL)
		changes_print_json(group->changes, text);
	for (size_t i = 0; i < group->step_count; i++)
		print_json_step(&group->steps[i], text);
	json_close(text, ']');
	json_close(text, '}');
}

void plan_print_json(const struct plan *plan, struct buf *ret_text)
{
	json_open(ret_text, NULL, '{');
	json_put_bool(ret_text, "changes", !plan_is_empty(plan));
	json_open(ret_text, "groups", '[');
	for (size_t i = 0; i < plan->group_count; i++)
		print_json_group(&plan->groups[i], ret_text);
	json_close(ret_text, ']');
	json_close(ret_text, '}');
	buf_add_char(ret_text, '\n');
}
