/*
 * HTTP requests: an easy handle set up so that nothing of the environment, no redirect and no
 * unbounded reply gets in, and libcurl's outcome as one of our errors.  Does not judge statuses.
 */
#include "sys/http.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/loop.h"
#include "sys/loop_curl.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87.0 or later is needed"
#endif

enum {
	HTTP_CONNECT_TIMEOUT_MS = 2000,
	HTTP_MAX_BODY = 1024 * 1024,
	HTTP_MAX_HEAD = 256 * 1024, /* all header lines of a reply together */
	HTTP_BUFFER = 64 * 1024,
	HTTP_KEEPIDLE_S = 15,
	HTTP_KEEPINTVL_S = 5,
};

struct http_request {
	struct loop_transfer transfer;
	struct curl_slist *headers;
	char *peer; /* "host:port" or the socket's path, for messages */
	struct buf body;
	size_t max_body;
	size_t head_len;
	bool is_too_long, is_broken_off;
	bool (*on_data)(void *ctx, const char *bytes, size_t len);
	void (*on_open)(void *ctx);
	http_done_fn *on_done;
	void *ctx;
	struct mf_err err;
	char curl_message[CURL_ERROR_SIZE];
};

/* --- the outcome ----------------------------------------------------------------------------- */

static bool is_connected(CURL *easy)
{
	curl_off_t us = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &us);
	return us > 0;
}

static int code_of(const struct http_request *request, CURLcode result)
{
	if (request->is_too_long)
		return MF_EDATA;
	if (request->is_broken_off)
		return MF_EFAIL;
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return is_connected(request->transfer.easy) ? MF_ETIMEOUT : MF_EUNAVAIL;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_WEIRD_SERVER_REPLY:
		return MF_EDATA;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return MF_ECONFIG;
	case CURLE_FAILED_INIT:
	case CURLE_OUT_OF_MEMORY:
		return MF_EFAIL;
	default:
		return MF_EUNAVAIL;
	}
}

/* libcurl's own message, without an end of line or a final period. */
static const char *message_of(struct http_request *request, CURLcode result)
{
	char *message = request->curl_message;
	size_t len = strlen(message);

	while (len > 0 && strchr("\r\n. ", message[len - 1]) != NULL)
		message[--len] = '\0';
	return len > 0 ? message : curl_easy_strerror(result);
}

static void set_error(struct http_request *request, CURLcode result)
{
	struct mf_err *err = &request->err;
	int code = code_of(request, result);

	if (request->is_too_long)
		(void)mf_err_set(err, code, "%s: reply longer than %zu bytes", request->peer,
				 request->head_len > HTTP_MAX_HEAD ? (size_t)HTTP_MAX_HEAD
								   : request->max_body);
	else if (request->is_broken_off)
		(void)mf_err_set(err, code, "%s: broken off", request->peer);
	else
		(void)mf_err_set(err, code, "%s: %s", request->peer, message_of(request, result));
}

/* The request is off the loop's hands before on_done, which may well cancel it or start the next.
 */
static void finish(struct http_request *request)
{
	struct http_reply reply = {0};
	long status = 0, sent = 0;

	(void)curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(request->transfer.easy, CURLINFO_REQUEST_SIZE, &sent);
	reply.status = (int)status;
	reply.is_sent = sent > 0;
	reply.is_cut = request->is_too_long && request->head_len <= HTTP_MAX_HEAD;
	reply.body = buf_str(&request->body);
	reply.body_len = request->body.len;
	loop_transfer_del(&request->transfer);
	request->on_done(request->ctx, &reply, request->err.code == 0 ? NULL : &request->err);
}

static void on_transfer_done(struct loop_transfer *transfer, CURLcode result)
{
	struct http_request *request = (struct http_request *)transfer;

	if (result != CURLE_OK && !transfer->is_refused)
		set_error(request, result);
	finish(request);
}

static void on_transfer_free(struct loop_transfer *transfer)
{
	struct http_request *request = (struct http_request *)transfer;

	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(request->headers);
	buf_fini(&request->body);
	free(request->peer);
	free(request);
}

/* --- what comes in --------------------------------------------------------------------------- */

static bool is_success(const struct http_request *request)
{
	long status = 0;

	(void)curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200 && status < 300;
}

/* The empty line is the head's end. */
static size_t on_head(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_request *request = ctx;

	if (request->transfer.phase == TRANSFER_DEAD) /* cancelled by another's callback */
		return CURL_WRITEFUNC_ERROR;
	request->head_len += size * count;
	request->is_too_long = request->head_len > HTTP_MAX_HEAD;
	if (request->is_too_long)
		return CURL_WRITEFUNC_ERROR;
	if (request->on_open != NULL && bytes[0] == '\r' && is_success(request))
		request->on_open(request->ctx);
	return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_request *request = ctx;
	size_t len = size * count;

	if (request->transfer.phase == TRANSFER_DEAD) /* cancelled by another's callback */
		return CURL_WRITEFUNC_ERROR;
	if (request->on_data != NULL && is_success(request)) {
		if (loop_transfer_pauses(&request->transfer))
			return CURL_WRITEFUNC_PAUSE;
		request->is_broken_off = !request->on_data(request->ctx, bytes, len);
		return request->is_broken_off ? CURL_WRITEFUNC_ERROR : len;
	}
	request->is_too_long = len > request->max_body - request->body.len;
	if (request->is_too_long)
		return CURL_WRITEFUNC_ERROR;
	buf_add(&request->body, bytes, len);
	return len;
}

