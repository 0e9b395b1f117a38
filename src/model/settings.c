/*
 * The settings: one table of keys, from which defaults are set, files are read, and memory is
 * freed. Knows nothing of flags, environment variables or which tool reads which key.
 */
#include "model/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/access.h"
#include "model/bind.h"
#include "model/fields.h"
#include "model/node.h"

#define LIST_MAX     64
#define TARGETS_MAX  64
#define MODE_DEFAULT 0644
#define MODE_MAX     0777
#define HSTS_MAX_MS  (INT64_C(2) * 366 * 24 * 60 * 60 * 1000)

#define ITEM(name)                                                                                 \
	(&(const struct field){.kind = FIELD_TEXT,                                                 \
			       .flags = FIELD_OWN,                                                 \
			       .type = &value_##name,                                              \
			       .size = sizeof(char *)})
#define TEXT(key, member, name, ...)                                                               \
	{                                                                                          \
		key, FIELD_TEXT, FIELD_OWN, FIELD_AT(struct settings, member),                     \
		    .type = &value_##name, __VA_ARGS__                                             \
	}
/* A text that may be empty: "" is none. */
#define TEXT_OR_NONE(key, member, name, ...)                                                       \
	{                                                                                          \
		key, FIELD_TEXT, FIELD_OWN | FIELD_MAY_EMPTY, FIELD_AT(struct settings, member),   \
		    .type = &value_##name, .preset = "", __VA_ARGS__                               \
	}
/* What is not said is not "": the tools know what to take then. */
#define ACCOUNT(key, member, ...)                                                                  \
	{                                                                                          \
		key, FIELD_TEXT, FIELD_OWN | FIELD_MAY_EMPTY, FIELD_AT(struct settings, member),   \
		    .type = &value_account, __VA_ARGS__                                            \
	}
#define LIST(key, member, name, ...)                                                               \
	{                                                                                          \
		key, FIELD_LIST, FIELD_NOT_EMPTY, FIELD_AT(struct settings, member),               \
		    .item = ITEM(name), .max = LIST_MAX, __VA_ARGS__                               \
	}
#define LIST_OR_NONE(key, member, name, ...)                                                       \
	{                                                                                          \
		key, FIELD_LIST, 0, FIELD_AT(struct settings, member),                             \
		    .item = ITEM(name), .max = LIST_MAX, .preset = "", __VA_ARGS__                 \
	}
#define SECTION(key, rows)                                                                         \
	{                                                                                          \
		key, FIELD_OBJECT, .fields = &(const struct fields)                                \
		{                                                                                  \
			FIELDS_ROWS(rows), .section = (key)                                        \
		}                                                                                  \
	}

