/*
 * The settings in the view of outputs: as they are, and what they come to in the words of HAProxy.
 * Knows nothing of the snapshot.
 */
#include "render/output_settings.h"

#include <string.h>

#include "model/bind.h"
#include "model/settings.h"
#include "render/view.h"

static const struct view_field user_fields[] = {
    VIEW_STR("name", struct user, name),
    VIEW_STR("hash", struct user, hash),
};
VIEW_CLASS(user, user_fields)
VIEW_ARRAY(user, struct user)

static const struct view_field user_list_fields[] = {
    VIEW_STR("name", struct user_list, name),
    VIEW_OBJECTS("users", user_list, struct user_list, users, count),
};
VIEW_CLASS(user_lists, user_list_fields)
VIEW_ARRAY(user_lists, struct user_list)

static void get_single_port(const void *obj, struct view *v)
{
	view_set_bool(v, settings_has_single_port(obj));
}

static void get_has_tls(const void *obj, struct view *v)
{
	view_set_bool(v, settings_has_tls(obj));
}

static bool has_trusted(const struct settings *settings)
{
	return settings->haproxy.trusted[0] != NULL;
}

static void get_has_trusted(const void *obj, struct view *v)
{
	view_set_bool(v, has_trusted(obj));
}

static void get_has_forwarded(const void *obj, struct view *v)
{
	view_set_bool(v, has_trusted(obj) || settings_has_tls(obj));
}

/* Behind a host's name in an address; none for the port that is meant without one. */
static void get_tls_redirect_port(const void *obj, struct view *v)
{
	const struct settings *settings = obj;
	struct bind bind;

	if (bind_parse(settings->haproxy.tls.bind[0], &bind) && bind.first != 443)
		view_set_int(v, bind.first);
	else
		view_set_none(v);
}

/* As HAProxy takes it for a server: without "http://". */
static void get_tls_acme(const void *obj, struct view *v)
{
	const struct settings *settings = obj;
	const char *slashes = strstr(settings->haproxy.tls.acme, "//");

	if (slashes == NULL || !settings_has_tls(settings))
		view_set_none(v);
	else
		view_set_str(v, slashes + 2);
}

static void get_tls_hsts(const void *obj, struct view *v)
{
	int64_t ms = ((const struct settings *)obj)->haproxy.tls.hsts;

	if (ms == 0)
		view_set_none(v);
	else
		view_set_int(v, ms / 1000);
}

static void get_has_internal(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct settings *)obj)->haproxy.internal_bind[0] != NULL);
}

static void get_has_local(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct settings *)obj)->haproxy.local_bind[0] != NULL);
}

bool output_settings_has_access(const struct settings *settings)
{
	return settings->access.from[0] != NULL || settings->access.users[0] != '\0';
}

static void get_default_access(const void *obj, struct view *v)
{
	view_set_bool(v, output_settings_has_access(obj));
}

static void get_has_default_from(const void *obj, struct view *v)
{
	view_set_bool(v, ((const struct settings *)obj)->access.from[0] != NULL);
}

static const char *log_of(const void *obj)
{
	return ((const struct settings *)obj)->haproxy.log.to;
}

/* As HAProxy's `log` takes it. */
static void get_log_target(const void *obj, struct view *v)
{
	const char *to = log_of(obj);

	view_set_str(v, strcmp(to, "ring") == 0 ? "ring@mayfly-log" : to);
}

static void get_log_ring(const void *obj, struct view *v)
{
	view_set_bool(v, strcmp(log_of(obj), "ring") == 0);
}

/* What stands before a line: of syslog its header. */
static void get_log_form(const void *obj, struct view *v)
{
	const char *to = log_of(obj);

	view_set_str(v, to[0] == '/' ? "local" : strchr(to, ':') != NULL ? "rfc5424" : "raw");
}

static void get_log_text(const void *obj, struct view *v)
{
	const struct settings *settings = obj;

	view_set_bool(v, strcmp(settings->haproxy.log.format, "text") == 0);
}

