/* What becomes of the settings of services.  Writes nothing itself. */
#include "operator/service_change.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/service.h"
#include "operator/call.h"
#include "operator/change.h"
#include "operator/input.h"

static const struct change_kind change_of_services = {"services/", "service", "deleted"};

struct applied {
	struct service **services;
	size_t count;
};

/* Whose it is does not count. */
static bool is_there(const struct change *change, const struct service *service)
{
	const struct change_stored *stored = change_find(change, service->name);
	buf_auto struct buf before = BUF_INIT, after = BUF_INIT;
	struct service *old;

	if (stored == NULL ||
	    service_parse(service->name, stored->value, stored->len, &old, NULL) != 0)
		return false;
	service_format_json(old, "", "", &before);
	service_format_json(service, "", "", &after);
	service_unref(old);
	return strcmp(buf_str(&before), buf_str(&after)) == 0;
}

static void put(struct change *change, const struct service *service)
{
	buf_auto struct buf value = BUF_INIT;

	if (is_there(change, service)) {
		change_keep(change, service->name);
		return;
	}
	service_format_json(service, change_owner(change), "", &value);
	(void)change_put_value(change, service->name, buf_str(&value), NULL);
}

static int decide_apply(struct change *change, void *ctx, struct mf_err *err)
{
	const struct applied *applied = ctx;

	for (size_t i = 0; i < applied->count; i++) {
		int code = change_check_owner(change, applied->services[i]->name, err);

		if (code != 0)
			return code;
	}
	for (size_t i = 0; i < applied->count; i++)
		put(change, applied->services[i]);
	return 0;
}

static int take_file(const struct call *call, struct applied *applied, struct mf_err *err)
{
	const char *path = call->options.file;
	buf_auto struct buf text = BUF_INIT;
	struct mf_err bad = {0};
	int code = input_read(path, &text, err);

	if (code != 0)
		return code;
	code = service_parse_file(buf_str(&text), text.len, &applied->services, &applied->count,
				  input_keep_first, &bad, err);
	if (code == 0 && bad.code != 0) {
		*err = bad;
		code = err->code;
	}
	if (code == 0 && applied->count > CHANGE_MAX_KEYS)
		code = mf_err_set(err, MF_EDATA, "more than %d services", CHANGE_MAX_KEYS);
	return code == 0 ? 0 : input_refuse(path, err);
}

int service_change_apply(struct call *call, struct mf_err *err)
{
	struct applied applied = {.count = 0};
	int code = take_file(call, &applied, err);

	if (code == 0)
		code = change_run(call, &change_of_services, decide_apply, &applied, err);
	for (size_t i = 0; i < applied.count; i++)
		service_unref(applied.services[i]);
	free(applied.services);
	return code;
}

static int decide_delete(struct change *change, void *ctx, struct mf_err *err)
{
	(void)ctx;
	return change_delete_all(change, change->call->argv, (size_t)change->call->argc, err);
}

int service_change_delete(struct call *call, struct mf_err *err)
{
	return change_run(call, &change_of_services, decide_delete, NULL, err);
}
