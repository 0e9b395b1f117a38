/* Logins and changes: a session's cookie, a token in each request, and a job for etcd. */
#include "console/edits.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/form.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "console/answer.h"
#include "console/guard.h"
#include "console/jobs.h"
#include "console/session.h"
#include "model/settings.h"
#include "sys/httpd.h"
#include "sys/httpd_request.h"
#include "sys/loop.h"

#define TYPE_JSON    "application/json"
#define MAX_OPERANDS ((size_t)32)
#define MAX_TYPED    ((size_t)500)
#define FAILED_MS    1000 /* in which nobody else may try a password */
#define COOKIE	     "Set-Cookie: " SESSION_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s\r\n"

static const struct {
	const char *words[2];
} allowed[] = {
    {{"env", "set"}},	     {{"env", "delete"}},     {{"env", "keep"}},
    {{"env", "undo"}},	     {{"env", "restore"}},    {{"route", "set"}},
    {{"instance", "drain"}}, {{"instance", "maint"}}, {{"instance", "up"}},
};

struct edits {
	struct loop *loop;
	struct httpd *httpd;
	const struct settings *settings;
	struct sessions *sessions;
	struct jobs *jobs;
	int64_t failed_at; /* a login; 0: none has */
	bool is_free;	   /* everybody may write, where etcd asks nobody */
};

static void put_session(struct buf *json, const struct edits *edits, const struct session *session)
{
	json_open(json, NULL, '{');
	json_put_bool(json, "can_write", session != NULL);
	json_put_bool(json, "is_free", edits->is_free);
	if (session != NULL) {
		json_put(json, "csrf", session->csrf);
		json_put(json, "user", session->user == NULL ? "" : session->user);
	}
	json_close(json, '}');
}

static void on_done(void *ctx, const struct job *job, const struct buf *json,
		    const struct mf_err *err)
{
	struct edits *edits = ctx;
	buf_auto struct buf body = BUF_INIT, headers = BUF_INIT;
	const char *type;
	int status = answer_status(err == NULL ? 0 : err->code);

	if (err != NULL) {
		(void)answer_refuse(status, err->msg, &body, &type);
	} else if (job->words[0] == NULL) {
		const struct session *session =
		    sessions_add(edits->sessions, job->user, job->password, loop_now(edits->loop));

		buf_printf(&headers, COOKIE, session->cookie, "");
		put_session(&body, edits, session);
	} else {
		buf_add(&body, buf_str(json), json->len);
	}
	if (err != NULL && job->words[0] == NULL)
		edits->failed_at = loop_now(edits->loop);
	httpd_answer_as(edits->httpd, job->client, status, TYPE_JSON, buf_str(&headers), &body);
}

struct edits *edits_new(struct loop *loop, struct httpd *httpd, const struct settings *settings,
			bool is_private)
{
	static const struct jobs_events events = {on_done};
	struct edits *edits = MEM_NEW(edits);

	*edits = (struct edits){.loop = loop, .httpd = httpd, .settings = settings};
	edits->is_free =
	    is_private && settings->console.allow_writes && settings->etcd.user == NULL;
	edits->sessions = sessions_new();
	edits->jobs = jobs_new(loop, settings, &events, edits);
	return edits;
}

void edits_free(struct edits *edits)
{
	if (edits == NULL)
		return;
	sessions_free(edits->sessions);
	jobs_free(edits->jobs);
	free(edits);
}

static int start(struct edits *edits, const struct job *job, struct buf *ret_body,
		 const char **ret_type)
{
	if (jobs_add(edits->jobs, job))
		return HTTPD_LATER;
	return answer_refuse(503, "too many requests at once: try again", ret_body, ret_type);
}

/* --- what may be posted ----------------------------------------------------------------------- */

/* The reason why no other page can have sent it; NULL: one may have. */
static const char *find_fault(const struct httpd_request *request)
{
	const char *type = httpd_request_find(request, "content-type");
	const char *site = httpd_request_find(request, "sec-fetch-site");

	if (httpd_request_count(request, "content-type") != 1 ||
	    strncasecmp(type, TYPE_JSON, strlen(TYPE_JSON)) != 0)
		return "the Content-Type must be " TYPE_JSON;
	if (!guard_is_same_origin(httpd_request_find(request, "origin"),
				  httpd_request_find(request, "host")) ||
	    (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0))
		return "it comes from another page";
	return NULL;
}

static int log_in(struct edits *edits, const struct node *body, struct buf *ret_body,
		  const char **ret_type)
{
	struct job job = {.client = httpd_client(edits->httpd),
			  .user = node_text_at(body, "user", NULL),
			  .password = node_text_at(body, "password", NULL)};

	if (edits->is_free)
		job.user = job.password = NULL;
	else if (job.user == NULL || job.password == NULL || job.user[0] == '\0')
		return answer_refuse(400, "user and password are missing", ret_body, ret_type);
	if (edits->failed_at != 0 && loop_now(edits->loop) - edits->failed_at < FAILED_MS)
		return answer_refuse(429, "a login has just failed: try again in a second",
				     ret_body, ret_type);
	return start(edits, &job, ret_body, ret_type);
}

