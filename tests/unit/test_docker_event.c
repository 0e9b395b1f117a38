/* Docker's events: what is asked for after which. */
#include "register/docker_event.h"

#include <signal.h>
#include <string.h>

#include "base/err.h"

#include "unit.h"

#define ID "83021f7b637b899695404ee8d2f097fd22d27b5fdc4a7dfdd8de9a3941a0c75f"
#define EVENT(type, action, id, attributes)                                                        \
	"{\"Type\":\"" type "\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id                 \
	"\",\"Attributes\":{" attributes "}},\"time\":1795271701}"
#define CONTAINER(action) EVENT("container", action, ID, "\"image\":\"web:1.2\",\"name\":\"a\"")

static const struct {
	const char *line;
	enum docker_action action;
	int signo;
} events[] = {
    {CONTAINER("start"), DOCKER_CHANGED, 0},
    {CONTAINER("unpause"), DOCKER_CHANGED, 0},
    {CONTAINER("rename"), DOCKER_CHANGED, 0},
    {CONTAINER("health_status: healthy"), DOCKER_CHANGED, 0},
    {CONTAINER("health_status"), DOCKER_CHANGED, 0},
    {CONTAINER("die"), DOCKER_HALT, 0},
    {CONTAINER("pause"), DOCKER_HALT, 0},
    {CONTAINER("destroy"), DOCKER_HALT, 0},
    {EVENT("container", "kill", ID, "\"signal\":\"15\""), DOCKER_KILL, SIGTERM},
    {EVENT("container", "kill", ID, "\"signal\":\"many\""), DOCKER_KILL, 0},
    {EVENT("network", "connect", "e0d963ebd06c", "\"container\":\"" ID "\""), DOCKER_CHANGED, 0},
    {EVENT("network", "disconnect", "e0d963ebd06c", "\"container\":\"" ID "\""), DOCKER_CHANGED, 0},
    /* none of ours */
    {CONTAINER("exec_create: true"), DOCKER_NOTHING, 0},
    {CONTAINER("starting"), DOCKER_NOTHING, 0},
    {CONTAINER("star"), DOCKER_NOTHING, 0},
    {EVENT("network", "create", ID, ""), DOCKER_NOTHING, 0},
    {EVENT("network", "start", ID, "\"container\":\"" ID "\""), DOCKER_NOTHING, 0},
    {EVENT("container", "start", "../../images", ""), DOCKER_NOTHING, 0},
    {EVENT("container", "start", "", ""), DOCKER_NOTHING, 0},
    {"{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":[]}", DOCKER_NOTHING, 0},
    {"{}", DOCKER_NOTHING, 0},
};

START_TEST(what_it_asks_for)
{
	struct docker_event event = {0};
	struct mf_err err;

	ck_assert_int_eq(docker_event_parse(events[_i].line, strlen(events[_i].line), &event, &err),
			 0);
	ck_assert_int_eq(event.action, events[_i].action);
	ck_assert_int_eq(event.signo, events[_i].signo);
	ck_assert_str_eq(event.id, event.action == DOCKER_NOTHING ? "" : ID);
}
END_TEST

START_TEST(no_event)
{
	static const char *const lines[] = {"", "[]", "\"start\"", "{\"Type\":", "{} {}"};
	struct docker_event event;
	struct mf_err err;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_int_eq(docker_event_parse(lines[i], strlen(lines[i]), &event, &err),
				 MF_EDATA);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("docker_event");

	tcase_add_loop_test(tc, what_it_asks_for, 0, (int)(sizeof(events) / sizeof(events[0])));
	tcase_add_test(tc, no_event);
	return unit_run("docker_event", tc);
}
