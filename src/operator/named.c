/* What is said of a name that is nowhere. */
#include "operator/named.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/name.h"
#include "model/table.h"

int named_refuse(const char *kind, const char *name, const char *const *known, size_t count,
		 struct mf_err *err)
{
	const char *nearest = str_find_nearest(name, known, count);
	buf_auto struct buf quoted = BUF_INIT;

	name_add_quoted(&quoted, name, strlen(name));
	if (nearest == NULL)
		return mf_err_set(err, MF_ENOINPUT, "%s %s: there is none", kind, buf_str(&quoted));
	return mf_err_set(err, MF_ENOINPUT, "%s %s: there is none: did you mean \"%s\"?", kind,
			  buf_str(&quoted), nearest);
}

int named_refuse_key(const char *kind, const char *name, const struct strmap *known,
		     struct mf_err *err)
{
	mem_auto_free const char **keys = mem_alloc((strmap_count(known) + 1) * sizeof(*keys));
	size_t count = 0;
	void *cursor = NULL, *value;

	while (strmap_next(known, &cursor, &keys[count], &value))
		count++;
	return named_refuse(kind, name, keys, count, err);
}

int named_check_service(const struct snapshot *snapshot, const char *name, struct mf_err *err)
{
	for (size_t i = 0; i < snapshot->service_count; i++)
		if (strcmp(snapshot->services[i], name) == 0)
			return 0;
	return named_refuse("service", name, (const char *const *)snapshot->services,
			    snapshot->service_count, err);
}

int named_check_version(const struct snapshot *snapshot, const char *service, const char *version,
			struct mf_err *err)
{
	mem_auto_free const char **known = NULL;
	mem_auto_free char *kind = mem_printf("version of %s", service);
	size_t count = 0;

	if (snapshot_find_backend(snapshot, service, version) != NULL)
		return 0;
	known = mem_alloc((snapshot->backend_count + 1) * sizeof(*known));
	for (size_t i = 0; i < snapshot->backend_count; i++)
		if (strcmp(snapshot->backends[i]->service, service) == 0)
			known[count++] = snapshot->backends[i]->version;
	return named_refuse(kind, version, known, count, err);
}
