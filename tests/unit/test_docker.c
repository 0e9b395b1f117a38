/* Which containers are announced when: against an engine and an announcer that the test plays. */
#include "register/docker.h"

#include <signal.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "register/docker_api.h"
#include "register/docker_event.h"
#include "unit.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct {
	struct docker_api_events engine;
	void *ctx;
	struct strmap *announced; /* by name: what */
	struct buf asked;	  /* who is to be inspected, by first letter */
	struct docker_options options;
	struct docker *docker;
} t;

/* --- the engine, played ---------------------------------------------------------------------- */

int docker_api_start(struct loop *loop, const struct docker_api_options *options,
		     const struct docker_api_events *events, void *ctx, struct docker_api **ret_api,
		     struct mf_err *err)
{
	(void)loop;
	if (options->host != NULL)
		return mf_err_set(err, MF_ECONFIG, "no host");
	t.engine = *events;
	t.ctx = ctx;
	*ret_api = NULL;
	return 0;
}

void docker_api_stop(struct docker_api *api)
{
	(void)api;
}

void docker_api_list(struct docker_api *api)
{
	(void)api;
	buf_add_char(&t.asked, '*');
}

void docker_api_inspect(struct docker_api *api, const char *id)
{
	(void)api;
	buf_add_char(&t.asked, id[0]);
}

/* What the engine says of a container: more members of State, and of Config. */
static void is_like(const char *id, const char *state, const char *config)
{
	mem_auto_free char *json = mem_printf(
	    "{\"Id\":\"%s\",\"Name\":\"/c\",\"State\":{%s},\"Config\":{\"Image\":\"web:1\"%s},"
	    "\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":"
	    "\"32000\"}]}}}",
	    id, state, config);

	t.engine.on_container(t.ctx, id, json, strlen(json));
}

#define RUNS		 "\"Running\":true"
#define HEALTH(word)	 RUNS ",\"Health\":{\"Status\":\"" word "\"}"
#define SERVICE(service) ",\"Labels\":{\"mayfly.service\":\"" service "\"}"

static void happens(const char *id, enum docker_action action, int signo)
{
	struct docker_event event = {.action = action, .signo = signo};

	memcpy(event.id, id, DOCKER_ID_LEN);
	t.engine.on_event(t.ctx, &event);
}

/* --- the announcer, played ------------------------------------------------------------------- */

int announcer_set(struct announcer *announcer, const char *name,
		  const struct announcement *announcement, struct mf_err *err)
{
	(void)announcer;
	(void)err;
	ck_assert_int_eq(strncmp(announcement->origin, "container ", strlen("container ")), 0);
	strmap_set(t.announced, name,
		   mem_printf("%s=%s/%s%s", name, announcement->service, announcement->version,
			      announcement->state == INSTANCE_DRAIN ? " drains" : ""));
	return 0;
}

void announcer_del(struct announcer *announcer, const char *name)
{
	(void)announcer;
	(void)strmap_del(t.announced, name);
}

static void expect(const char *want)
{
	buf_auto struct buf got = BUF_INIT;
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(t.announced, &cursor, &name, &value))
		buf_printf(&got, "%s%s", got.len > 0 ? "; " : "", (char *)value);
	ck_assert_str_eq(buf_str(&got), want);
}

#define ONE "container aaaaaaaaaaaa port 80=web/1"

static void set_up(void)
{
	struct mf_err err;

	t.announced = strmap_new(free);
	t.options = (struct docker_options){
	    .container = {.node = "n1", .address = "10.0.0.5", .weight = 100}};
	ck_assert_int_eq(docker_start(NULL, NULL, &t.options, &t.docker, &err), 0);
}

static void tear_down(void)
{
	docker_stop(t.docker);
	strmap_free(t.announced);
	buf_fini(&t.asked);
}

/* --- tests ----------------------------------------------------------------------------------- */

START_TEST(comes_and_goes)
{
	happens(A, DOCKER_CHANGED, 0);
	ck_assert_str_eq(buf_str(&t.asked), "a");
	expect("");
	is_like(A, RUNS, SERVICE("web"));
	expect(ONE);
	happens(A, DOCKER_HALT, 0);
	expect("");
	ck_assert_str_eq(buf_str(&t.asked), "aa"); /* the event may be late: is it so? */
	is_like(A, "\"Running\":false", SERVICE("web"));
	expect("");
}
END_TEST

START_TEST(late_end_of_an_earlier_run)
{
	is_like(A, RUNS, SERVICE("web"));
	happens(A, DOCKER_HALT, 0);
	is_like(A, RUNS, SERVICE("web"));
	expect(ONE);
}
END_TEST

START_TEST(is_no_more)
{
	is_like(A, RUNS, SERVICE("web"));
	t.engine.on_container(t.ctx, A, NULL, 0);
	expect("");
	t.engine.on_container(t.ctx, B, NULL, 0);
}
END_TEST

START_TEST(list_asks_for_all)
{
	const char *const ids[] = {B};

	is_like(A, RUNS, SERVICE("web"));
	t.engine.on_list(t.ctx, ids, 1);
	ck_assert_str_eq(buf_str(&t.asked), "ab");
	expect(ONE); /* it may have started after the list was made */
}
END_TEST

