/* Flags that say what is announced of one instance. */
#include "cmd/instance_options.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "cmd/svcregister_options.h"

/* One of the words, by its index. */
static int parse_word(const char *flag, const char *value, const char *const *words, size_t count,
		      unsigned *ret_index, struct mf_err *err)
{
	buf_auto struct buf list = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(value, words[i]) == 0) {
			*ret_index = (unsigned)i;
			return 0;
		}
		buf_printf(&list, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	return mf_err_set(err, MF_EUSAGE, "%s: \"%s\": must be one of %s", flag, value, list.data);
}

static int set_state(struct svcregister_options *o, const char *value, struct mf_err *err)
{
	static const char *const words[] = {
	    [INSTANCE_UP] = "up", [INSTANCE_DRAIN] = "drain", [INSTANCE_MAINT] = "maint"};
	unsigned index = 0;

	if (parse_word("--state", value, words, 3, &index, err) != 0)
		return err->code;
	o->state = (enum instance_state)index;
	return 0;
}

static int set_on_fail(struct svcregister_options *o, const char *value, struct mf_err *err)
{
	static const char *const words[] = {
	    [ON_FAIL_WITHDRAW] = "withdraw", [ON_FAIL_DRAIN] = "drain"};
	unsigned index = 0;

	if (parse_word("--on-fail", value, words, 2, &index, err) != 0)
		return err->code;
	o->on_fail = (enum on_fail)index;
	return 0;
}

static int set_initial(struct svcregister_options *o, const char *value, struct mf_err *err)
{
	static const char *const words[] = {"down", "up"};
	unsigned index = 0;

	if (parse_word("--initial", value, words, 2, &index, err) != 0)
		return err->code;
	o->is_initially_up = index == 1;
	return 0;
}

static int add_tag(struct svcregister_options *o, const char *value, struct mf_err *err)
{
	if (value[0] == '\0' || !str_is_utf8(value, strlen(value)))
		return mf_err_set(err, MF_EUSAGE, "--tag: empty, or no UTF-8");
	if (o->tag_count == SVCREGISTER_MAX_TAGS)
		return mf_err_set(err, MF_EUSAGE, "--tag: more than %d", SVCREGISTER_MAX_TAGS);
	o->tags[o->tag_count++] = value;
	return 0;
}

static int add_check(struct svcregister_options *o, const char *value, struct mf_err *err)
{
	return check_options_add(&o->check, value, err);
}

static const struct {
	const char *name;
	int (*set)(struct svcregister_options *o, const char *value, struct mf_err *err);
} flags[] = {
    {"state", set_state},     {"tag", add_tag},		{"check", add_check},
    {"on-fail", set_on_fail}, {"initial", set_initial},
};

int instance_options_set(struct svcregister_options *o, const char *name, const char *value,
			 struct mf_err *err)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].set(o, value, err);
	return check_options_set(&o->check, name + strlen("check-"), value, err);
}