static void get_has_log_headers(const void *obj, struct view *v)
{
	const struct settings *settings = obj;

	view_set_bool(v, settings->haproxy.log.headers[0] != NULL);
}

static const struct view_field settings_shown[] = {
    VIEW_STR("node", struct settings, node),
    VIEW_STR("admin_socket", struct settings, haproxy.admin_socket),
    VIEW_STR("socket_group", struct settings, haproxy.socket_group),
    VIEW_STR("worker_user", struct settings, haproxy.user),
    VIEW_STR("worker_group", struct settings, haproxy.group),
    VIEW_STR("worker_chroot", struct settings, haproxy.chroot),
    VIEW_STRINGS("bind", struct settings, haproxy.bind),
    VIEW_STRINGS("tls_bind", struct settings, haproxy.tls.bind),
    VIEW_STR("tls_min_version", struct settings, haproxy.tls.min_version),
    VIEW_STR("link_key", struct settings, haproxy.link_key),
    VIEW_STRINGS("trusted", struct settings, haproxy.trusted),
    VIEW_BOOL("accept_proxy", struct settings, haproxy.accept_proxy),
    VIEW_BOOL("tls_redirect", struct settings, haproxy.tls.redirect),
    VIEW_STRINGS("internal_bind", struct settings, haproxy.internal_bind),
    VIEW_UNSIGNED("max_old_workers", struct settings, haproxy.max_old_workers),
    VIEW_BOOL("tap", struct settings, haproxy.tap),
    VIEW_BOOL("metrics", struct settings, haproxy.metrics),
    VIEW_BOOL("log_query", struct settings, haproxy.log.query),
    VIEW_STRINGS("log_headers", struct settings, haproxy.log.headers),
    VIEW_STRINGS("local_bind", struct settings, haproxy.local_bind),
    VIEW_BOOL("audit", struct settings, haproxy.audit),
    VIEW_STR("stats_bind", struct settings, haproxy.stats_bind),
    VIEW_STR("service_suffix", struct settings, routing.service_suffix),
    VIEW_STR("default_environment", struct settings, routing.default_environment),
    VIEW_STR("dnsmasq_address", struct settings, dnsmasq.address),
    VIEW_BOOL("has_environment_names", struct settings, dnsmasq.environments),
    VIEW_STRINGS("nameservers", struct settings, haproxy.nameservers),
    VIEW_STRINGS("default_from", struct settings, access.from),
    VIEW_STR("default_users", struct settings, access.users),
    VIEW_OBJECTS("user_lists", user_lists_list, struct settings, user_lists.lists,
		 user_lists.count),
    VIEW_MADE("has_tls", get_has_tls),
    VIEW_MADE("has_trusted", get_has_trusted),
    VIEW_MADE("has_forwarded", get_has_forwarded),
    VIEW_MADE("tls_redirect_port", get_tls_redirect_port),
    VIEW_MADE("tls_hsts", get_tls_hsts),
    VIEW_MADE("tls_acme", get_tls_acme),
    VIEW_MADE("log_target", get_log_target),
    VIEW_MADE("log_form", get_log_form),
    VIEW_MADE("log_ring", get_log_ring),
    VIEW_MADE("log_text", get_log_text),
    VIEW_MADE("has_log_headers", get_has_log_headers),
    VIEW_MADE("single_port", get_single_port),
    VIEW_MADE("default_access", get_default_access),
    VIEW_MADE("has_default_from", get_has_default_from),
    VIEW_MADE("has_internal", get_has_internal),
    VIEW_MADE("has_local", get_has_local),
};
const size_t output_settings_count = sizeof(settings_shown) / sizeof(settings_shown[0]);

bool output_settings_get(const struct settings *settings, const char *name, size_t len,
			 struct view *v)
{
	return view_get_field(settings_shown, output_settings_count, settings, name, len, v);
}

const char *output_settings_name(size_t i)
{
	return i < output_settings_count ? settings_shown[i].name : NULL;
}