/* clang-format off */
static const struct field etcd_rows[] = {
    LIST("endpoints", etcd.endpoints, endpoint, .preset = "http://127.0.0.1:2379",
	 .doc = "The addresses of etcd's client ports."),
    TEXT("prefix", etcd.prefix, key_prefix, .preset = "/mayfly",
	 .doc = "What all keys start with."),
    TEXT("cacert", etcd.cacert, path, .doc = "TLS: the CA to verify etcd by."),
    TEXT("cert", etcd.cert, path, .doc = "TLS: a client certificate."),
    TEXT("key", etcd.key, path, .doc = "TLS: the key of that certificate."),
    TEXT("user", etcd.user, text, .doc = "The etcd user to be."),
    TEXT("password_file", etcd.password_file, path,
	 .doc = "The file that holds that user's password. It is refused if every user of the host "
		"can open it: mode 0600, or 0640."),
};
static const struct field tls_rows[] = {
    TEXT_OR_NONE("certificates", haproxy.tls.certificates, path,
	 .doc = "The directory of certificates, each chosen by the host name that a client asks "
		"for: PEM files, with the private key in the same file or in another one beside it, "
		"here or in directories here. kvwatch(1) follows it. Empty: there is no TLS."),
    LIST("bind", haproxy.tls.bind, bind, .preset = "*:443",
	 .doc = "Addresses for external traffic by TLS, with HTTP/2 where a client can."),
    TEXT("min_version", haproxy.tls.min_version, tls_version, .preset = "1.2",
	 .doc = "The oldest version of TLS that is taken: `1.2` or `1.3`."),
    {"redirect", FIELD_BOOL, 0, FIELD_AT(struct settings, haproxy.tls.redirect), .preset = "false",
     .doc = "Send external traffic that comes without TLS to the same address with it, but for "
	    "`/.well-known/acme-challenge/`, by which certificates are had."},
    TEXT_OR_NONE("acme", haproxy.tls.acme, acme,
	 .doc = "Where a client of ACME (RFC 8555) answers what it is asked at "
		"`/.well-known/acme-challenge/`, as `http://127.0.0.1:5002`: such requests from "
		"outside go there, with or without TLS. Empty: they go where all others do."),
    {"hsts", FIELD_DURATION, 0, FIELD_AT(struct settings, haproxy.tls.hsts), .max = HSTS_MAX_MS,
     .preset = "0ms",
     .doc = "For how long a browser that came by TLS is to come in no other way "
	    "(`strict-transport-security`), unless the answer says so itself; 0: nothing is said."},
};
static const struct fields tls_fields = {FIELDS_ROWS(tls_rows), .section = "haproxy.tls"};
static const struct field log_rows[] = {
    TEXT_OR_NONE("to", haproxy.log.to, log_target,
	 .doc = "Write a line for each request to HAProxy's `stdout` or `stderr`, to a `ring` of a "
		"megabyte in its memory (`show events mayfly-log` on its admin socket), or as syslog "
		"to <address>:<port> by UDP or to a socket such as `/dev/log`; empty: nowhere. The "
		"request is then part of a trace, too: a valid `traceparent` (W3C Trace Context) goes "
		"on as it is, and HAProxy makes one where there is none."),
    TEXT("format", haproxy.log.format, log_format, .preset = "json",
	 .doc = "`json`: an object with `time` (seconds since 1970), `client`, `method`, `host`, "
		"`path`, `status`, `bytes`, `ms` (the request as a whole), `queue_ms`, `connect_ms`, "
		"`answer_ms` (until the instance answered; -1: it came to none), `environment`, "
		"`service`, `version`, `instance`, `user` (who has logged in), `traceparent`, `error` (why HAProxy "
		"answered itself) and `end` (how it ended: the first two letters of HAProxy's "
		"termination state). `text`: the same in this order, separated by spaces, and `-` for "
		"nothing."),
    {"query", FIELD_BOOL, 0, FIELD_AT(struct settings, haproxy.log.query), .preset = "false",
     .doc = "Whether queries are in it, too, as `query` behind `path`. They may hold secrets."},
    LIST_OR_NONE("headers", haproxy.log.headers, log_header,
	 .doc = "The names of headers of requests that are in it, too, as an object `headers`, each "
		"with at most 256 bytes. Think of what `cookie` and `authorization` hold."),
};
static const struct fields log_fields = {FIELDS_ROWS(log_rows), .section = "haproxy.log"};
static const struct field haproxy_rows[] = {
    TEXT("config", haproxy.config, path, .preset = "/etc/haproxy/haproxy.cfg",
	 .doc = "HAProxy's configuration; the maps are kept in `maps/` beside it."),
    TEXT("admin_socket", haproxy.admin_socket, socket, .preset = "/run/haproxy/admin.sock",
	 .doc = "HAProxy's stats socket, as the configuration will name it."),
    TEXT("master_socket", haproxy.master_socket, socket, .preset = "/run/haproxy/master.sock",
	 .doc = "The master socket that HAProxy was started with: `haproxy -W -S "
		"/run/haproxy/master.sock -f /etc/haproxy/haproxy.cfg`. Debian's unit of HAProxy "
		"has `/run/haproxy-master.sock`."),
    LIST("bind", haproxy.bind, bind, .preset = "*:80", .doc = "Addresses for external traffic."),
    LIST_OR_NONE("internal_bind", haproxy.internal_bind, bind,
	 .doc = "Addresses for calls between services. Empty: they are taken nowhere, but for "
		"`haproxy.single_port`."),
    {"single_port", FIELD_BOOL, 0, FIELD_AT(struct settings, haproxy.single_port),
     .preset = "false",
     .doc = "While `internal_bind` is empty, take calls between services on `haproxy.bind`, too: "
	    "whoever can reach it can then reach every service of every environment. Where all of "
	    "`haproxy.bind` and of `haproxy.tls.bind` are loopback addresses or sockets, and no "
	    "proxy is `trusted`, this is so in any case."},
    LIST_OR_NONE("local_bind", haproxy.local_bind, bind,
	 .doc = "Addresses where the first segment of the path names the service."),
    {"tls", FIELD_OBJECT, .fields = &tls_fields},
    TEXT_OR_NONE("link_key", haproxy.link_key, path,
	 .doc = "The file of the key that `mayfly link` signs with, which is made when it is needed "
		"first; the same one on all hosts whose HAProxies are to take the links. Empty: they "
		"are not taken, whatever environments say."),
    LIST_OR_NONE("trusted", haproxy.trusted, network,
	 .doc = "The networks (`10.0.0.0/8`) and addresses of proxies before HAProxy. What their "
		"requests say in `x-forwarded-for`, `-proto` and `-host` is passed on, and the client "
		"is the last address in `x-forwarded-for` that is not one of these. From everybody "
		"else these headers are taken away."),
    {"accept_proxy", FIELD_BOOL, 0, FIELD_AT(struct settings, haproxy.accept_proxy),
     .preset = "false",
     .doc = "Each connection from a trusted address begins with a header of the PROXY protocol, "
	    "which says who the client is; nobody else's does."},
    {"audit", FIELD_BOOL, 0, FIELD_AT(struct settings, haproxy.audit), .preset = "false",
     .doc = "Count which address calls which service, and how often without naming an environment, "
	    "for `mayfly audit`: at most 100,000 such pairs, about 25 MB."},
    TEXT_OR_NONE("stats_bind", haproxy.stats_bind, bind,
	 .doc = "An address for HAProxy's statistics page, and for its metrics at `/metrics`; "
		"empty: none."),
    {"log", FIELD_OBJECT, .fields = &log_fields},
    TEXT_OR_NONE("tcp_range", haproxy.tcp_range, tcp_range,
	 .doc = "A network of this host, such as `127.16.0.0/12`, of which each environment with "
		"services of other protocols than HTTP gets an address to listen on for them, where "
		"<service>`.`<environment>`.service` leads; empty: they are listened for as the "
		"default environment has them, and no more. See mayfly(7)."),
    LIST_OR_NONE("nameservers", haproxy.nameservers, nameserver,
	 .doc = "The name servers (<address>:<port>) that HAProxy asks for host names among a "
		"service's fixed addresses; empty: those of `/etc/resolv.conf`."),
    {"tap", FIELD_BOOL, 0, FIELD_AT(struct settings, haproxy.tap), .preset = "false",
     .doc = "Let `mayfly tap` and `mayfly top` read requests as they are answered: method, path, "
	    "who asked and who answered, without queries, headers or bodies, from a megabyte of "
	    "HAProxy's memory. A log of your own, from the block `log` of the template, is then in "
	    "the form that they read, and is written only while one of them runs. A request costs "
	    "HAProxy 1 % more instructions with this, and 18 % more while somebody reads."},
    {"metrics", FIELD_BOOL, 0, FIELD_AT(struct settings, haproxy.metrics), .preset = "false",
     .doc = "Count answers by environment, service and version, by class of status and by the time "
	    "that they took, in a table of HAProxy, for `/metrics` at kvwatch's `metrics_bind`: the "
	    "200 busiest rows, and the sum of all others. About 7 MB of HAProxy's memory at 20,000 "
	    "rows; one that was not used for a day is forgotten."},
    {"max_old_workers", FIELD_INT, 0, FIELD_AT(struct settings, haproxy.max_old_workers), .min = 1,
     .max = 10000, .preset = "50",
     .doc = "A reload leaves the worker of before with the connections that it has, for at most "
	    "five minutes. One that has outlived this many reloads, failed ones included, is "
	    "stopped with what is open in it (`mworker-max-reloads`)."},
    {"reserve", FIELD_INT, 0, FIELD_AT(struct settings, haproxy.reserve), .max = 1000,
     .preset = "64",
     .doc = "How many empty backends of each kind of settings in use HAProxy keeps in reserve, so "
	    "that a version that it has never seen needs no reload. 0: none; fewer where there are "
	    "very many kinds."},
    {"consolidate_after", FIELD_DURATION, 0,
     FIELD_AT(struct settings, haproxy.consolidate_after), .min = 100, .max = INT64_C(1) << 31,
     .preset = "1m",
     .doc = "When nothing has changed for so long, a reload gives versions that stand in reserve "
	    "backends of their own. One comes earlier when only a quarter of the reserve is left."},
    ACCOUNT("user", haproxy.user,
	    .doc = "The user that HAProxy's worker becomes, when HAProxy is started by root, as by "
		   "Debian's unit; empty: it stays what it is. By default `haproxy`, if there is "
		   "such a user and HAProxy's directory belongs to root."),
    ACCOUNT("group", haproxy.group,
	    .doc = "The group of that worker; empty: it stays as it is. By default `haproxy`, if "
		   "there is such a group, `user` is not empty, and the directory is root's."),
    {"chroot", FIELD_TEXT, FIELD_OWN | FIELD_MAY_EMPTY, FIELD_AT(struct settings, haproxy.chroot),
     .type = &value_path,
     .doc = "The directory that is all that the worker sees of the file system; empty: it sees "
	    "all. By default `/var/lib/haproxy`, as the distributions have it, under the same "
	    "conditions."},
    ACCOUNT("socket_group", haproxy.socket_group,
	    .doc = "The group that may open the admin socket, beside root; empty: that of the "
		   "user who starts HAProxy. By default `mayfly`, if there is such a group and "
		   "HAProxy's directory belongs to root."),
    LIST("check", haproxy.check, argument, .preset = "haproxy -c -f",
	 .doc = "The program and arguments that check a configuration; the path of the staged file "
		"is appended."),
    {"check_timeout", FIELD_DURATION, 0, FIELD_AT(struct settings, haproxy.check_timeout),
     .min = 1000, .max = 10 * 60 * 1000, .preset = "10s",
     .doc = "How long that program may take. One that takes longer has refused the configuration."},
};
static const struct field dnsmasq_rows[] = {
    TEXT_OR_NONE("hosts", dnsmasq.hosts, path,
	 .doc = "The hosts file to keep. Empty: Mayfly leaves dnsmasq alone."),
    TEXT_OR_NONE("hostsdir", dnsmasq.hostsdir, path,
	 .doc = "The directory that a dnsmasq of at least 2.88 watches (`--hostsdir`), to keep a "
		"file for each service in, in the place of `hosts`; those that are not named "
		"`mayfly-`* are left alone."),
    TEXT("address", dnsmasq.address, address, .preset = "127.0.0.1",
	 .doc = "The address that service names resolve to: this node's HAProxy."),
    {"environments", FIELD_BOOL, 0, FIELD_AT(struct settings, dnsmasq.environments),
     .preset = "false",
     .doc = "Whether there is also a name of each service of each environment, for who cannot say "
	    "the environment otherwise: <service>.<environment>.service. Think of dnsmasq's memory "
	    "where they are very many."},
    /* As it is written, until split_reload. */
    TEXT("reload", dnsmasq.reload_arg, reload, .preset = "none",
	 .doc = "How dnsmasq learns of a change: `pidfile:`<path> (SIGHUP to that process), "
		"`docker:`<name> (SIGHUP to that container) or `none` (it watches its hosts "
		"directory itself)."),
};
static const struct field routing_rows[] = {
    TEXT("service_suffix", routing.service_suffix, host, .preset = "service",
	 .doc = "A service's internal host name is its name and this suffix."),
    TEXT_OR_NONE("default_environment", routing.default_environment, environment,
	 .doc = "The environment of an internal call that names none. Empty: such a call is "
		"answered with 503."),
};
static const struct field registrar_rows[] = {
    LIST_OR_NONE("allow_services", registrar.allow_services, text,
	 .doc = "The services that svcregister may announce on this host, as patterns of the "
		"shell (`team-a-*`), one of which must fit the whole name; empty: all."),
};
static const struct field network_item = {
    .kind = FIELD_NAME, .flags = FIELD_OWN, .noun = "from", .type = &access_network,
    .size = sizeof(char *)};
