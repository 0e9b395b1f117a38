/* HTTP to each node of the fleet.  Knows nothing of what is asked for. */
#include "operator/elsewhere.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "model/settings.h"
#include "operator/call.h"
#include "operator/fleet.h"
#include "operator/reading.h"
#include "sys/http.h"
#include "sys/loop.h"

#define TIMEOUT_MS 5000

/* One request. */
struct question {
	struct asking *asking;
	struct elsewhere_answer *answer;
	struct http_request *request; /* NULL: it is over, or was never sent */
	char *url;
};

struct asking {
	struct loop *loop;
	struct question *questions;
	size_t count, waiting;
};

void elsewhere_fini(struct elsewhere *elsewhere)
{
	for (size_t i = 0; i < elsewhere->count; i++) {
		free(elsewhere->answers[i].text);
		free(elsewhere->answers[i].reason);
	}
	free(elsewhere->answers);
	*elsewhere = (struct elsewhere){.answers = NULL};
}

/* --- whom to ask ------------------------------------------------------------------------------ */

/* NULL, with the reason: it says no such address. */
static char *find_url(const char *value, const char *path, char **ret_reason)
{
	struct node *report = fleet_parse_report(value, strlen(value));
	const char *address;
	char *url = NULL;

	if (report == NULL) {
		*ret_reason = mem_dup_str("its report cannot be read");
		return NULL;
	}
	address = node_text_at(report, "metrics", "");
	if (address[0] == '\0')
		*ret_reason = mem_dup_str("its kvwatch has no metrics_bind");
	else
		url = mem_printf("http://%s%s", address, path);
	node_free(report);
	return url;
}

static struct elsewhere_answer *add_answer(struct elsewhere *elsewhere, const char *node)
{
	elsewhere->answers =
	    mem_realloc(elsewhere->answers, elsewhere->count + 1, sizeof(*elsewhere->answers));
	elsewhere->answers[elsewhere->count] = (struct elsewhere_answer){.node = node};
	return &elsewhere->answers[elsewhere->count++];
}

/* Those that report, and then those that should. */
static void add_all(const struct reading *reading, const char *but, struct elsewhere *elsewhere)
{
	const char *name, *value;
	void *cursor = NULL;

	while (reading_next(reading, "nodes/", &cursor, &name, &value))
		if (but == NULL || strcmp(name, but) != 0)
			(void)add_answer(elsewhere, name);
	cursor = NULL;
	while (reading_next(reading, "fleet/", &cursor, &name, &value)) {
		mem_auto_free char *key = mem_printf("nodes/%s", name);

		if (reading_find(reading, key) == NULL && (but == NULL || strcmp(name, but) != 0))
			add_answer(elsewhere, name)->reason = mem_dup_str("no kvwatch reports");
	}
}

/* --- asking ----------------------------------------------------------------------------------- */

static void end(struct question *question)
{
	question->request = NULL;
	if (--question->asking->waiting == 0)
		loop_stop(question->asking->loop);
}

static void on_done(void *ctx, const struct http_reply *reply, const struct mf_err *err)
{
	struct question *question = ctx;
	struct elsewhere_answer *answer = question->answer;

	if (err != NULL)
		answer->reason = mem_dup_str(err->msg);
	else if (reply->status == 200)
		answer->text = mem_dup_bytes(reply->body, reply->body_len);
	else
		answer->reason = mem_printf("its kvwatch answers %d: %.*s", reply->status,
					    (int)strcspn(reply->body, "\r\n"), reply->body);
	end(question);
}

static void start(struct question *question, const struct call *call, size_t max_reply)
{
	mem_auto_free char *token =
	    mem_printf("Authorization: Bearer %s", call->settings->status_token);
	const char *headers[] = {token, NULL};
	const struct http_options options = {
	    .method = "GET",
	    .url = question->url,
	    .headers = headers,
	    .deadline_ms =
		call->options.timeout_ms > 0 ? call->options.timeout_ms : (int64_t)TIMEOUT_MS,
	    .max_body = max_reply,
	};

	question->asking->waiting++;
	question->request = http_start(call->loop, &options, on_done, question);
}

static int wait_for_all(struct asking *asking, struct mf_err *err)
{
	int code = asking->waiting == 0 ? 0 : loop_run(asking->loop, err);

	for (size_t i = 0; i < asking->count; i++) {
		http_cancel(asking->questions[i].request);
		free(asking->questions[i].url);
	}
	if (code == 0 && asking->waiting != 0)
		code = mf_err_set(err, MF_EFAIL, "interrupted");
	free(asking->questions);
	return code;
}

int elsewhere_ask(struct call *call, const struct reading *reading, const char *but,
		  const char *path, size_t max_reply, struct elsewhere *ret, struct mf_err *err)
{
	struct elsewhere all = {.answers = NULL};
	struct asking asking = {.loop = call->loop};
	int code;

	add_all(reading, but, &all);
	asking.questions = mem_alloc(all.count * sizeof(*asking.questions));
	asking.count = all.count;
	for (size_t i = 0; i < all.count; i++) {
		struct elsewhere_answer *answer = &all.answers[i];
		mem_auto_free char *key = mem_printf("nodes/%s", answer->node);

		asking.questions[i] = (struct question){.asking = &asking, .answer = answer};
		if (answer->reason == NULL && call->settings->status_token[0] == '\0')
			answer->reason = mem_dup_str("the settings here have no status_token");
		if (answer->reason != NULL)
			continue;
		asking.questions[i].url =
		    find_url(reading_find(reading, key), path, &answer->reason);
		if (asking.questions[i].url != NULL)
			start(&asking.questions[i], call, max_reply);
	}
	code = wait_for_all(&asking, err);
	if (code != 0)
		elsewhere_fini(&all);
	else
		*ret = all;
	return code;
}
