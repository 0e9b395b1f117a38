/* What is to be announced: checked, copied, and as it stands in etcd. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/name.h"
#include "model/settings.h"
#include "register/announcer_internal.h"
#include "register/check.h"
#include "store/instances.h"

static struct attribute *dup_attributes(const struct attribute *from, size_t count)
{
	struct attribute *copy = mem_alloc(count * sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i].name = mem_dup_str(from[i].name);
		copy[i].value = mem_dup_str(from[i].value);
	}
	return copy;
}

static struct check_spec **dup_checks(struct check_spec *const *from, size_t count)
{
	struct check_spec **copy = mem_alloc(count * sizeof(struct check_spec *));

	for (size_t i = 0; i < count; i++)
		copy[i] = check_spec_dup(from[i]);
	return copy;
}

void announcement_copy(struct announcement *copy, const struct announcement *from)
{
	*copy = *from;
	copy->service = mem_dup_str(from->service);
	copy->version = mem_dup_str(from->version);
	copy->id = mem_dup_str(from->id);
	copy->address = mem_dup_str(from->address);
	copy->env = mem_dup_str(from->env);
	copy->tags = (const char *const *)strlist_dup((char *const *)from->tags);
	copy->attributes = dup_attributes(from->attributes, from->attribute_count);
	copy->checks = dup_checks(from->checks, from->check_count);
}

void announcement_fini(struct announcement *copy)
{
	for (size_t i = 0; i < copy->attribute_count; i++) {
		free(copy->attributes[i].name);
		free(copy->attributes[i].value);
	}
	for (size_t i = 0; i < copy->check_count; i++)
		check_spec_free(copy->checks[i]);
	free((struct check_spec **)copy->checks);
	strlist_free((char **)copy->tags);
	free((struct attribute *)copy->attributes);
	free((char *)copy->service);
	free((char *)copy->version);
	free((char *)copy->id);
	free((char *)copy->address);
	free((char *)copy->env);
}

static int check_extra(const struct announcement *a, struct mf_err *err)
{
	for (size_t i = 0; a->tags != NULL && a->tags[i] != NULL; i++)
		if (a->tags[i][0] == '\0' || !str_is_utf8(a->tags[i], strlen(a->tags[i])))
			return mf_err_set(err, MF_EDATA, "a tag is empty or no UTF-8");
	for (size_t i = 0; i < a->attribute_count; i++)
		if (instance_check_attribute(a->attributes[i].name, err) != 0)
			return err->code;
	return 0;
}

int announcement_check(const struct announcement *a, struct mf_err *err)
{
	if (name_check(NAME_SERVICE, a->service, strlen(a->service), err) != 0)
		return mf_err_wrap(err, "service");
	if (name_check(NAME_VERSION, a->version, strlen(a->version), err) != 0)
		return mf_err_wrap(err, "version");
	if (a->env != NULL && name_check(NAME_ENVIRONMENT, a->env, strlen(a->env), err) != 0)
		return mf_err_wrap(err, "env");
	return check_extra(a, err);
}

int announcement_make_key(const struct announcement *a, const struct settings *settings,
			  char **ret_key, struct mf_err *err)
{
	mem_auto_free char *made = instances_make_id(settings->node, a->address, a->port);
	const char *id = a->id == NULL ? made : a->id;

	if (name_check(NAME_INSTANCE, id, strlen(id), err) != 0)
		return mf_err_wrap(err, "id");
	*ret_key =
	    mem_printf("%s/backends/%s/%s/%s", settings->etcd.prefix, a->service, a->version, id);
	return 0;
}

void announcement_format(const struct announcement *a, enum instance_state state,
			 struct buf *ret_value)
{
	const struct instance instance = {
	    .address = (char *)a->address,
	    .port = a->port,
	    .weight = a->weight,
	    .state = state,
	};
	const struct instance_extra extra = {a->tags, a->attributes, a->attribute_count};

	instance_format(&instance, &extra, ret_value);
}