static const struct field access_rows[] = {
    {"from", FIELD_LIST, FIELD_OR_ONE, FIELD_AT(struct settings, access.from),
     .item = &network_item, .max = ACCESS_FROM_MAX, .preset = "",
     .doc = "Networks and addresses that clients come from; empty: any."},
    {"users", FIELD_TEXT, FIELD_OWN | FIELD_MAY_EMPTY, FIELD_AT(struct settings, access.users),
     .type = &access_users, .preset = "",
     .doc = "A list of users, one of whose passwords is asked for; empty: none is."},
};
static const struct field console_rows[] = {
    TEXT("listen", console.listen, text, .preset = "127.0.0.1:9180",
	 .doc = "Where `mayfly console` is served: <address>:<port> or `unix:`<path>."),
    LIST_OR_NONE("hosts", console.hosts, host,
	 .doc = "The host names that it is served under, beside `localhost` and addresses: a request "
		"with any other name is refused, since a name of somebody else's may lead here."),
    {"allow_writes", FIELD_BOOL, 0, FIELD_AT(struct settings, console.allow_writes),
     .preset = "false",
     .doc = "Where etcd does not ask who somebody is: whether everybody on this host who opens the "
	    "console may change things with it. Else one logs in as a user of etcd. It does not "
	    "hold where `listen` can be reached from outside, or `etcd.user` is set."},
};
/* clang-format on */

