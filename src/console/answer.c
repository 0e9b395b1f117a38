/* Paths of the API, and the commands whose views they are. */
#include "console/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/form.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/str.h"
#include "base/strlist.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/reading.h"

#define MAX_HEADERS	 ((size_t)32) /* of a request that is explained */
#define MAX_ENVIRONMENTS ((size_t)100)

static const struct row {
	const char *path; /* with a '/' at its end: the name of an object follows */
	const char *words[2];
	size_t count;
} rows[] = {
    {"status", {"status"}, 1},
    {"problems", {"check"}, 1},
    {"problems/", {"check"}, 1},
    {"matrix", {"matrix"}, 1},
    {"environments", {"env", "list"}, 2},
    {"environments/", {"env", "show"}, 2},
    {"services", {"service", "list"}, 2},
    {"services/", {"service", "show"}, 2},
    {"instances", {"instance", "list"}, 2},
    {"instances/", {"instance", "list"}, 2},
    {"nodes", {"node", "list"}, 2},
    {"names", {"name", "list"}, 2},
    {"routes", {"route", "list"}, 2},
    {"routes/", {"route", "list"}, 2},
    {"explain", {"explain"}, 1},
};

/* What stands behind its '/', decoded, is an operand. */
static const struct row *find_row(const char *path, char ***ret_operands)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].path);
		buf_auto struct buf operand = BUF_INIT;

		if (rows[i].path[len - 1] != '/') {
			if (strcmp(path, rows[i].path) == 0)
				return &rows[i];
			continue;
		}
		if (!str_has_prefix(path, rows[i].path) || path[len] == '\0' ||
		    strchr(path + len, '/') != NULL)
			continue;
		form_add_decoded_path(&operand, path + len, strlen(path + len));
		if (strlen(operand.data) == operand.len) {
			strlist_add(ret_operands, operand.data);
			return &rows[i];
		}
	}
	return NULL;
}

static void take_request(struct answer *answer, const char *query)
{
	struct call_options *options = &answer->call.options;
	mem_auto_free char *local = form_find(query, "local");

	answer->operands = form_find_all(query, "url", 1);
	options->method = form_find(query, "method");
	options->headers = form_find_all(query, "header", MAX_HEADERS);
	options->is_local = local != NULL && strcmp(local, "true") == 0;
}

/* With the comma that it needs, and no line of its own. */
static void add_item(struct buf *json, const struct node *item)
{
	doc_format_json(item, json);
	json->data[--json->len] = '\0';
}

/* The tree of a long list would take ten times as much memory as its text. */
static void on_row(struct look *look, const struct node *row)
{
	add_item(look->ctx, row);
}

void answer_add_json(struct answer *answer, struct buf *json)
{
	const struct buf *taken = &answer->rows;
	const struct node *doc = answer->look.doc;

	if (taken->len == 0) {
		doc_format_json(doc, json);
		return;
	}
	/* {"environments":[...]}, and some that were added otherwise */
	buf_printf(json, "{\"%s\":[", doc->children[0].key);
	buf_add(json, taken->data, taken->len);
	for (size_t i = 0; i < doc->children[0].child_count; i++)
		add_item(json, &doc->children[0].children[i]);
	buf_add_str(json, "]}\n");
}

int answer_fill(struct answer *answer, enum answer_form form, const struct settings *settings,
		const struct reading *reading, const char *path, const char *query,
		struct mf_err *err)
{
	const struct row *row;
	const struct noun *noun;
	const struct command *command;
	int used;

	*answer = (struct answer){.operands = NULL};
	answer->call.settings = settings;
	answer->call.behind = -1;
	answer->call.options.format = CALL_JSON;
	answer->call.options.watch = true; /* what is gone is not looked for in the past */
	answer->look.call = &answer->call;
	if (form == ANSWER_JSON) {
		answer->look.ctx = &answer->rows;
		answer->look.on_row = on_row;
	}
	answer->look.doc = doc_new();
	answer->look.cells = doc_new();
	row = find_row(path, &answer->operands);
	if (row == NULL)
		return mf_err_set(err, MF_ENOINPUT, "there is no such view");
	if (command_find(row->words, row->count, &noun, &command, &used, err) != 0)
		return err->code;
	if ((command->takes & TAKES_REQUEST) != 0)
		take_request(answer, query);
	else if (strcmp(path, "matrix") == 0)
		answer->operands = form_find_all(query, "environment", MAX_ENVIRONMENTS);
	answer->call.argv = answer->operands;
	answer->call.argc = (int)strlist_count(answer->operands);
	if (command_check_operands(command, &answer->call, err) != 0)
		return err->code;
	return command->look(&answer->look, reading, err);
}

void answer_fini(struct answer *answer)
{
	strlist_free(answer->operands);
	buf_fini(&answer->rows);
	free((char *)answer->call.options.method);
	strlist_free(answer->call.options.headers);
	node_free(answer->look.doc);
	node_free(answer->look.cells);
	free(answer->look.columns);
	buf_fini(&answer->look.before);
	buf_fini(&answer->look.after);
}

int answer_status(int code)
{
	switch (code) {
	case 0:
		return 200;
	case MF_ENOINPUT:
		return 404;
	case MF_EUSAGE:
	case MF_EDATA:
		return 400;
	case MF_EPERM:
		return 403;
	case MF_EUNAVAIL:
	case MF_ETIMEOUT:
	case MF_EUNKNOWN:
		return 503;
	default:
		return 500;
	}
}

int answer_refuse(int status, const char *reason, struct buf *ret_body, const char **ret_type)
{
	*ret_type = "application/json";
	buf_clear(ret_body);
	json_open(ret_body, NULL, '{');
	json_put(ret_body, "error", reason);
	json_close(ret_body, '}');
	return status;
}
