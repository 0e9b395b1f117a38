/* The health check that a container asks for, in registrator's words or in ours. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "register/check.h"
#include "register/container_internal.h"

/* registrator's $SERVICE_IP and $SERVICE_PORT. */
static char *fill_in(const char *script, const struct container_instance *instance)
{
	buf_auto struct buf b = BUF_INIT;

	while (script[0] != '\0') {
		if (str_has_prefix(script, "$SERVICE_IP")) {
			buf_add_str(&b, instance->address);
			script += strlen("$SERVICE_IP");
		} else if (str_has_prefix(script, "$SERVICE_PORT")) {
			buf_printf(&b, "%u", instance->port);
			script += strlen("$SERVICE_PORT");
		} else {
			buf_add_char(&b, *script++);
		}
	}
	return mem_printf("exec:%s", buf_str(&b));
}

/* In the form of check_spec_parse; NULL: none. */
static char *find_check(const struct container_source *s, const struct container_instance *instance)
{
	unsigned port = instance->container_port;
	const char *value = container_find_label(s, "check");

	if (value != NULL)
		return mem_dup_str(value);
	if ((value = container_find(s, port, "check_http")) != NULL)
		return mem_printf("http:%s%s", value[0] == '/' ? "" : "/", value);
	if ((value = container_find(s, port, "check_https")) != NULL)
		return mem_printf("https:%s%s", value[0] == '/' ? "" : "/", value);
	if ((value = container_find(s, port, "check_script")) != NULL)
		return fill_in(value, instance);
	if (container_is_true(container_find(s, port, "check_tcp")))
		return mem_dup_str("tcp");
	return NULL;
}

/* Its other settings: SERVICE_CHECK_INTERVAL and so on. */
static int read_settings(const struct container_source *s, unsigned port, struct check_spec *spec,
			 struct mf_err *err)
{
	static const char *const keys[] = {"interval", "timeout", "rise",
					   "fall",     "method",  "status"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		mem_auto_free char *name = mem_printf("check_%s", keys[i]);
		const char *value = container_find(s, port, name);

		if (value != NULL && check_spec_set(spec, keys[i], value, err) != 0)
			return err->code;
	}
	return 0;
}

static int judge(const struct container_source *s, const struct check_spec *spec,
		 struct mf_err *err)
{
	if (s->options->trusts_checks || (spec->kind != CHECK_EXEC && spec->host == NULL))
		return 0;
	return mf_err_set(err, MF_EDATA, "%s: only with --trust-checks",
			  spec->kind == CHECK_EXEC ? "runs a program here" : "asks another host");
}

int container_read_check(const struct container_source *s, struct container_instance *instance,
			 struct check_spec **ret_check, struct mf_err *err)
{
	mem_auto_free char *text = find_check(s, instance);
	const char *initial = container_find(s, instance->container_port, "check_initial_status");
	struct check_spec *spec;
	int code;

	if (text == NULL)
		return 0;
	if (check_spec_parse(text, &spec, err) != 0)
		return mf_err_wrap(err, "check");
	code = judge(s, spec, err);
	if (code == 0)
		code = read_settings(s, instance->container_port, spec, err);
	if (code != 0) {
		check_spec_free(spec);
		return mf_err_wrap(err, "check");
	}
	instance->is_initially_up = initial != NULL && strcasecmp(initial, "passing") == 0;
	*ret_check = spec;
	return 0;
}