static int read_mode(const struct node *node, void *place, struct mf_err *err)
{
	const char *text;
	unsigned mode = 0;

	if (node_get_text(node, &text, err) != 0)
		return MF_EDATA;
	if (strlen(text) == strspn(text, "01234567") && strlen(text) >= 3 && strlen(text) <= 5)
		mode = (unsigned)strtoul(text, NULL, 8);
	if (mode == 0 || mode > MODE_MAX)
		return node_error(node, err, "must be octal, such as 0644");
	*(unsigned *)place = mode;
	return 0;
}

#define TARGET(member) FIELD_AT(struct settings_target, member)
static const struct field target_rows[] = {
    {"template", FIELD_TEXT, FIELD_REQUIRED | FIELD_OWN, TARGET(template), .type = &value_template,
     .doc = "The template's name, or its absolute path."},
    {"output", FIELD_TEXT, FIELD_REQUIRED | FIELD_OWN, TARGET(output), .type = &value_path,
     .doc = "The absolute path of the file to write."},
    {"check", FIELD_LIST, FIELD_NOT_EMPTY, TARGET(check), .item = ITEM(argument), .max = LIST_MAX,
     .doc = "The program and arguments that check it; the path of the staged file is appended."},
    {"reload", FIELD_LIST, FIELD_NOT_EMPTY, TARGET(reload), .item = ITEM(argument), .max = LIST_MAX,
     .doc = "The program and arguments to run after it has changed."},
    {"escape", FIELD_TEXT, FIELD_OWN, TARGET(escape), .type = &value_escape, .preset = "none",
     .doc = "How values are escaped: `none`, `html`, `haproxy` or `word`."},
    {"mode", FIELD_OTHER, TARGET(mode), .read = read_mode, .preset = "0644",
     .schema = "\"type\":[\"string\",\"integer\"],\"pattern\":\"^[0-7]{3,5}$\"",
     .doc = "The file's mode, octal."},
};
static const struct fields target_fields = {FIELDS_ROWS(target_rows), .section = "targets"};
static const struct field target = {
    .kind = FIELD_OBJECT, .fields = &target_fields, .size = sizeof(struct settings_target)};