/* --- what goes out --------------------------------------------------------------------------- */

static char *peer_of(const struct http_options *options)
{
	char *host = NULL, *port = NULL;
	char *peer = NULL;
	CURLU *url;

	if (options->unix_path != NULL)
		return mem_dup_str(options->unix_path);
	url = curl_url();
	if (url != NULL && curl_url_set(url, CURLUPART_URL, options->url, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		peer = mem_printf("%s:%s", host, port);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return peer;
}

static bool is_token(const char *s)
{
	return *s != '\0' && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static void add_header(struct http_request *request, const char *line)
{
	struct curl_slist *longer = curl_slist_append(request->headers, line);

	if (longer != NULL)
		request->headers = longer;
}

static void set_headers(struct http_request *request, const struct http_options *options)
{
	bool has_type = false;

	for (size_t i = 0; options->headers != NULL && options->headers[i] != NULL; i++) {
		if (strncasecmp(options->headers[i], "Content-Type:", 13) == 0)
			has_type = true;
		add_header(request, options->headers[i]);
	}
	if (!has_type) /* else libcurl says that a body is a form */
		add_header(request, "Content-Type:");
	add_header(request, "Expect:");
	(void)curl_easy_setopt(request->transfer.easy, CURLOPT_HTTPHEADER, request->headers);
}

static void set_method(CURL *easy, const struct http_options *options)
{
	bool has_body = options->body != NULL || strcmp(options->method, "POST") == 0 ||
			strcmp(options->method, "PUT") == 0 ||
			strcmp(options->method, "PATCH") == 0;

	if (strcmp(options->method, "HEAD") == 0) {
		(void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (has_body) {
		size_t len = options->body == NULL ? 0 : options->body_len;

		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		(void)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, len == 0 ? "" : options->body);
	}
	(void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, options->method);
}

static void set_tls(CURL *easy, const struct http_tls *tls)
{
	(void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (tls == NULL)
		return;
	if (tls->ca_file != NULL)
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca_file);
	if (tls->cert_file != NULL)
		(void)curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->cert_file);
	if (tls->key_file != NULL)
		(void)curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key_file);
}

static long http_version(const struct http_options *options)
{
	if (!options->is_http2)
		return CURL_HTTP_VERSION_1_1;
	return strncmp(options->url, "https:", 6) == 0 ? CURL_HTTP_VERSION_2TLS
						       : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

static void set_connection(CURL *easy, const struct http_options *options)
{
	int64_t connect_ms = options->connect_timeout_ms;

	(void)curl_easy_setopt(easy, CURLOPT_URL, options->url);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, http_version(options));
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options->unix_path);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, options->is_fresh ? 1L : 0L);
	(void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, options->is_fresh ? 1L : 0L);
	/* A resolver's thread that hangs is let go, not waited for. */
	(void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			       (long)(connect_ms > 0 ? connect_ms : HTTP_CONNECT_TIMEOUT_MS));
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
			       (long)(options->deadline_ms > 0 ? options->deadline_ms : 0));
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)HTTP_KEEPIDLE_S);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)HTTP_KEEPINTVL_S);
	(void)curl_easy_setopt(
	    easy, CURLOPT_BUFFERSIZE,
	    (long)(options->buffer_size != 0 ? options->buffer_size : HTTP_BUFFER));
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "mayfly/" MAYFLY_VERSION);
}

/* No program that we start shall hold on to our connections. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	(void)ctx;
	(void)purpose;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

static void set_callbacks(struct http_request *request)
{
	CURL *easy = request->transfer.easy;

	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_message);
	(void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
}

/* What libcurl would let through: a header that smuggles in another, a method that is none. */
static void check_options(struct http_request *request, const struct http_options *options)
{
	struct mf_err *err = &request->err;

	if (request->transfer.easy == NULL)
		(void)mf_err_set(err, MF_EFAIL, "libcurl: cannot start");
	if (request->peer == NULL) {
		request->peer = mem_dup_str("");
		(void)mf_err_set(err, MF_EDATA, "no valid URL");
	} else if (!is_token(options->method)) {
		(void)mf_err_set(err, MF_EDATA, "%s: no valid method", request->peer);
	}
	for (size_t i = 0; options->headers != NULL && options->headers[i] != NULL; i++)
		if (str_has_control(options->headers[i]))
			(void)mf_err_set(err, MF_EDATA, "%s: a control character in header %zu",
					 request->peer, i + 1);
}

struct http_request *http_start(struct loop *loop, const struct http_options *options,
				http_done_fn *on_done, void *ctx)
{
	struct http_request *request = MEM_NEW(request);
	struct loop_transfer *transfer = &request->transfer;

	request->peer = peer_of(options);
	request->max_body = options->max_body != 0 ? options->max_body : HTTP_MAX_BODY;
	request->on_data = options->on_data;
	request->on_open = options->on_open;
	request->on_done = on_done;
	request->ctx = ctx;
	transfer->on_done = on_transfer_done;
	transfer->on_free = on_transfer_free;
	transfer->easy = curl_easy_init();
	check_options(request, options);
	transfer->is_refused = request->err.code != 0;
	loop_transfer_add(loop, transfer);
	if (transfer->is_refused)
		return request;
	set_connection(transfer->easy, options);
	set_tls(transfer->easy, options->tls);
	set_method(transfer->easy, options);
	set_headers(request, options);
	set_callbacks(request);
	return request;
}

void http_cancel(struct http_request *request)
{
	if (request != NULL)
		loop_transfer_del(&request->transfer);
}