START_TEST(engine_that_is_away_changes_nothing)
{
	struct mf_err err;

	is_like(A, RUNS, SERVICE("web"));
	(void)mf_err_set(&err, MF_EUNAVAIL, "away");
	t.engine.on_state(t.ctx, &err);
	expect(ONE);
	t.engine.on_state(t.ctx, NULL);
	expect(ONE);
}
END_TEST

START_TEST(told_to_stop)
{
	is_like(A, RUNS, SERVICE("web"));
	happens(A, DOCKER_KILL, SIGHUP);
	expect(ONE);
	happens(A, DOCKER_KILL, SIGTERM);
	expect(ONE " drains");
	is_like(A, RUNS, SERVICE("web"));
	expect(ONE " drains");
	happens(A, DOCKER_HALT, 0);
	expect("");
	is_like(A, RUNS, SERVICE("web"));
	expect(ONE); /* started again */
	happens(B, DOCKER_KILL, SIGTERM);
	expect(ONE);
}
END_TEST

START_TEST(told_to_stop_by_its_own_signal)
{
	is_like(A, RUNS, SERVICE("web") ",\"StopSignal\":\"SIGQUIT\"");
	happens(A, DOCKER_KILL, SIGQUIT);
	expect(ONE " drains");
}
END_TEST

START_TEST(health)
{
	is_like(A, HEALTH("starting"), SERVICE("web"));
	expect("");
	is_like(A, HEALTH("unhealthy"), SERVICE("web"));
	expect("");
	is_like(A, HEALTH("healthy"), SERVICE("web"));
	expect(ONE);
	is_like(A, HEALTH("unhealthy"), SERVICE("web"));
	expect("");
	is_like(A, HEALTH("healthy"), SERVICE("web"));
	expect(ONE);
}
END_TEST

START_TEST(health_that_drains)
{
	t.options.on_fail = ON_FAIL_DRAIN;
	is_like(A, HEALTH("unhealthy"), SERVICE("web"));
	expect("");
	is_like(A, HEALTH("healthy"), SERVICE("web"));
	is_like(A, HEALTH("unhealthy"), SERVICE("web"));
	expect(ONE " drains");
	is_like(A, HEALTH("healthy"), SERVICE("web"));
	expect(ONE);
	happens(A, DOCKER_HALT, 0);
	is_like(A, HEALTH("unhealthy"), SERVICE("web"));
	expect(""); /* started again, it was not up yet */
}
END_TEST

START_TEST(paused)
{
	is_like(A, RUNS, SERVICE("web"));
	is_like(A, RUNS ",\"Paused\":true", SERVICE("web"));
	expect("");
	is_like(A, RUNS, SERVICE("web"));
	expect(ONE);
}
END_TEST

START_TEST(port_that_is_there_no_more)
{
	is_like(A, RUNS, SERVICE("web"));
	is_like(A, RUNS, ",\"Labels\":{\"mayfly.service\":\"web\",\"mayfly.port\":\"90\"}");
	expect("");
	is_like(A, RUNS, ",\"Labels\":{\"mayfly.service\":\"web\",\"mayfly.port\":\"80\"}");
	expect(ONE);
	is_like(A, RUNS, ",\"Labels\":{\"mayfly.service\":\"web\",\"mayfly.ignore\":\"1\"}");
	expect("");
}
END_TEST

START_TEST(answer_that_cannot_be_read)
{
	is_like(A, RUNS, SERVICE("web"));
	t.engine.on_container(t.ctx, A, "{", 1);
	expect(ONE);
	t.engine.on_container(t.ctx, A, "[]", 2);
	expect(ONE);
}
END_TEST

START_TEST(answer_for_another)
{
	mem_auto_free char *json =
	    mem_printf("{\"Id\":\"%s\",\"Name\":\"/c\",\"State\":{%s}}", B, RUNS);

	is_like(A, RUNS, SERVICE("web"));
	t.engine.on_container(t.ctx, A, json, strlen(json));
	expect(ONE);
}
END_TEST

START_TEST(engine_that_cannot_be)
{
	struct docker_options options = {.host = "x"};
	struct docker *docker = NULL;
	struct mf_err err;

	ck_assert_int_eq(docker_start(NULL, NULL, &options, &docker, &err), MF_ECONFIG);
	ck_assert_ptr_null(docker);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("docker");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, comes_and_goes);
	tcase_add_test(tc, late_end_of_an_earlier_run);
	tcase_add_test(tc, is_no_more);
	tcase_add_test(tc, list_asks_for_all);
	tcase_add_test(tc, engine_that_is_away_changes_nothing);
	tcase_add_test(tc, told_to_stop);
	tcase_add_test(tc, told_to_stop_by_its_own_signal);
	tcase_add_test(tc, health);
	tcase_add_test(tc, health_that_drains);
	tcase_add_test(tc, paused);
	tcase_add_test(tc, port_that_is_there_no_more);
	tcase_add_test(tc, answer_that_cannot_be_read);
	tcase_add_test(tc, answer_for_another);
	tcase_add_test(tc, engine_that_cannot_be);
	return unit_run("docker", tc);
}
