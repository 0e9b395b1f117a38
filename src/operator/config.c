/* mayfly config: settings of applications, which templates and programs see. */
#include "operator/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/config.h"
#include "model/name.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/command.h"
#include "operator/config_exec.h"
#include "operator/doc.h"
#include "operator/input.h"
#include "operator/look.h"
#include "operator/named.h"
#include "operator/reading.h"
#include "store/etcd.h"

#define BELOW "config/"

static int check_word(const char *what, const char *word, struct mf_err *err)
{
	if (name_check(NAME_VERSION, word, strlen(word), err) == 0)
		return 0;
	err->code = MF_EUSAGE;
	return mf_err_wrap(err, "%s", what);
}

int config_check_scope(const char *scope, struct mf_err *err)
{
	return check_word("scope", scope, err);
}

void config_keep(struct strmap *values, const char *name, const struct etcd_kv *kv)
{
	struct mf_err why = {.code = 0};

	if (check_word("name", name, &why) == 0 && kv->value_len <= CONFIG_MAX_VALUE &&
	    memchr(kv->value, '\0', kv->value_len) == NULL) {
		strmap_set(values, name, mem_dup_bytes(kv->value, kv->value_len));
		return;
	}
	log_warn("a setting is left out", LOG_STR("key", kv->key),
		 LOG_STR("reason", why.code != 0 ? why.msg : "no text, or too long"));
	(void)strmap_del(values, name); /* what it was before */
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **config_sort(const struct strmap *values)
{
	const char **names = mem_alloc((strmap_count(values) + 1) * sizeof(*names));
	void *cursor = NULL, *value;
	size_t count = 0;

	while (strmap_next(values, &cursor, &names[count], &value))
		count++;
	if (count > 1)
		qsort(names, count, sizeof(*names), compare_names);
	return names;
}

/* --- looking ---------------------------------------------------------------------------------- */

/* All settings that were read, by "<scope>/<name>"; the values are borrowed. */
static struct strmap *find_settings(const struct reading *reading)
{
	struct strmap *found = strmap_new(NULL);
	void *cursor = NULL;
	const char *name, *value;

	while (reading_next(reading, BELOW, &cursor, &name, &value))
		if (strchr(name, '/') != NULL)
			strmap_set(found, name, (char *)(uintptr_t)value);
	return found;
}

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"SCOPE", "scope", false}, {"NAME", "name", false}, {"VALUE", "value", false}};
	struct node *list = doc_add_list(look->doc, "config");
	struct strmap *found = find_settings(reading);
	mem_auto_free const char **names = config_sort(found);

	(void)err;
	for (size_t i = 0; i < strmap_count(found); i++) {
		struct node *row = doc_add_map(list, NULL);
		mem_auto_free char *scope = mem_dup_bytes(names[i], strcspn(names[i], "/"));

		doc_add_text(row, "scope", scope);
		doc_add_text(row, "name", strchr(names[i], '/') + 1);
		doc_add_text(row, "value", strmap_find(found, names[i]));
	}
	if (list->child_count == 0)
		buf_printf(&look->after,
			   "Nothing is set.  Set something: mayfly config put %s NAME VALUE\n",
			   look->call->argc > 0 ? look->call->argv[0] : "SCOPE");
	strmap_free(found);
	look->names = "config";
	look->name_keys[0] = "scope";
	look->name_keys[1] = "name";
	LOOK_ADD_TABLE(look, NULL, "config", columns);
	return 0;
}

static int refuse_name(const struct reading *reading, const char *scope, const char *name,
		       struct mf_err *err)
{
	mem_auto_free char *kind = mem_printf("config %s:", scope);
	struct strmap *found = find_settings(reading);
	mem_auto_free const char **known = config_sort(found);
	size_t count = strmap_count(found);

	for (size_t i = 0; i < count; i++)
		known[i] = strchr(known[i], '/') + 1;
	(void)named_refuse(kind, name, known, count, err);
	strmap_free(found);
	return err->code;
}

static int fill_get(struct look *look, const struct reading *reading, struct mf_err *err)
{
	const char *scope = look->call->argv[0], *name = look->call->argv[1];
	mem_auto_free char *key = mem_printf(BELOW "%s/%s", scope, name);
	const char *value = reading_find(reading, key);

	if (value == NULL)
		return refuse_name(reading, scope, name, err);
	doc_add_text(look->doc, "scope", scope);
	doc_add_text(look->doc, "name", name);
	doc_add_text(look->doc, "value", value);
	look->names = "config"; /* has no list of them */
	buf_printf(&look->before, "%s\n", value);
	return 0;
}

