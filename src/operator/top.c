/* mayfly top: how many requests each version of each environment gets, and how it answers them. */
#include "operator/top.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "operator/call.h"
#include "operator/command.h"
#include "operator/doc.h"
#include "operator/live_env.h"
#include "operator/look.h"
#include "operator/sources.h"
#include "operator/tally.h"
#include "operator/tapped.h"
#include "sys/loop.h"

#define INTERVAL_MS 2000

struct topping {
	struct call *call;
	struct span env; /* len 0: all */
	struct tally *tally;
	struct looking *looking;
	struct loop_timer *timer;
	int64_t since_us; /* by loop_now_us */
	struct mf_err err;
};

/* --- what is shown ---------------------------------------------------------------------------- */

static int64_t per_second(size_t requests, int64_t interval_ms)
{
	return ((int64_t)requests * 1000 + interval_ms / 2) / interval_ms;
}

/* "12.5", with all its digits for people, who read a small rate, too. */
static void add_rate(struct node *cells, size_t requests, int64_t interval_ms)
{
	mem_auto_free char *rate =
	    mem_printf("%.1f", (double)requests * 1000 / (double)interval_ms);

	doc_add_text(cells, "rate", rate);
}

static void add_share(struct node *cells, const char *key, size_t part, size_t whole)
{
	mem_auto_free char *share = part == 0
					? mem_dup_str("0%")
					: mem_printf("%.1f%%", 100 * (double)part / (double)whole);

	doc_add_text(cells, key, share);
}

static void add_name(struct node *row, const char *key, const char *name)
{
	if (name[0] != '\0')
		doc_add_text(row, key, name);
}

static void add_row(struct node *list, struct node *cells, const struct tally_row *t,
		    int64_t interval_ms)
{
	struct node *row = doc_add_map(list, NULL), *cell = doc_add_map(cells, NULL);
	mem_auto_free char *name = mem_printf("%s:%s", t->service, t->version);

	add_name(row, "environment", t->environment);
	add_name(row, "service", t->service);
	add_name(row, "version", t->version);
	doc_add_int(row, "requests", (int64_t)t->requests);
	doc_add_int(row, "per_second", per_second(t->requests, interval_ms));
	doc_add_int(row, "errors_4xx", (int64_t)t->errors_4xx);
	doc_add_int(row, "errors_5xx", (int64_t)t->errors_5xx);
	doc_add_int(row, "p50_ms", t->p50_ms);
	doc_add_int(row, "p95_ms", t->p95_ms);
	add_name(cell, "environment", t->environment);
	add_name(cell, "name", t->service[0] == '\0' ? "" : name);
	add_rate(cell, t->requests, interval_ms);
	add_share(cell, "4xx", t->errors_4xx, t->requests);
	add_share(cell, "5xx", t->errors_5xx, t->requests);
	doc_add_int(cell, "p50", t->p50_ms);
	doc_add_int(cell, "p95", t->p95_ms);
}

void top_fill(struct look *look, struct tally *tally, int64_t interval_ms)
{
	static const struct show_column columns[] = {
	    {"ENVIRONMENT", "environment", false},
	    {"SERVICE", "name", false},
	    {"REQUESTS/S", "rate", false},
	    {"4XX", "4xx", false},
	    {"5XX", "5xx", false},
	    {"P50 MS", "p50", false},
	    {"P95 MS", "p95", false},
	};
	const struct tally_row *const *rows;
	size_t count = tally_list(tally, &rows);
	struct node *list, *cells;

	doc_add_int(look->doc, "interval_ms", interval_ms);
	doc_add_int(look->doc, "missed", tally_missed(tally));
	list = doc_add_list(look->doc, "versions");
	cells = doc_add_list(look->cells, "rows");
	for (size_t i = 0; i < count; i++)
		add_row(list, cells, rows[i], interval_ms);
	if (count == 0)
		buf_printf(&look->after, "There was no request in %.1f seconds.\n",
			   (double)interval_ms / 1000);
	if (tally_missed(tally) > 0)
		buf_printf(&look->after, "\n%lld further requests came too fast to be counted.\n",
			   (long long)tally_missed(tally));
	LOOK_ADD_TABLE(look, NULL, "rows", columns);
	look->names = "versions";
	look->name_keys[0] = "environment";
	look->name_keys[1] = "service";
	look->name_keys[2] = "version";
}

/* --- what comes ------------------------------------------------------------------------------- */

static void stop(struct topping *topping)
{
	loop_stop(topping->call->loop);
}

static void on_line(void *ctx, const char *node, struct span line)
{
	struct topping *topping = ctx;
	struct tapped tapped;
	unsigned count;

	(void)node;
	if (tapped_parse_missed(line, &count))
		tally_add_missed(topping->tally, count);
	else if (tapped_parse(line, &tapped) &&
		 (topping->env.len == 0 || span_compare(topping->env, tapped.environment) == 0))
		tally_add(topping->tally, &tapped);
}

static void on_pause(void *ctx)
{
	(void)ctx;
}

static int64_t interval_ms(const struct topping *topping)
{
	int64_t wanted = topping->call->options.for_ms;

	return wanted == 0 ? INTERVAL_MS : wanted;
}

static void begin(void *ctx)
{
	struct topping *topping = ctx;

	tally_clear(topping->tally);
	topping->since_us = loop_now_us();
	loop_timer_set(topping->timer, interval_ms(topping));
}

static void on_failed(void *ctx, const struct mf_err *err)
{
	struct topping *topping = ctx;

	topping->err = *err;
	stop(topping);
}

static int fill(struct look *look, const struct reading *reading, struct mf_err *err)
{
	const struct topping *topping = look->ctx;
	int64_t ms = (loop_now_us() - topping->since_us) / 1000;

	(void)reading;
	(void)err;
	top_fill(look, topping->tally, ms < 1 ? 1 : ms);
	return 0;
}

static void on_time(void *ctx)
{
	struct topping *topping = ctx;

	if (look_again(topping->looking, &topping->err) != 0 || !topping->call->options.watch)
		stop(topping);
	else
		begin(topping);
}

/* --- the command ------------------------------------------------------------------------------ */

static int run(struct call *call, struct mf_err *err)
{
	static const struct sources_events events = {on_line, on_pause, begin, on_failed};
	struct topping topping = {.call = call};
	struct sources *sources;

	if (call->argc > 0 && live_env_check(call, call->argv[0], err) != 0)
		return err->code;
	if (call->argc > 0)
		topping.env = span_of(call->argv[0]);
	topping.tally = tally_new();
	topping.looking = look_open(call, fill, &topping);
	topping.timer = loop_timer_new(call->loop, on_time, &topping);
	sources = sources_new(call, &events, &topping);
	(void)loop_run(call->loop, &topping.err);
	sources_free(sources);
	loop_timer_free(topping.timer);
	look_close(topping.looking);
	tally_free(topping.tally);
	*err = topping.err;
	return err->code;
}

static const struct command commands[] = {
    {"", NULL, "[ENV]", 0, 1, TAKES_ONLINE | TAKES_FOR,
     "count requests for two seconds: rates, errors and times of each version", .run = run},
    {0},
};
const struct noun noun_top = {"top", NULL, commands};
