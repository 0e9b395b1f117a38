/*
 * The client's core: endpoints, credentials and the token made of them.  Knows nothing of what
 * becomes of a request: etcd_call.c tries again, etcd_watch.c follows.
 */
#include "store/etcd.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "model/settings.h"
#include "store/etcd_call.h"
#include "store/etcd_endpoints.h"
#include "store/etcd_internal.h"
#include "sys/loop.h"

enum {
	CALL_TIMEOUT_MS = 5000,
	CONNECT_TIMEOUT_MS = 2000,
};

struct etcd {
	struct loop *loop;
	struct etcd_endpoints endpoints;
	char *cacert, *cert, *key;
	char *user, *password;
	char *token_header;    /* "Authorization: ...", or NULL */
	uint64_t token_serial; /* counts the tokens */
	bool is_auth_off;      /* etcd says that it needs none */
	struct etcd_calls calls;
};

/* --- back-off --------------------------------------------------------------------------------- */

int64_t etcd_backoff(int64_t *step_ms, int64_t max_ms)
{
	int64_t step = *step_ms < ETCD_BACKOFF_MIN_MS ? ETCD_BACKOFF_MIN_MS : *step_ms;

	if (step > max_ms)
		step = max_ms;
	*step_ms = step * 2;
	return step / 2 + random_below(step / 2 + 1);
}

/* --- endpoints -------------------------------------------------------------------------------- */

struct loop *etcd_loop(const struct etcd *etcd)
{
	return etcd->loop;
}

const char *etcd_user(const struct etcd *etcd)
{
	return etcd->user;
}

struct etcd_calls *etcd_calls(struct etcd *etcd)
{
	return &etcd->calls;
}

size_t etcd_endpoint_count(const struct etcd *etcd)
{
	return etcd->endpoints.count;
}

size_t etcd_endpoint_current(const struct etcd *etcd)
{
	return etcd->endpoints.current;
}

const char *etcd_endpoint_url(const struct etcd *etcd, size_t endpoint)
{
	return etcd->endpoints.urls[endpoint];
}

const char *etcd_endpoint(const struct etcd *etcd)
{
	return etcd->endpoints.urls[etcd->endpoints.current];
}

/* Several calls may find out about the same endpoint: only the first moves on. */
void etcd_endpoint_failed(struct etcd *etcd, size_t endpoint)
{
	etcd_endpoints_leave(&etcd->endpoints, endpoint);
}

/* --- requests --------------------------------------------------------------------------------- */

struct http_request *etcd_post(struct etcd *etcd, size_t endpoint, const char *path,
			       const struct http_options *model, http_done_fn *on_done, void *ctx)
{
	struct http_tls tls = {etcd->cacert, etcd->cert, etcd->key};
	const char *json[] = {"Content-Type: application/json", "Grpc-Metadata-hasleader: true",
			      etcd->token_header, NULL};
	const char *grpc[] = {"Content-Type: application/grpc", "TE: trailers", "hasleader: true",
			      etcd->token_header, NULL};
	mem_auto_free char *url = mem_printf("%s%s", etcd->endpoints.urls[endpoint], path);
	struct http_options options = *model;

	options.method = "POST";
	options.url = url;
	options.headers = model->is_http2 ? grpc : json;
	options.tls = &tls;
	options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	return http_start(etcd->loop, &options, on_done, ctx);
}

/* --- tokens ----------------------------------------------------------------------------------- */

bool etcd_token_is_wanted(const struct etcd *etcd)
{
	return etcd->user != NULL && !etcd->is_auth_off && etcd->token_header == NULL;
}

uint64_t etcd_token_serial(const struct etcd *etcd)
{
	return etcd->token_serial;
}

/* It goes into a header line as it is. */
static bool is_token(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *s != '\0';
}

void etcd_token_ask(struct etcd *etcd, struct buf *body)
{
	etcd_json_authenticate(body, etcd->user, etcd->password);
	etcd->token_serial++;
}

bool etcd_token_take(struct etcd *etcd, const char *token)
{
	etcd->is_auth_off = token == NULL;
	if (token == NULL || !is_token(token))
		return token == NULL;
	etcd->token_header = mem_printf("Authorization: %s", token);
	return true;
}

bool etcd_has_token(const struct etcd *etcd)
{
	return etcd->token_header != NULL;
}

/* A serial that is not the newest means that somebody has renewed it already. */
void etcd_token_drop(struct etcd *etcd, uint64_t serial)
{
	if (serial != etcd->token_serial || etcd->calls.token_call != NULL)
		return;
	free(etcd->token_header);
	etcd->token_header = NULL;
	etcd->is_auth_off = false;
}

/* --- the client ------------------------------------------------------------------------------- */

int etcd_new(struct loop *loop, const struct etcd_config *config, struct etcd **ret_etcd,
	     struct mf_err *err)
{
	struct etcd *etcd = MEM_NEW(etcd);
	int code;

	etcd->loop = loop;
	etcd->calls.timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : CALL_TIMEOUT_MS;
	etcd->calls.lists_by_grpc = config->lists_by_grpc;
	etcd->cacert = mem_dup_str(config->cacert);
	etcd->cert = mem_dup_str(config->cert);
	etcd->key = mem_dup_str(config->key);
	etcd->user = mem_dup_str(config->user);
	if (config->user != NULL)
		etcd->password = mem_dup_str(config->password == NULL ? "" : config->password);
	code = etcd_endpoints_init(&etcd->endpoints, config->endpoints,
				   config->cacert != NULL || config->cert != NULL, err);
	if (code == 0 && (config->cert == NULL) != (config->key == NULL))
		code = mf_err_set(err, MF_ECONFIG, "etcd: cert and key go together");
	if (code != 0) {
		etcd_free(etcd);
		return code;
	}
	*ret_etcd = etcd;
	return 0;
}

static void free_secret(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

int etcd_open(const struct settings *settings, struct loop *loop, int64_t timeout_ms,
	      struct etcd **ret_etcd, struct mf_err *err)
{
	struct etcd_config config = {
	    .endpoints = (const char *const *)settings->etcd.endpoints,
	    .cacert = settings->etcd.cacert,
	    .cert = settings->etcd.cert,
	    .key = settings->etcd.key,
	    .user = settings->etcd.user,
	    .password = settings->etcd.password,
	    .timeout_ms = timeout_ms,
	    .lists_by_grpc = true,
	};

	return etcd_new(loop, &config, ret_etcd, err);
}

void etcd_free(struct etcd *etcd)
{
	if (etcd == NULL)
		return;
	etcd_calls_cancel(&etcd->calls);
	etcd_endpoints_fini(&etcd->endpoints);
	free(etcd->cacert);
	free(etcd->cert);
	free(etcd->key);
	free(etcd->user);
	free_secret(etcd->password);
	free_secret(etcd->token_header);
	free(etcd);
}