static const struct field settings_rows[] = {
    TEXT("node", node, header,
	 .doc = "This host's name in Mayfly: part of the names of the instances and of the owner "
		"that it registers; the host's name by default."),
    TEXT("state_dir", state_dir, path, .preset = "/var/lib/mayfly",
	 .doc = "Where kvwatch keeps what it has applied."),
    TEXT("max_removal", max_removal, percent, .preset = "50%",
	 .doc = "If more than this part of the environments, and at least five, disappears from "
		"etcd within ten seconds, or etcd's revision goes back, kvwatch keeps serving them "
		"for `removal_grace`; `100%`: nothing is kept."),
    TEXT("removal_grace", removal_grace, duration, .preset = "5m",
	 .doc = "How long kvwatch keeps at most what has disappeared."),
    TEXT("expiry_grace", expiry_grace, duration, .preset = "30s",
	 .doc = "For how long after an outage of etcd kvwatch doubts that an instance is gone: it "
		"keeps a version's last ones while they take connections; `0s`: it believes it."),
    TEXT("state_grace", state_grace, duration, .preset = "1h",
	 .doc = "How long what an operator said of an instance (`mayfly instance drain`) is kept "
		"once the instance has gone."),
    TEXT_OR_NONE("metrics_bind", metrics_bind, bind,
		 .doc = "An address (<address>:<port>) for kvwatch's own metrics and health; "
			"empty: none."),
    TEXT_OR_NONE(
	"status_token", status_token, header,
	.doc = "What `mayfly audit`, `tap` and `top` on other hosts show at `metrics_bind` to "
	       "be told what this host's HAProxy has counted, and its requests; empty: nobody "
	       "is told."),
    LIST_OR_NONE(
	"deny_addresses", deny_addresses, addresses,
	.doc = "Addresses that no instance and no service may have: networks, addresses or hosts' "
	       "names, each with a port or for all of them: `10.0.0.0/8`, `10.0.0.5:80`, "
	       "`[fd00::/8]:80`. Denied in any case are etcd's own addresses (with its ports those "
	       "of loopback, and names that may lead anywhere), what HAProxy and kvwatch listen on "
	       "as these settings say, and link-local networks."),
    LIST_OR_NONE("allow_addresses", allow_addresses, addresses,
		 .doc = "Exceptions from what is denied, written in the same way."),
    TEXT_OR_NONE("policy", policy, path,
		 .doc = "The file that says who may have what, see mayfly-policy(5); empty: none."),
    TEXT_OR_NONE("services", services, path,
		 .doc = "The file of the settings of services that envwatch follows, see "
			"envwatch(1); empty: none."),
    TEXT_OR_NONE("users", users, path,
		 .doc = "The folder of lists of users, a file for each, whom environments let in "
			"by a password: see `access` in mayfly-environment(5); empty: none."),
    SECTION("access", access_rows),
    SECTION("etcd", etcd_rows),
    SECTION("haproxy", haproxy_rows),
    SECTION("dnsmasq", dnsmasq_rows),
    SECTION("routing", routing_rows),
    SECTION("registrar", registrar_rows),
    SECTION("console", console_rows),
    {"targets", FIELD_LIST, FIELD_AT(struct settings, targets),
     FIELD_COUNT(struct settings, target_count), .item = &target, .max = TARGETS_MAX, .preset = "",
     .doc = "Any further files to keep: a list of maps of these keys."},
};
const struct fields fields_of_settings = {FIELDS_ROWS(settings_rows)};

