/*
 * The plan as text and as JSON: what changes for the traffic, then files, checks and reloads.
 */
#include <stdbool.h>
#include <string.h>

#include "apply/changes.h"
#include "apply/plan.h"
#include "base/buf.h"
#include "base/str.h"

/* --- for people ------------------------------------------------------------------------------ */

static void print_step(const struct plan_group *group, const struct step *step, struct buf *text)
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
		print_step(group, &group->steps[i], text);
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

static void add_string(struct buf *text, const char *name, const char *value)
{
	buf_printf(text, ",\"%s\":", name);
	str_add_json_string(text, value, strlen(value));
}

static void print_json_step(const struct step *step, struct buf *text)
{
	static const char *const words[] = {
	    [STEP_CREATE] = "file-create",
	    [STEP_REPLACE] = "file-change",
	    [STEP_CHECK] = "check",
	    [STEP_RELOAD] = "reload",
	};

	buf_printf(text, "{\"kind\":\"%s\"", words[step->kind]);
	if (step->output != NULL) {
		add_string(text, "file", step->output->name);
		buf_printf(text, ",\"added\":%zu,\"removed\":%zu", step->added, step->removed);
	}
	if (step->reason != NULL)
		add_string(text, "reason", step->reason);
	buf_add_char(text, '}');
}

static void print_json_group(const struct plan_group *group, struct buf *text)
{
	bool has_changes = group->changes != NULL && group->changes->count != 0;

	buf_add_str(text, "{\"name\":");
	str_add_json_string(text, group->name, strlen(group->name));
	buf_add_str(text, ",\"steps\":[");
	if (has_changes)
		changes_print_json(group->changes, text);
	for (size_t i = 0; i < group->step_count; i++) {
		if (has_changes || i > 0)
			buf_add_char(text, ',');
		print_json_step(&group->steps[i], text);
	}
	buf_add_str(text, "]}");
}

void plan_print_json(const struct plan *plan, struct buf *ret_text)
{
	buf_printf(ret_text, "{\"changes\":%s,\"groups\":[",
		   plan_is_empty(plan) ? "false" : "true");
	for (size_t i = 0; i < plan->group_count; i++) {
		if (i > 0)
			buf_add_char(ret_text, ',');
		print_json_group(&plan->groups[i], ret_text);
	}
	buf_add_str(ret_text, "]}\n");
}
