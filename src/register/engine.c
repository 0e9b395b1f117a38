/* The address of a Docker engine, and what it is asked. */
#include "register/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "register/docker_event.h"

enum {
	DEADLINE_MS = 20000, /* an engine under load is slow */
	REASON_MAX = 256,
};

#define DEFAULT_HOST "unix:///var/run/docker.sock"

struct engine {
	struct loop *loop;
	char *base;	 /* "http://docker", "https://10.0.0.5:2376" */
	char *unix_path; /* NULL: TCP */
	char *ca_file, *cert_file, *key_file;
	struct http_tls tls; /* of these */
};

static void set_tls(struct engine *engine, const char *cert_path)
{
	engine->ca_file = mem_printf("%s/ca.pem", cert_path);
	engine->cert_file = mem_printf("%s/cert.pem", cert_path);
	engine->key_file = mem_printf("%s/key.pem", cert_path);
	engine->tls = (struct http_tls){engine->ca_file, engine->cert_file, engine->key_file};
}

static int parse_host(struct engine *engine, const char *text, const char *cert_path,
		      struct mf_err *err)
{
	const char *rest;

	if (text == NULL || text[0] == '\0')
		text = DEFAULT_HOST;
	if (str_has_prefix(text, "unix:///")) {
		engine->unix_path = mem_dup_str(text + strlen("unix://"));
		engine->base = mem_dup_str("http://docker");
		return 0;
	}
	rest = text + strlen("tcp://");
	if (!str_has_prefix(text, "tcp://") || rest[0] == '\0' || strpbrk(rest, "/?#@ ") != NULL)
		return mf_err_set(
		    err, MF_ECONFIG,
		    "Docker host \"%.128s\": neither unix:///PATH nor tcp://HOST:PORT", text);
	engine->base = mem_printf("%s://%s", cert_path == NULL ? "http" : "https", rest);
	if (cert_path != NULL)
		set_tls(engine, cert_path);
	return 0;
}

int engine_open(struct loop *loop, const char *host, const char *cert_path,
		struct engine **ret_engine, struct mf_err *err)
{
	struct engine *engine = MEM_NEW(engine);

	engine->loop = loop;
	if (parse_host(engine, host, cert_path, err) != 0) {
		engine_close(engine);
		return err->code;
	}
	*ret_engine = engine;
	return 0;
}

void engine_close(struct engine *engine)
{
	if (engine == NULL)
		return;
	free(engine->base);
	free(engine->unix_path);
	free(engine->ca_file);
	free(engine->cert_file);
	free(engine->key_file);
	free(engine);
}

struct http_request *engine_ask(struct engine *engine, const char *path, size_t max_body,
				http_done_fn *on_done, void *ctx)
{
	mem_auto_free char *url = mem_printf("%s%s", engine->base, path);
	const struct http_options options = {
	    .method = "GET",
	    .url = url,
	    .unix_path = engine->unix_path,
	    .tls = engine_tls(engine),
	    .deadline_ms = DEADLINE_MS,
	    .max_body = max_body,
	};

	return http_start(engine->loop, &options, on_done, ctx);
}

int engine_judge(const struct http_reply *reply, const struct mf_err *why, struct mf_err *err)
{
	buf_auto struct buf reason = BUF_INIT;
	struct node *root = NULL;
	const char *message;

	if (why != NULL) {
		*err = *why;
		return err->code;
	}
	if (reply->status >= 200 && reply->status < 300)
		return 0;
	(void)docker_parse(reply->body, reply->body_len, NODE_MAP, &root, NULL);
	message = node_text_at(root, "message", reply->body);
	str_add_escaped(&reason, message, strnlen(message, REASON_MAX));
	node_free(root);
	return mf_err_set(err, MF_EUNAVAIL, "Docker answers %d: %s", reply->status,
			  buf_str(&reason));
}

const char *engine_base(const struct engine *engine)
{
	return engine->base;
}

const char *engine_unix_path(const struct engine *engine)
{
	return engine->unix_path;
}

const struct http_tls *engine_tls(const struct engine *engine)
{
	return engine->ca_file == NULL ? NULL : &engine->tls;
}