/* --- reading --------------------------------------------------------------------------------- */

/* "pidfile:PATH" becomes its kind and PATH. */
static void split_reload(struct settings *settings)
{
	const char *text = settings->dnsmasq.reload_arg, *colon = strchr(text, ':');

	if (str_has_prefix(text, "pidfile:"))
		settings->dnsmasq.reload = DNSMASQ_PIDFILE;
	else if (str_has_prefix(text, "docker:"))
		settings->dnsmasq.reload = DNSMASQ_DOCKER;
	else
		settings->dnsmasq.reload = DNSMASQ_NONE;
	settings_set_str(&settings->dnsmasq.reload_arg, colon == NULL ? "" : colon + 1);
}

struct settings *settings_new(const char *node)
{
	struct settings *settings = MEM_NEW(settings);

	fields_preset(&fields_of_settings, settings);
	split_reload(settings);
	settings_set_str(&settings->node, node);
	return settings;
}

void settings_free(struct settings *settings)
{
	if (settings == NULL)
		return;
	fields_fini(&fields_of_settings, settings);
	users_fini(&settings->user_lists);
	free(settings->etcd.password);
	free(settings);
}

static int read_root(const struct node *root, struct settings *settings, struct mf_err *err)
{
	struct settings draft = {.node = NULL};
	bool is_empty = root->kind == NODE_SCALAR && root->style == NODE_NULL;
	int code;

	fields_copy_numbers(&fields_of_settings, settings, &draft);
	code = is_empty ? 0 : fields_read(&fields_of_settings, root, &draft, false, err);
	if (code == 0) {
		bool has_reload = draft.dnsmasq.reload_arg != NULL;

		fields_move(&fields_of_settings, &draft, settings);
		fields_copy_numbers(&fields_of_settings, &draft, settings);
		if (has_reload)
			split_reload(settings);
	}
	fields_fini(&fields_of_settings, &draft);
	return code;
}