/* Who may only read one scope reads no more. */
static int look_at(struct call *call, look_fn *fill, struct mf_err *err)
{
	mem_auto_free char *below = NULL;
	int code;

	if (call->argc > 0 && config_check_scope(call->argv[0], err) != 0)
		return err->code;
	below = call->argc > 0 ? mem_printf(BELOW "%s/", call->argv[0]) : mem_dup_str(BELOW);
	call->below = below;
	code = look_run(call, fill, err);
	call->below = NULL;
	return code;
}

static int run_list(struct call *call, struct mf_err *err)
{
	return look_at(call, fill_list, err);
}

static int run_get(struct call *call, struct mf_err *err)
{
	return look_at(call, fill_get, err);
}

static int run_watch(struct call *call, struct mf_err *err)
{
	call->options.watch = true;
	return run_list(call, err);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* An operand, a file, or what is written to us, without the newline at its end. */
static int take_value(const struct call *call, struct buf *ret_value, struct mf_err *err)
{
	const char *typed = call->argc > 2 ? call->argv[2] : NULL;

	if (typed != NULL && call->options.file != NULL)
		return mf_err_set(err, MF_EUSAGE, "a value, or --file, not both");
	if (typed != NULL)
		buf_add_str(ret_value, typed);
	else if (input_read(call->options.file, ret_value, err) != 0)
		return err->code;
	if (typed == NULL && ret_value->len > 0 && ret_value->data[ret_value->len - 1] == '\n')
		ret_value->data[--ret_value->len] = '\0';
	if (ret_value->len > CONFIG_MAX_VALUE)
		return mf_err_set(err, MF_EDATA, "the value is longer than %zu bytes",
				  CONFIG_MAX_VALUE);
	if (!str_is_utf8(buf_str(ret_value), ret_value->len))
		return mf_err_set(err, MF_EDATA, "the value is no text in UTF-8");
	return 0;
}

static int decide_put(struct change *change, void *ctx, struct mf_err *err)
{
	(void)err;
	(void)change_put_value(change, change->call->argv[1], buf_str(ctx), NULL);
	return 0;
}

static int decide_delete(struct change *change, void *ctx, struct mf_err *err)
{
	int code = change_check_known(change, change->call->argv[1], err);

	(void)ctx;
	if (code == 0)
		change_delete(change, change->call->argv[1]);
	return code;
}

static int change_one(struct call *call, change_fn *decide, void *ctx, struct mf_err *err)
{
	mem_auto_free char *below = mem_printf(BELOW "%s/", call->argv[0]);
	mem_auto_free char *word = mem_printf("config %s", call->argv[0]);
	const struct change_kind kind = {below, word, "deleted"};

	return change_run(call, &kind, decide, ctx, err);
}

static int check_names(const struct call *call, struct mf_err *err)
{
	if (config_check_scope(call->argv[0], err) != 0)
		return err->code;
	return check_word("name", call->argv[1], err);
}

static int run_put(struct call *call, struct mf_err *err)
{
	buf_auto struct buf value = BUF_INIT;

	if (check_names(call, err) != 0 || take_value(call, &value, err) != 0)
		return err->code;
	return change_one(call, decide_put, &value, err);
}

static int run_delete(struct call *call, struct mf_err *err)
{
	return check_names(call, err) != 0 ? err->code : change_one(call, decide_delete, NULL, err);
}

/* --- the noun --------------------------------------------------------------------------------- */

static const struct command commands[] = {
    {"list", "ls", "[SCOPE]", 0, 1, TAKES_ONLINE, "list the settings of applications",
     .look = fill_list, .run = run_list},
    {"get", NULL, "SCOPE NAME", 2, 2, TAKES_ONLINE, "print the value of a setting",
     .look = fill_get, .run = run_get},
    {"put", "set", "SCOPE NAME [VALUE]", 2, 3, TAKES_WRITE | TAKES_ETCD | TAKES_FILE,
     "set a setting: to the value, or to what is in --file", .run = run_put},
    {"delete", "rm", "SCOPE NAME", 2, 2, TAKES_WRITE | TAKES_ETCD, "delete a setting",
     .run = run_delete},
    {"watch", NULL, "SCOPE", 1, 1, TAKES_FORMAT | TAKES_ETCD,
     "list the settings of a scope again at each change", .run = run_watch},
    {"exec", NULL, "SCOPE -- COMMAND...", 2, CONFIG_MAX_WORDS, TAKES_ETCD | TAKES_EXEC,
     "run a program with the settings of a scope as variables", .run = config_exec},
    {0},
};
const struct noun noun_config = {"config", NULL, commands};
