/* mayfly instance: the instances that are registered, and those that are fixed. */
#include <string.h>

#include "base/err.h"
#include "base/node.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/instance_change.h"
#include "operator/look.h"
#include "operator/named.h"
#include "operator/reading.h"

static int fill_list(struct look *look, const struct reading *reading, struct mf_err *err)
{
	static const struct show_column columns[] = {
	    {"SERVICE", "service", false},   {"VERSION", "version", false},
	    {"INSTANCE", "instance", false}, {"ADDRESS", "address", false},
	    {"STATE", "state", false},	     {"WEIGHT", "weight", false},
	    {"FIXED", "is_fixed", true},     {"BY OPERATOR", "operator_state", false},
	};
	size_t column_count = sizeof(columns) / sizeof(columns[0]);
	const struct snapshot *snapshot = reading->snapshot;
	const char *service = look->call->argc > 0 ? look->call->argv[0] : NULL;
	const char *version = look->call->argc > 1 ? look->call->argv[1] : NULL;
	struct node *list = doc_add_list(look->doc, "instances");

	if ((service != NULL && named_check_service(snapshot, service, err) != 0) ||
	    (version != NULL && named_check_version(snapshot, service, version, err) != 0))
		return err->code;
	for (size_t i = 0; i < snapshot->backend_count; i++) {
		const struct backend *backend = snapshot->backends[i];

		if ((service != NULL && strcmp(backend->service, service) != 0) ||
		    (version != NULL && strcmp(backend->version, version) != 0))
			continue;
		for (size_t j = 0; j < backend->instance_count; j++)
			facts_add_instance(list, backend->instances[j]);
	}
	if (list->child_count == 0)
		buf_add_str(&look->after, "There is no instance.  Register one: see "
					  "svcregister(1).\n");
	look->names = "instances";
	look->name_keys[0] = "service";
	look->name_keys[1] = "version";
	look->name_keys[2] = "instance";
	if (!facts_has_text(list, "operator_state"))
		column_count--;
	look_add_table(look, NULL, "instances", columns, column_count);
	return 0;
}

static const struct command commands[] = {
    {"list", "ls", "[SERVICE [VERSION]]", 0, 2, TAKES_LOOK,
     "list instances, with their addresses, states and weights", .look = fill_list},
    {"drain", NULL, "SERVICE VERSION INSTANCE", 3, 3, TAKES_WRITE | TAKES_ETCD,
     "send no new requests to an instance, whoever registers it", .run = instance_change_drain},
    {"maint", NULL, "SERVICE VERSION INSTANCE", 3, 3, TAKES_WRITE | TAKES_ETCD,
     "send nothing at all to an instance", .run = instance_change_maint},
    {"up", NULL, "SERVICE VERSION INSTANCE", 3, 3, TAKES_WRITE | TAKES_ETCD,
     "end drain and maint: the instance gets what it got before", .run = instance_change_up},
    {0},
};
const struct noun noun_instance = {"instance", "instances", commands};
