/* Checks as flags say them.  What the words mean is the check's own matter. */
#include "cmd/check_options.h"

#include <stdbool.h>

#include "base/err.h"
#include "register/check.h"

int check_options_add(struct check_options *o, const char *word, struct mf_err *err)
{
	struct mf_err why;

	if (o->count == CHECK_OPTIONS_MAX)
		return mf_err_set(err, MF_EUSAGE, "--check: more than %d", CHECK_OPTIONS_MAX);
	if (check_spec_parse(word, &o->checks[o->count], &why) != 0)
		return mf_err_set(err, MF_EUSAGE, "--check: %s", why.msg);
	o->count++;
	return 0;
}

int check_options_set(struct check_options *o, const char *key, const char *value,
		      struct mf_err *err)
{
	struct check_spec *any = NULL;
	struct mf_err why;
	int code = check_spec_parse("http:/", &any, &why);

	if (code == 0)
		code = check_spec_set(any, key, value, &why);
	check_spec_free(any);
	if (code != 0)
		return mf_err_set(err, MF_EUSAGE, "--check-%s", why.msg);
	if (o->setting_count == CHECK_OPTIONS_SETTINGS)
		return mf_err_set(err, MF_EUSAGE, "--check-%s: too many", key);
	o->settings[o->setting_count].key = key;
	o->settings[o->setting_count++].value = value;
	return 0;
}

/* Each check has it whose kind knows it; at least one does. */
static int apply(struct check_options *o, const char *key, const char *value, struct mf_err *err)
{
	bool is_taken = false;
	struct mf_err why;

	if (o->count == 0)
		return mf_err_set(err, MF_EUSAGE, "--check-%s: only with --check", key);
	for (size_t i = 0; i < o->count; i++)
		if (check_spec_set(o->checks[i], key, value, &why) == 0)
			is_taken = true;
	return is_taken ? 0 : mf_err_set(err, MF_EUSAGE, "--check-%s", why.msg);
}

int check_options_apply(struct check_options *o, struct mf_err *err)
{
	for (size_t i = 0; i < o->setting_count; i++)
		if (apply(o, o->settings[i].key, o->settings[i].value, err) != 0)
			return err->code;
	return 0;
}

void check_options_fini(struct check_options *o)
{
	for (size_t i = 0; i < o->count; i++)
		check_spec_free(o->checks[i]);
	o->count = 0;
}
