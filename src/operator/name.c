/* mayfly name: the names that dnsmasq answers for. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "model/settings.h"
#include "operator/call.h"
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
	struct node *list = doc_add_list(look->doc, "names");

	(void)err;
	for (size_t i = 0; i < reading->snapshot->service_count; i++) {
		mem_auto_free char *name = mem_printf("%s.%s", reading->snapshot->services[i],
						      settings->routing.service_suffix);

		add_name(list, name, settings->dnsmasq.address, "service");
	}
	if (list->child_count == 0)
		buf_add_str(&look->after, "There is no name.\n");
	look->names = "names";
	look->name_keys[0] = "name";
	LOOK_ADD_TABLE(look, NULL, "names", columns);
	return 0;
}

static const struct command commands[] = {
    {"list", "ls", "", 0, 0, TAKES_LOOK, "list the names that dnsmasq answers for",
     .look = fill_list},
    {0},
};
const struct noun noun_name = {"name", "names", commands};
