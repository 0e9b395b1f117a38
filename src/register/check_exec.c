/* Checks of the kind exec: a program ends with status 0.  No shell reads it. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "register/check_kind.h"
#include "sys/child.h"

enum {
	MAX_ARGS = 64,
	MAX_OUTPUT = 1024,
	MAX_SHOWN = 200, /* of it, in a reason */
};

/* --- what to ask ------------------------------------------------------------------------------ */

static int parse(const char *s, struct check_spec *spec, struct mf_err *err)
{
	if (s[0] == ':')
		s++;
	if (str_has_control(s))
		return check_spec_refuse(s, err, "a control character");
	for (s += strspn(s, " "); *s != '\0'; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		strlist_add_bytes(&spec->argv, s, len);
		s += len;
	}
	if (spec->argv == NULL)
		return mf_err_set(err, MF_EDATA, "a program is missing after exec:");
	if (strlist_count(spec->argv) > MAX_ARGS)
		return mf_err_set(err, MF_EDATA, "more than %d words after exec:", MAX_ARGS);
	return 0;
}

/* registrator's script, with its $SERVICE_IP and $SERVICE_PORT filled in. */
static char *parse_word(const char *script, const struct check_target *target)
{
	buf_auto struct buf b = BUF_INIT;

	buf_add_str(&b, "exec:");
	while (script[0] != '\0') {
		if (str_has_prefix(script, "$SERVICE_IP")) {
			buf_add_str(&b, target->address);
			script += strlen("$SERVICE_IP");
		} else if (str_has_prefix(script, "$SERVICE_PORT")) {
			buf_printf(&b, "%u", target->port);
			script += strlen("$SERVICE_PORT");
		} else {
			buf_add_char(&b, *script++);
		}
	}
	return buf_take(&b);
}

static char *describe(const struct probe *p)
{
	return mem_printf("exec %s", p->spec->argv[0]);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void on_child(void *ctx, const struct child_result *result)
{
	struct probe *p = ctx;
	size_t len = strcspn(result->output, "\r\n"); /* the first line of what it said */
	buf_auto struct buf why = BUF_INIT;

	p->under_way = NULL;
	if (p->is_finished) /* it was late; now it has gone at last */
		return;
	if (result->status > 128)
		buf_printf(&why, "killed by signal %d", result->status - 128);
	else
		buf_printf(&why, "exit status %d", result->status);
	if (len > 0)
		buf_add_str(&why, ": ");
	str_add_escaped(&why, result->output, len < MAX_SHOWN ? len : MAX_SHOWN);
	probe_finish(p, result->status == 0 ? PROBE_PASSED : PROBE_FAILED,
		     result->status == 0 ? NULL : why.data);
}

static void add_variable(char ***env, const char *name, const char *value)
{
	mem_auto_free char *variable = mem_printf("%s=%s", name, value == NULL ? "" : value);

	strlist_add(env, variable);
}

static void start(struct probe *p)
{
	const struct check_target *target = p->target;
	mem_auto_free char *port = mem_printf("%u", target->port);
	char **env = NULL;
	struct child_options options = {
	    .argv = (const char *const *)p->spec->argv,
	    .max_output = MAX_OUTPUT,
	    .deadline_ms = p->spec->timeout_ms,
	};

	add_variable(&env, "MAYFLY_SERVICE", target->service);
	add_variable(&env, "MAYFLY_VERSION", target->version);
	add_variable(&env, "MAYFLY_INSTANCE", target->instance);
	add_variable(&env, "MAYFLY_ADDRESS", target->address);
	add_variable(&env, "PORT", port);
	options.env = (const char *const *)env;
	p->under_way = child_start(p->loop, &options, on_child, p);
	strlist_free(env);
}

static void stop(struct probe *p)
{
	child_cancel(p->under_way);
	p->under_way = NULL;
}

const struct check_kind check_exec = {
    .name = "exec",
    .form = "exec:PROGRAM [ARG...]",
    .word = "script",
    .is_program = true,
    .parse = parse,
    .parse_word = parse_word,
    .describe = describe,
    .start = start,
    .stop = stop,
};