int settings_parse(struct settings *settings, const char *text, size_t len, struct mf_err *err)
{
	struct node *root;
	int code = node_parse_yaml(text, len, &root, err);

	if (code == 0) {
		code = read_root(root, settings, err);
		node_free(root);
	}
	if (code == 0)
		return 0;
	if (err != NULL)
		err->code = MF_ECONFIG;
	return MF_ECONFIG;
}

/* --- flags and variables --------------------------------------------------------------------- */

void settings_set_str(char **field, const char *value)
{
	char *copy = mem_dup_str(value); /* value may point into the field */

	free(*field);
	*field = copy;
}

int settings_set_endpoints(struct settings *settings, const char *comma_separated,
			   struct mf_err *err)
{
	char **list = strlist_split(comma_separated, ',');
	struct mf_err why;
	int code = 0;

	if (list[0] == NULL)
		code = mf_err_set(err, MF_EUSAGE, "endpoints: must not be empty");
	for (char **p = list; *p != NULL && code == 0; p++)
		if (value_check(&value_endpoint, *p, &why) != 0)
			code = mf_err_set(err, MF_EUSAGE, "endpoints: %s", why.msg);
	if (code != 0) {
		strlist_free(list);
		return code;
	}
	strlist_free(settings->etcd.endpoints);
	settings->etcd.endpoints = list;
	return 0;
}

static int set_checked(char **field, const char *name, const char *value,
		       const struct value_type *type, struct mf_err *err)
{
	struct mf_err why;

	if (value_check(type, value, &why) != 0)
		return mf_err_set(err, MF_EUSAGE, "%s: %s", name, why.msg);
	settings_set_str(field, value);
	return 0;
}

