/* The health check that a container asks for, in registrator's words or in ours. */
#include <strings.h>

#include "base/err.h"
#include "base/mem.h"
#include "register/check_kind.h"
#include "register/container_internal.h"

/* In the form of check_spec_parse; NULL: none.  What asks more goes before a plain connection. */
static char *find_check(const struct container_source *s, const struct announcement *want,
			unsigned port)
{
	const struct check_target target = {.address = want->address, .port = want->port};
	const char *label = container_find_label(s, "check");
	size_t count = 0;

	if (label != NULL)
		return mem_dup_str(label);
	while (check_kinds[count] != NULL)
		count++;
	for (size_t i = 1; i <= count; i++) {
		const struct check_kind *kind =
		    check_kinds[i % count]; /* tcp, the first, is last */
		mem_auto_free char *name = mem_printf("check_%s", kind->word);
		const char *value = container_find(s, port, name);
		char *check = value == NULL ? NULL : kind->parse_word(value, &target);

		if (check != NULL)
			return check;
	}
	return NULL;
}

/* Its other settings: SERVICE_CHECK_INTERVAL and so on. */
static int read_settings(const struct container_source *s, unsigned port, struct check_spec *spec,
			 struct mf_err *err)
{
	for (size_t i = 0; check_spec_setting(i) != NULL; i++) {
		mem_auto_free char *name = mem_printf("check_%s", check_spec_setting(i));
		const char *value = container_find(s, port, name);

		if (value != NULL && check_spec_set(spec, check_spec_setting(i), value, err) != 0)
			return err->code;
	}
	return 0;
}

static int read_spec(const struct container_source *s, unsigned port, const char *text,
		     struct check_spec **ret_spec, struct mf_err *err)
{
	const char *risk;

	if (check_spec_parse(text, ret_spec, err) != 0)
		return err->code;
	risk = check_spec_find_risk(*ret_spec);
	if (risk != NULL && !s->options->trusts_checks)
		(void)mf_err_set(err, MF_EDATA, "%s: only with --trust-checks", risk);
	else if (read_settings(s, port, *ret_spec, err) == 0)
		return 0;
	check_spec_free(*ret_spec);
	return err->code;
}

int container_read_check(const struct container_source *s, struct container_instance *instance,
			 struct mf_err *err)
{
	unsigned port = instance->container_port;
	mem_auto_free char *text = find_check(s, &instance->want, port);
	const char *initial = container_find(s, port, "check_initial_status");
	struct check_spec *spec;

	if (text == NULL)
		return 0;
	if (read_spec(s, port, text, &spec, err) != 0)
		return mf_err_wrap(err, "check");
	announcement_add_check(&instance->want, spec);
	instance->want.is_initially_up = initial != NULL && strcasecmp(initial, "passing") == 0;
	return 0;
}