static int log_out(struct edits *edits, const struct session *session, struct buf *ret_body,
		   const char **ret_type)
{
	sessions_end(edits->sessions, session);
	buf_printf(httpd_headers(edits->httpd), COOKIE, "", "; Max-Age=0");
	*ret_type = TYPE_JSON;
	put_session(ret_body, edits, NULL);
	return 200;
}

static bool find_command(const char *text, struct job *job)
{
	for (size_t i = 0; text != NULL && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		mem_auto_free char *name =
		    mem_printf("%s %s", allowed[i].words[0], allowed[i].words[1]);

		if (strcmp(name, text) != 0)
			continue;
		job->words[0] = allowed[i].words[0];
		job->words[1] = allowed[i].words[1];
		return true;
	}
	return false;
}

static int obey(struct edits *edits, const struct session *session, const struct node *body,
		struct buf *ret_body, const char **ret_type)
{
	const struct node *list = node_find(body, "operands");
	const char *command = node_text_at(body, "command", NULL);
	const char *for_text = node_text_at(body, "for", NULL);
	struct job job = {.client = httpd_client(edits->httpd),
			  .user = session->user,
			  .password = session->password,
			  .dry_run = node_is_true(node_find(body, "dry_run"))};
	buf_auto struct buf typed = BUF_INIT;
	int status;

	if (!find_command(command, &job))
		return answer_refuse(400, "the console gives no such command", ret_body, ret_type);
	if (for_text != NULL && (!str_parse_duration(for_text, &job.for_ms) || job.for_ms <= 0))
		return answer_refuse(400, "for: not a time such as 2d", ret_body, ret_type);
	buf_printf(&typed, "mayfly %s", command);
	for (size_t i = 0; i < node_count(list, NODE_LIST); i++) {
		const char *operand = node_text(&list->children[i]);

		if (operand == NULL || i == MAX_OPERANDS || typed.len > MAX_TYPED) {
			strlist_free(job.operands);
			return answer_refuse(400, "operands: must be a short list of strings",
					     ret_body, ret_type);
		}
		strlist_add(&job.operands, operand);
		buf_printf(&typed, " %s", operand);
	}
	job.typed = buf_str(&typed);
	status = start(edits, &job, ret_body, ret_type);
	strlist_free(job.operands);
	return status;
}

static int post(struct edits *edits, const char *path, struct buf *ret_body, const char **ret_type)
{
	static const struct json_bounds bounds = {.max_bytes = 16384, .max_depth = 4};
	const struct httpd_request *request = httpd_request(edits->httpd);
	const struct session *session = sessions_find(
	    edits->sessions, httpd_request_find(request, "cookie"), loop_now(edits->loop));
	const char *fault = find_fault(request);
	struct node *body = NULL;
	struct mf_err err;
	int status;

	if (fault != NULL)
		return answer_refuse(403, fault, ret_body, ret_type);
	if (json_parse(request->body, request->body_len, &bounds, &body, &err) != 0)
		return answer_refuse(400, err.msg, ret_body, ret_type);
	if (strcmp(path, "login") == 0)
		status = log_in(edits, body, ret_body, ret_type);
	else if (session == NULL)
		status = answer_refuse(401, "nobody has logged in", ret_body, ret_type);
	else if (!session_has_token(session, httpd_request_find(request, "x-csrf-token")))
		status = answer_refuse(403, "x-csrf-token is not that of the session", ret_body,
				       ret_type);
	else if (strcmp(path, "logout") == 0)
		status = log_out(edits, session, ret_body, ret_type);
	else if (strcmp(path, "run") == 0)
		status = obey(edits, session, body, ret_body, ret_type);
	else
		status = answer_refuse(404, "nothing can be posted here", ret_body, ret_type);
	node_free(body);
	return status;
}

/* environments/NAME/history; the reading has none of it. */
static int ask_history(struct edits *edits, const char *name, size_t len, struct buf *ret_body,
		       const char **ret_type)
{
	struct job job = {.client = httpd_client(edits->httpd), .words = {"env", "history"}};
	buf_auto struct buf decoded = BUF_INIT;
	int status;

	form_add_decoded_path(&decoded, name, len);
	strlist_add(&job.operands, buf_str(&decoded));
	status = start(edits, &job, ret_body, ret_type);
	strlist_free(job.operands);
	return status;
}

int edits_answer(struct edits *edits, const char *path, struct buf *ret_body, const char **ret_type)
{
	static const char before[] = "environments/", behind[] = "/history";
	const struct httpd_request *request = httpd_request(edits->httpd);

	if (strcmp(request->method, "POST") == 0)
		return post(edits, path, ret_body, ret_type);
	if (strcmp(path, "session") == 0) {
		*ret_type = TYPE_JSON;
		put_session(ret_body, edits,
			    sessions_find(edits->sessions, httpd_request_find(request, "cookie"),
					  loop_now(edits->loop)));
		return 200;
	}
	if (str_has_prefix(path, before) && str_has_suffix(path, behind) &&
	    strlen(path) > strlen(before) + strlen(behind))
		return ask_history(edits, path + strlen(before),
				   strlen(path) - strlen(before) - strlen(behind), ret_body,
				   ret_type);
	return EDITS_NONE;
}
