/* Checks of the kind tcp: somebody takes a connection.  Nothing is sent. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "model/name.h"
#include "register/check_kind.h"
#include "sys/connect.h"

static int parse(const char *text, struct check_spec *spec, struct mf_err *err)
{
	if (text[0] == '\0')
		return 0;
	if (strchr(text + 1, ':') == NULL)
		return check_spec_parse_port(text + 1, &spec->port, err);
	return name_parse_endpoint(text + 1, strlen(text + 1), &spec->host, &spec->port, err);
}

static char *parse_word(const char *value, const struct check_target *target)
{
	(void)target;
	if (strcmp(value, "0") == 0 || strcasecmp(value, "no") == 0 ||
	    strcasecmp(value, "false") == 0)
		return NULL;
	return mem_dup_str("tcp");
}

static char *describe(const struct probe *p)
{
	mem_auto_free char *endpoint = probe_endpoint(p);

	return mem_printf("tcp %s", endpoint);
}

static void stop(struct probe *p)
{
	connect_cancel(p->under_way);
	p->under_way = NULL;
}

static void on_done(void *ctx, int error)
{
	struct probe *p = ctx;

	p->under_way = NULL;
	probe_finish(p, error == 0 ? PROBE_PASSED : PROBE_FAILED,
		     error == 0 ? NULL : strerror(error));
}

static void start(struct probe *p)
{
	struct connect *question;
	int error = connect_start(p->loop, probe_address(p), probe_port(p), on_done, p, &question);

	if (error == 0)
		p->under_way = question;
	else
		probe_finish_soon(p, connect_is_our_fault(error) ? PROBE_NOT_ASKED : PROBE_FAILED,
				  strerror(error));
}

const struct check_kind check_tcp = {
    .name = "tcp",
    .form = "tcp, tcp:PORT, tcp:ADDRESS:PORT",
    .word = "tcp",
    .is_bare = true,
    .parse = parse,
    .parse_word = parse_word,
    .describe = describe,
    .start = start,
    .stop = stop,
};
