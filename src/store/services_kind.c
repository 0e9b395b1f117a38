/* The settings of services as items of a file.  Knows nothing of the file itself. */
#include "store/services_kind.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/service.h"

static int parse_file(const char *text, size_t len, void ***ret_items, size_t *ret_count,
		      item_bad_fn *on_bad, void *ctx, struct mf_err *err)
{
	struct service **services;
	int code = service_parse_file(text, len, &services, ret_count, on_bad, ctx, err);

	if (code != 0)
		return code;
	*ret_items = mem_alloc((*ret_count + 1) * sizeof(**ret_items));
	for (size_t i = 0; i < *ret_count; i++)
		(*ret_items)[i] = services[i];
	free(services);
	return 0;
}

static const char *get_name(const void *item)
{
	return ((const struct service *)item)->name;
}

/* As they are written to etcd. */
static bool is_equal(const void *item, const void *other)
{
	buf_auto struct buf a = BUF_INIT, b = BUF_INIT;

	service_format_json(item, "", "", &a);
	service_format_json(other, "", "", &b);
	return strcmp(buf_str(&a), buf_str(&b)) == 0;
}

static void *ref(void *item)
{
	return service_ref(item);
}

static void unref(void *item)
{
	service_unref(item);
}

const struct item_kind services_kind = {.noun = "service",
					.gone = "deleted",
					.parse = parse_file,
					.name = get_name,
					.is_equal = is_equal,
					.ref = ref,
					.unref = unref};
