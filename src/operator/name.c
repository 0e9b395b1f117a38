/* mayfly name: the names that dnsmasq answers for. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/strmap.h"
#include "model/dns_name.h"
#include "model/settings.h"
#include "model/shared_list.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/look.h"
#include "operator/reading.h"

static void add_name(struct node *list, const char *name, const char *addresses, const char *kind)
{
	struct node *row = doc_add_map(list, NULL);

	doc_add_text(row, "name", name);
	doc_add_text(row, "addresses", addresses);
	doc_add_text(row, "kind", kind);
}

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"NAME", "name", false}, {"ADDRESSES", "addresses", false}, {"KIND", "kind", false}};
	const struct settings *settings = look->call->settings;
	const struct shared_list *names = reading->snapshot->names;
	struct node *list = doc_add_list(look->doc, "names");

	(void)err;
	for (size_t i = 0; i < reading->snapshot->service_count; i++) {
		mem_auto_free char *name = mem_printf("%s.%s", reading->snapshot->services[i],
						      settings->routing.service_suffix);

		add_name(list, name, settings->dnsmasq.address, "service");
	}
	for (size_t i = 0; names != NULL && i < names->count; i++) {
		const struct dns_name *name = names->items[i];
		buf_auto struct buf addresses = BUF_INIT;

		dns_name_format(name, &addresses);
		add_name(list, name->name, buf_str(&addresses), "set");
	}
	if (list->child_count == 0)
		buf_add_str(&look->after, "There is no name.\n");
	look->names = "names";
	look->name_keys[0] = "name";
	LOOK_ADD_TABLE(look, NULL, "names", columns);
	return 0;
}

/* --- set -------------------------------------------------------------------------------------- */

static const struct change_kind change_of_names = {"names/", "name", "deleted"};

static int decide_set(struct change *change, void *ctx, struct mf_err *err)
{
	(void)err;
	(void)change_put_value(change, change->call->argv[0], ctx, NULL);
	return 0;
}

/* A service's own name is its own. */
static int check_is_free(struct call *call, const char *name, struct mf_err *err)
{
	struct reading reading;
	int code = reading_take(call, &reading, err);
	const struct snapshot *snapshot = reading.snapshot;
	const char *suffix = call->settings->routing.service_suffix;

	if (code != 0)
		return code;
	for (size_t i = 0; i < snapshot->service_count && code == 0; i++) {
		mem_auto_free char *own = mem_printf("%s.%s", snapshot->services[i], suffix);

		if (strcmp(own, name) == 0)
			code =
			    mf_err_set(err, MF_EDATA, "name %s: it is a service's own name", name);
	}
	reading_fini(&reading);
	return code;
}

static int run_set(struct call *call, struct mf_err *err)
{
	buf_auto struct buf typed = BUF_INIT, value = BUF_INIT;
	struct dns_name *name;

	for (int i = 1; i < call->argc; i++)
		buf_printf(&typed, "%s%s", i == 1 ? "" : ",", call->argv[i]);
	if (dns_name_parse(call->argv[0], buf_str(&typed), typed.len, &name, err) != 0)
		return err->code;
	dns_name_format(name, &value);
	dns_name_unref(name);
	if (check_is_free(call, call->argv[0], err) != 0)
		return err->code;
	return change_run(call, &change_of_names, decide_set, value.data, err);
}

/* --- delete and reset ------------------------------------------------------------------------- */

static int decide_delete(struct change *change, void *ctx, struct mf_err *err)
{
	(void)ctx;
	return change_delete_all(change, change->call->argv, (size_t)change->call->argc, err);
}

static int run_delete(struct call *call, struct mf_err *err)
{
	return change_run(call, &change_of_names, decide_delete, NULL, err);
}

/* As many as one transaction takes; *left: how many there are beside these. */
static int decide_reset(struct change *change, void *ctx, struct mf_err *err)
{
	size_t *left = ctx;
	void *cursor = NULL, *value;
	const char *name;

	(void)err;
	*left = 0;
	while (strmap_next(change->stored, &cursor, &name, &value))
		if (change->count < CHANGE_MAX_KEYS)
			change_delete(change, name);
		else
			++*left;
	return 0;
}

static int run_reset(struct call *call, struct mf_err *err)
{
	size_t left = 0;
	int code;

	do
		code = change_run(call, &change_of_names, decide_reset, &left, err);
	while (code == 0 && left > 0 && !call->options.dry_run);
	if (code == 0 && left > 0)
		printf("and %zu more\n", left);
	return code;
}

/* --- the noun --------------------------------------------------------------------------------- */

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_LOOK, "list the names that dnsmasq answers for",
     .look = fill_list},
    {"set", NULL, "NAME ADDRESS...", 2, (int)DNS_NAME_MAX_ADDRESSES + 1, TAKES_WRITE | TAKES_ETCD,
     "let dnsmasq answer for a further name", .run = run_set},
    {"delete", "rm", "NAME...", 1, CHANGE_MAX_KEYS, TAKES_WRITE | TAKES_ETCD,
     "delete names that people set", .run = run_delete},
    {"reset", NULL, "", 0, 0, TAKES_WRITE | TAKES_ETCD, "delete all names that people set",
     .run = run_reset},
    {0},
};
const struct noun noun_name = {"name", "names", commands};
