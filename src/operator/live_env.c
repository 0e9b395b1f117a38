/* Looks for an environment in HAProxy's map of them. */
#include "operator/live_env.h"

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/strmap.h"
#include "model/settings.h"
#include "operator/call.h"
#include "operator/named.h"
#include "operator/runtime.h"

/* "0x55d0c8 prod prod@abc" a line */
static struct strmap *parse(const char *reply)
{
	struct strmap *names = strmap_new(NULL);
	struct span rest = span_of(reply), line;

	while (span_take_line(&rest, &line)) {
		struct span name;

		(void)span_take_word(&line);
		name = span_take_word(&line);
		if (name.len > 0) {
			mem_auto_free char *copy = mem_dup_bytes(name.at, name.len);

			strmap_set(names, copy, names);
		}
	}
	return names;
}

int live_env_check(struct call *call, const char *env, struct mf_err *err)
{
	static const char *const words[] = {"show", "map", "maps/environments.map", NULL};
	mem_auto_free char *reply = NULL;
	struct strmap *names;
	int code = runtime_ask(call, words, &reply, err);

	if (code != 0)
		return call->settings->status_token[0] != '\0' && code != MF_EFAIL ? 0 : code;
	names = parse(reply);
	if (strmap_find(names, env) == NULL)
		code = named_refuse_key("environment", env, names, err);
	strmap_free(names);
	return code;
}