int settings_set_prefix(struct settings *settings, const char *prefix, struct mf_err *err)
{
	return set_checked(&settings->etcd.prefix, "prefix", prefix, &value_key_prefix, err);
}

int settings_set_max_removal(struct settings *settings, const char *percent, struct mf_err *err)
{
	return set_checked(&settings->max_removal, "max-removal", percent, &value_percent, err);
}

int settings_set_removal_grace(struct settings *settings, const char *time, struct mf_err *err)
{
	return set_checked(&settings->removal_grace, "removal-grace", time, &value_duration, err);
}

int settings_set_expiry_grace(struct settings *settings, const char *time, struct mf_err *err)
{
	return set_checked(&settings->expiry_grace, "expiry-grace", time, &value_duration, err);
}

int settings_set_state_grace(struct settings *settings, const char *time, struct mf_err *err)
{
	return set_checked(&settings->state_grace, "state-grace", time, &value_duration, err);
}

int settings_set_metrics_bind(struct settings *settings, const char *bind, struct mf_err *err)
{
	return set_checked(&settings->metrics_bind, "metrics", bind, &value_bind, err);
}

static bool is_on_port(const char *text, unsigned port)
{
	struct bind bind;

	return bind_parse(text, &bind) && bind.first <= port && port <= bind.last;
}

bool settings_has_port(const struct settings *settings, unsigned port)
{
	char *const *lists[] = {settings->haproxy.bind, settings->haproxy.internal_bind,
				settings->haproxy.local_bind};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; lists[i][j] != NULL; j++)
			if (is_on_port(lists[i][j], port))
				return true;
	for (size_t i = 0; settings_has_tls(settings) && settings->haproxy.tls.bind[i] != NULL; i++)
		if (is_on_port(settings->haproxy.tls.bind[i], port))
			return true;
	return is_on_port(settings->haproxy.stats_bind, port);
}

/* "127.0.0.1:80", "[::1]:80", "::1:80", and the sockets of this host. */
static bool is_local(const char *bind)
{
	return bind[0] == '/' || strncmp(bind, "unix@", 5) == 0 || strncmp(bind, "abns@", 5) == 0 ||
	       strncmp(bind, "[::1]:", 6) == 0 || strncmp(bind, "::1:", 4) == 0 ||
	       (strncmp(bind, "127.", 4) == 0 && bind[strspn(bind, "0123456789.")] == ':');
}

static bool are_local(char *const *binds)
{
	while (*binds != NULL && is_local(*binds))
		binds++;
	return *binds == NULL;
}

/* Nor by a proxy in front of it, or by TLS. */
static bool is_reached_from_here_alone(const struct settings *settings)
{
	return are_local(settings->haproxy.bind) && settings->haproxy.trusted[0] == NULL &&
	       (!settings_has_tls(settings) || are_local(settings->haproxy.tls.bind));
}

bool settings_has_single_port(const struct settings *settings)
{
	return settings->haproxy.internal_bind[0] == NULL &&
	       (settings->haproxy.single_port || is_reached_from_here_alone(settings));
}

bool settings_has_tls(const struct settings *settings)
{
	return settings->haproxy.tls.certificates[0] != '\0';
}

char *const *settings_internal_bind(const struct settings *settings)
{
	return settings_has_single_port(settings) ? settings->haproxy.bind
						  : settings->haproxy.internal_bind;
}

unsigned settings_max_removal(const struct settings *settings)
{
	return (unsigned)strtoul(settings->max_removal, NULL, 10);
}

static int64_t duration_ms(const char *time)
{
	int64_t ms = 0;

	(void)str_parse_duration(time, &ms);
	return ms;
}

int64_t settings_removal_grace_ms(const struct settings *settings)
{
	return duration_ms(settings->removal_grace);
}

int64_t settings_expiry_grace_ms(const struct settings *settings)
{
	return duration_ms(settings->expiry_grace);
}

int64_t settings_state_grace_ms(const struct settings *settings)
{
	return duration_ms(settings->state_grace);
}
