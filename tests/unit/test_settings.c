/* Settings: defaults, what a file lays over them, and what it must not say. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/fields_doc.h"
#include "model/settings.h"
#include "unit.h"

static void ck_list(char *const *list, const char *const *want)
{
	size_t i = 0;

	ck_assert_ptr_nonnull(list);
	for (; want[i] != NULL; i++) {
		ck_assert_ptr_nonnull(list[i]);
		ck_assert_str_eq(list[i], want[i]);
	}
	ck_assert_ptr_null(list[i]);
}
#define CK_LIST(list, ...) ck_list(list, (const char *const[]){__VA_ARGS__, NULL})

static void lay(struct settings *settings, const char *text)
{
	struct mf_err err;

	ck_assert_msg(settings_parse(settings, text, strlen(text), &err) == 0, "%s", err.msg);
}

static void ck_defaults(const struct settings *s)
{
	static const char *const none[] = {NULL};

	ck_assert_str_eq(s->node, "n1");
	ck_assert_str_eq(s->state_dir, "/var/lib/mayfly");
	ck_assert_uint_eq(settings_max_removal(s), 50);
	ck_assert_int_eq(settings_removal_grace_ms(s), 300000);
	ck_assert_int_eq(settings_expiry_grace_ms(s), 30000);
	ck_assert_int_eq(settings_state_grace_ms(s), 3600000);
	ck_assert_str_eq(s->metrics_bind, "");
	CK_LIST(s->etcd.endpoints, "http://127.0.0.1:2379");
	ck_assert_str_eq(s->etcd.prefix, "/mayfly");
	ck_assert_ptr_null(s->etcd.cacert);
	ck_assert_ptr_null(s->etcd.user);
	ck_assert_ptr_null(s->etcd.password);
	ck_assert_ptr_null(s->etcd.password_file);
	ck_assert_str_eq(s->haproxy.config, "/etc/haproxy/haproxy.cfg");
	ck_assert_str_eq(s->haproxy.admin_socket, "/run/haproxy/admin.sock");
	ck_assert_str_eq(s->haproxy.master_socket, "/run/haproxy/master.sock");
	CK_LIST(s->haproxy.bind, "*:80");
	ck_list(s->haproxy.internal_bind, none);
	ck_list(s->haproxy.local_bind, none);
	ck_assert_str_eq(s->haproxy.stats_bind, "");
	ck_assert_ptr_null(s->haproxy.user);
	ck_assert_ptr_null(s->haproxy.chroot);
	CK_LIST(s->haproxy.check, "haproxy", "-c", "-f");
	ck_assert_str_eq(s->dnsmasq.hosts, "");
	ck_assert_str_eq(s->dnsmasq.hostsdir, "");
	ck_assert_str_eq(s->dnsmasq.address, "127.0.0.1");
	ck_assert_int_eq(s->dnsmasq.reload, DNSMASQ_NONE);
	ck_assert_str_eq(s->routing.service_suffix, "service");
	ck_assert_str_eq(s->routing.default_environment, "");
	ck_assert_uint_eq(s->target_count, 0);
}

/* By these settings, calls between services are taken on the port for external traffic, too. */
static const struct {
	const char *settings;
	bool is_single;
} doors[] = {
    {"{}", false},
    {"{bind: ['10.0.0.1:80']}", false},
    {"{single_port: true}", true},
    {"{single_port: true, internal_bind: ['*:81']}", false},
    {"{bind: ['127.0.0.1:80', '127.1.2.3:80-90', '[::1]:80', '::1:80', /run/x.sock]}", true},
    {"{bind: ['127.0.0.1:80', '*:80']}", false},
    {"{bind: [':::80']}", false},
    {"{bind: ['[::1:2]:80']}", false},
    {"{bind: ['127.example.com:80']}", false},
    {"{bind: [unix@/run/x.sock, abns@x]}", true},
    {"{bind: ['ipv4@0.0.0.0:80']}", false},
    {"{bind: [fd@3]}", false},
    /* Who comes through another door is not of this host. */
    {"{bind: ['127.0.0.1:80'], trusted: [127.0.0.1]}", false},
    {"{bind: ['127.0.0.1:80'], tls: {bind: ['*:443'], certificates: /c}}", false},
    {"{bind: ['127.0.0.1:80'], tls: {bind: ['127.0.0.1:443'], certificates: /c}}", true},
    {"{bind: ['127.0.0.1:80'], trusted: [127.0.0.1], single_port: true}", true},
};

START_TEST(a_single_port_is_asked_for_or_of_this_host_alone)
{
	mem_auto_free char *yaml = mem_printf("haproxy: %s\n", doors[_i].settings);
	struct settings *s = settings_new("n");

	lay(s, yaml);
	ck_assert_int_eq(settings_has_single_port(s), doors[_i].is_single);
	lay(s, "haproxy: {check: [x]}");
	ck_assert_int_eq(settings_has_single_port(s), doors[_i].is_single);
	settings_free(s);
}
END_TEST

START_TEST(defaults_hold_with_an_empty_file)
{
	struct settings *s = settings_new("n1");

	ck_defaults(s);
	lay(s, "");
	lay(s, "# nothing\n");
	lay(s, "{}");
	ck_defaults(s);
	settings_free(s);
	settings_free(NULL);
}
END_TEST

START_TEST(every_key_is_read)
{
	struct settings *s = settings_new("n1");

	lay(s, "node: web-1.example\n"
	       "state_dir: /srv/mayfly\n"
	       "max_removal: 25%\n"
	       "removal_grace: 90s\n"
	       "expiry_grace: 0s\n"
	       "state_grace: 2h\n"
	       "metrics_bind: 127.0.0.1:9100\n"
	       "etcd:\n"
	       "  endpoints: [https://e1:2379, 'https://[fd00::1]:2379']\n"
	       "  prefix: /teams/mayfly\n"
	       "  cacert: /etc/ca.pem\n"
	       "  cert: /etc/c.pem\n"
	       "  key: /etc/k.pem\n"
	       "  user: mayfly\n"
	       "  password_file: /etc/pw\n"
	       "haproxy:\n"
	       "  config: /srv/haproxy.cfg\n"
	       "  admin_socket: /srv/a.sock\n"
	       "  master_socket: /srv/m.sock\n"
	       "  user: www-data\n"
	       "  group: ''\n"
	       "  bind: ['*:80', ':::8080', /run/x.sock, 'abns@x']\n"
	       "  internal_bind: ['127.0.0.1:81']\n"
	       "  local_bind: ['127.0.0.1:8000']\n"
	       "  stats_bind: 127.0.0.1:8404\n"
	       "  check: [/usr/sbin/haproxy, -c, -f]\n"
	       "  log: {to: stdout, format: text, query: true, headers: [User-Agent]}\n"
	       "  tap: true\n"
	       "  max_old_workers: 7\n"
	       "  reserve: 0\n"
	       "  consolidate_after: 5m\n"
	       "  check_timeout: 3s\n"
	       "dnsmasq: {hosts: /srv/hosts, hostsdir: /srv/names, address: 10.0.0.1,\n"
	       "          reload: 'pidfile:/run/d.pid'}\n"
	       "routing: {service_suffix: svc.example, default_environment: prod}\n"
	       "targets:\n"
	       "  - {template: nginx.conf, output: /etc/nginx.conf, mode: 0600, escape: word,\n"
	       "     check: [nginx, -t], reload: [nginx, -s, reload]}\n"
	       "  - {template: /srv/t, output: /srv/o}\n");
	ck_assert_str_eq(s->node, "web-1.example");
	ck_assert_str_eq(s->state_dir, "/srv/mayfly");
	ck_assert_uint_eq(settings_max_removal(s), 25);
	ck_assert_int_eq(settings_removal_grace_ms(s), 90000);
	ck_assert_int_eq(settings_expiry_grace_ms(s), 0);
	ck_assert_int_eq(settings_state_grace_ms(s), 7200000);
	ck_assert_str_eq(s->metrics_bind, "127.0.0.1:9100");
	CK_LIST(s->etcd.endpoints, "https://e1:2379", "https://[fd00::1]:2379");
	ck_assert_str_eq(s->etcd.prefix, "/teams/mayfly");
	ck_assert_str_eq(s->etcd.cacert, "/etc/ca.pem");
	ck_assert_str_eq(s->etcd.cert, "/etc/c.pem");
	ck_assert_str_eq(s->etcd.key, "/etc/k.pem");
	ck_assert_str_eq(s->etcd.user, "mayfly");
	ck_assert_str_eq(s->etcd.password_file, "/etc/pw");
	ck_assert_str_eq(s->haproxy.config, "/srv/haproxy.cfg");
	ck_assert_str_eq(s->haproxy.admin_socket, "/srv/a.sock");
	ck_assert_str_eq(s->haproxy.master_socket, "/srv/m.sock");
	ck_assert_str_eq(s->haproxy.user, "www-data");
	ck_assert_str_eq(s->haproxy.group, "");
	CK_LIST(s->haproxy.bind, "*:80", ":::8080", "/run/x.sock", "abns@x");
	CK_LIST(s->haproxy.internal_bind, "127.0.0.1:81");
	CK_LIST(s->haproxy.local_bind, "127.0.0.1:8000");
	ck_assert_str_eq(s->haproxy.stats_bind, "127.0.0.1:8404");
	CK_LIST(s->haproxy.check, "/usr/sbin/haproxy", "-c", "-f");
	ck_assert_str_eq(s->haproxy.log.to, "stdout");
	ck_assert_str_eq(s->haproxy.log.format, "text");
	ck_assert(s->haproxy.log.query);
	ck_assert_str_eq(s->haproxy.log.headers[0], "user-agent");
	ck_assert(s->haproxy.tap);
	ck_assert_uint_eq(s->haproxy.max_old_workers, 7);
	ck_assert_int_eq(s->haproxy.check_timeout, 3000);
	ck_assert_uint_eq(s->haproxy.reserve, 0);
	ck_assert_int_eq(s->haproxy.consolidate_after, 300000);
	ck_assert_str_eq(s->dnsmasq.hosts, "/srv/hosts");
	ck_assert_str_eq(s->dnsmasq.hostsdir, "/srv/names");
	ck_assert_str_eq(s->dnsmasq.address, "10.0.0.1");
	ck_assert_int_eq(s->dnsmasq.reload, DNSMASQ_PIDFILE);
	ck_assert_str_eq(s->dnsmasq.reload_arg, "/run/d.pid");
	ck_assert_str_eq(s->routing.service_suffix, "svc.example");
	ck_assert_str_eq(s->routing.default_environment, "prod");
	ck_assert_uint_eq(s->target_count, 2);
	ck_assert_str_eq(s->targets[0].template, "nginx.conf");
	ck_assert_uint_eq(s->targets[0].mode, 0600);
	ck_assert_str_eq(s->targets[0].escape, "word");
	CK_LIST(s->targets[0].check, "nginx", "-t");
	CK_LIST(s->targets[0].reload, "nginx", "-s", "reload");
	ck_assert_str_eq(s->targets[1].output, "/srv/o");
	ck_assert_uint_eq(s->targets[1].mode, 0644);
	ck_assert_str_eq(s->targets[1].escape, "none");
	ck_assert_ptr_null(s->targets[1].check);
	settings_free(s);
}
END_TEST

START_TEST(a_second_file_changes_only_what_it_names)
{
	struct settings *s = settings_new("n1");

	lay(s, "dnsmasq: {reload: 'docker:dns', address: '::1'}\n"
	       "targets: [{template: a, output: /a}]\nrouting: {default_environment: prod}");
	lay(s, "haproxy: {internal_bind: ['*:81']}");
	lay(s, "haproxy: {internal_bind: []}");
	ck_assert_int_eq(s->dnsmasq.reload, DNSMASQ_DOCKER);
	ck_assert_str_eq(s->dnsmasq.reload_arg, "dns");
	ck_assert_str_eq(s->dnsmasq.address, "::1");
	ck_assert_uint_eq(s->target_count, 1);
	ck_assert_ptr_null(s->haproxy.internal_bind[0]);
	ck_assert_int_eq(s->haproxy.check_timeout, 10000);
	lay(s, "dnsmasq: {reload: none}\ntargets: []\nrouting: {default_environment: ''}");
	ck_assert_int_eq(s->dnsmasq.reload, DNSMASQ_NONE);
	ck_assert_str_eq(s->dnsmasq.reload_arg, "");
	ck_assert_uint_eq(s->target_count, 0);
	ck_assert_str_eq(s->routing.default_environment, "");
	settings_free(s);
}
END_TEST

/* As they are written in the file to begin with: a text that looks like a number has quotes. */
START_TEST(defaults_of_a_section_in_a_section_can_be_read)
{
	buf_auto struct buf defaults = BUF_INIT;
	struct settings *s = settings_new("n1");
	struct mf_err err;

	fields_add_defaults(&fields_of_settings, &defaults);
	ck_assert_ptr_nonnull(strstr(defaults.data,
				     "\n  tls:\n    certificates: \"\"\n    bind: [\"*:443\"]\n"
				     "    min_version: \"1.2\"\n"));
	ck_assert_msg(settings_parse(s, defaults.data, defaults.len, &err) == 0, "%s", err.msg);
	settings_free(s);
}
END_TEST

static const struct {
	const char *text, *words;
} bad[] = {
    {"log_level: debug",
     "unknown key \"log_level\": allowed: node, state_dir, max_removal, "
     "removal_grace, expiry_grace, state_grace, metrics_bind, status_token, deny_addresses, "
     "allow_addresses, policy, services, users, access, etcd, haproxy, "
     "dnsmasq, routing, registrar, console, targets (line 1, column 1)"},
    {"state-dir: /x", "unknown key \"state-dir\": did you mean \"state_dir\"? allowed: node, "
		      "state_dir, max_removal, removal_grace, expiry_grace, state_grace, "
		      "metrics_bind, status_token, deny_addresses, "
		      "allow_addresses, policy, services, users, access, etcd, haproxy, "
		      "dnsmasq, routing, registrar, console, targets (line 1, column 1)"},
    {"[]", "must be a map, not a list (line 1, column 1)"},
    {"haproxy:\n  bnd: []",
     "haproxy: unknown key \"bnd\": did you mean \"bind\"? allowed: config, admin_socket, "
     "master_socket, bind, internal_bind, single_port, local_bind, tls, link_key, trusted, "
     "accept_proxy, audit, stats_bind, log, tcp_range, nameservers, tap, metrics, "
     "max_old_workers, reserve, "
     "consolidate_after, user, "
     "group, chroot, "
     "socket_group, check, "
     "check_timeout "
     "(line 2, column 3)"},
    {"haproxy: {trusted: [10.0.0.1/8]}", "haproxy.trusted: \"10.0.0.1/8\": a network has no bits "
					 "behind its length (line 1, column 21)"},
    {"haproxy: {trusted: [proxy.example.com]}", "haproxy.trusted: \"proxy.example.com\": must be a "
						"network, such as 10.0.0.0/8 (line 1, column "
						"21)"},
    {"haproxy: {tls: {acme: 'http://acme.example.com:80'}}",
     "haproxy.tls.acme: \"http://acme.example.com:80\": must be http:// with a numeric address and "
     "a port (line 1, column 23)"},
    {"haproxy: {tls: {min_version: 1.1}}",
     "haproxy.tls.min_version: \"1.1\": must be 1.2 or 1.3 (line 1, column 30)"},
    {"haproxy: {tls: {certificates: certs}}",
     "haproxy.tls.certificates: \"certs\": must be an absolute path (line 1, column 31)"},
    {"etcd: {password: x}", "etcd: unknown key \"password\": allowed: endpoints, prefix, cacert, "
			    "cert, key, user, password_file (line 1, column 8)"},
    {"etcd: {endpoints: ['http://me:pw@e1:2379']}",
     "etcd.endpoints: must not hold a password: --user and etcd.user are for that (line 1, column "
     "20)"},
    {"etcd:", "etcd: must be a map, not empty (line 1, column 6)"},
    {"node: a b", "node: \"a b\": not allowed: a space (line 1, column 7)"},
    {"node:", "node: must be a string, not empty (line 1, column 6)"},
    {"state_dir: var", "state_dir: \"var\": must be an absolute path (line 1, column 12)"},
    {"max_removal: 101%", "max_removal: \"101%\": must be 0% to 100% (line 1, column 14)"},
    {"max_removal: half", "max_removal: \"half\": must be 0% to 100% (line 1, column 14)"},
    {"removal_grace: 5", "removal_grace: \"5\": must be a time with its unit, such as 30s or 5m "
			 "(line 1, column 16)"},
    {"removal_grace: 400d", "removal_grace: \"400d\": must be a time with its unit, such as 30s "
			    "or 5m (line 1, column 16)"},
    {"haproxy: {log: stdout}",
     "haproxy.log: must be a map, not a single value (line 1, column 16)"},
    {"haproxy: {log: {to: file}}",
     "haproxy.log.to: \"file\": must be stdout, stderr, ring, ADDRESS:PORT or a socket's path "
     "(line 1, column 21)"},
    {"haproxy: {log: {format: xml}}",
     "haproxy.log.format: \"xml\": must be json or text (line 1, column 25)"},
    {"haproxy: {log: {headers: ['a b']}}",
     "haproxy.log.headers: \"a b\": not allowed: a space (line 1, column 27)"},
    {"metrics_bind: here", "metrics_bind: \"here\": must be ADDRESS:PORT or a socket's path "
			   "(line 1, column 15)"},
    {"state_dir: ''", "state_dir: \"\": must not be empty (line 1, column 12)"},
    {"state_dir: /x/", "state_dir: \"/x/\": must not end with \"/\" (line 1, column 12)"},
    {"haproxy: {user: \"a b\"}", "haproxy.user: \"a b\": not allowed: a space (line 1, column 17)"},
    {"haproxy: {config: \"/a b\"}",
     "haproxy.config: \"/a b\": not allowed: a space (line 1, column 19)"},
    {"haproxy: {admin_socket: \"/a\\nglobal\"}",
     "haproxy.admin_socket: \"/a\\nglobal\": not allowed: \"\\n\" (line 1, column 25)"},
    {"haproxy: {admin_socket: \"/a'b\"}",
     "haproxy.admin_socket: \"/a'b\": not allowed: \"'\" (line 1, column 25)"},
    {"haproxy: {admin_socket: /a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
     "haproxy.admin_socket: \"/a/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."
     "\": too long (98 bytes, at most 97) (line 1, column 25)"},
    {"haproxy: {bind: '*:80'}",
     "haproxy.bind: must be a list, not a single value (line 1, column 17)"},
    {"haproxy: {bind: ['*:80 ssl']}",
     "haproxy.bind: \"*:80 ssl\": not allowed: a space (line 1, column 18)"},
    {"haproxy: {bind: ['*:80,*:81']}",
     "haproxy.bind: \"*:80,*:81\": not allowed: \",\" (line 1, column 18)"},
    {"haproxy: {bind: ['80']}",
     "haproxy.bind: \"80\": must be ADDRESS:PORT or a socket's path (line 1, column 18)"},
    {"haproxy: {stats_bind: \"x:1\\n\"}",
     "haproxy.stats_bind: \"x:1\\n\": not allowed: \"\\n\" (line 1, column 23)"},
    {"haproxy: {check: []}", "haproxy.check: must not be an empty list (line 1, column 18)"},
    {"haproxy: {check: haproxy -c}",
     "haproxy.check: must be a list, not a single value (line 1, column 18)"},
    {"haproxy: {bind: []}", "haproxy.bind: must not be an empty list (line 1, column 17)"},
    {"etcd: {endpoints: []}", "etcd.endpoints: must not be an empty list (line 1, column 19)"},
    {"etcd: {endpoints: [ftp://x]}",
     "etcd.endpoints: \"ftp://x\": must be http://HOST:PORT or https://HOST:PORT (line 1, column "
     "20)"},
    {"etcd: {endpoints: ['http://a:1/x']}",
     "etcd.endpoints: \"http://a:1/x\": must be http://HOST:PORT or https://HOST:PORT (line 1, "
     "column 20)"},
    {"etcd: {endpoints: ['http://u@h:1']}",
     "etcd.endpoints: \"http://u@h:1\": not allowed: \"@\" (line 1, column 20)"},
    {"etcd: {prefix: mayfly}",
     "etcd.prefix: \"mayfly\": must start with \"/\" (line 1, column 16)"},
    {"etcd: {prefix: /}", "etcd.prefix: \"/\": must not end with \"/\" (line 1, column 16)"},
    {"etcd: {prefix: /a//b}", "etcd.prefix: \"/a//b\": not allowed: \"//\" (line 1, column 16)"},
    {"dnsmasq: {address: localhost}",
     "dnsmasq.address: \"localhost\": must be a numeric address, such as 10.0.0.5 or fd00::5 (line "
     "1, column 20)"},
    {"dnsmasq: {reload: hup}",
     "dnsmasq.reload: \"hup\": must be pidfile:PATH, docker:NAME or none (line 1, column 19)"},
    {"dnsmasq: {reload: 'pidfile:x'}",
     "dnsmasq.reload: \"x\": must be an absolute path (line 1, column 19)"},
    {"dnsmasq: {reload: 'docker:a b'}",
     "dnsmasq.reload: \"a b\": not allowed: a space (line 1, column 19)"},
    {"dnsmasq: {reload: 'docker:'}", "dnsmasq.reload: \"\": must not be empty (line 1, column 19)"},
    {"routing: {default_environment: Prod}",
     "routing.default_environment: \"Prod\": not allowed: \"P\": write lower case (line 1, column "
     "32)"},
    {"routing: {service_suffix: .service}",
     "routing.service_suffix: \".service\": not allowed: an empty label (\".\" at its start, its "
     "end or doubled) (line 1, column 27)"},
    {"targets: {}", "targets: must be a list, not a map (line 1, column 10)"},
    {"targets: [{template: a}]", "targets: output is missing (line 1, column 11)"},
    {"targets: [x]", "targets: must be a map, not a single value (line 1, column 11)"},
    {"targets: [{template: a, output: /a, owner: b}]",
     "targets: unknown key \"owner\": allowed: template, output, check, reload, escape, mode (line "
     "1, column 37)"},
    {"targets: [{template: ../a, output: /a}]",
     "targets.template: \"../a\": must be an absolute path (line 1, column 22)"},
    {"targets: [{template: a, output: /a, mode: 888}]",
     "targets.mode: must be octal, such as 0644 (line 1, column 43)"},
    {"targets: [{template: a, output: /a, mode: 04755}]",
     "targets.mode: must be octal, such as 0644 (line 1, column 43)"},
    {"targets: [{template: a, output: /a, escape: xml}]",
     "targets.escape: \"xml\": must be none, html, haproxy or word (line 1, column 45)"},
    {"node: a\nnode: b", "\"node\": the key is there twice, first in line 1 (line 2, column 1)"},
};

START_TEST(a_bad_file_is_refused_and_changes_nothing)
{
	struct settings *s = settings_new("n1");
	struct mf_err err;
	const char *text = bad[_i].text;

	ck_assert_int_eq(settings_parse(s, text, strlen(text), &err), MF_ECONFIG);
	ck_assert_int_eq(err.code, MF_ECONFIG);
	ck_assert_str_eq(err.msg, bad[_i].words);
	ck_defaults(s);
	settings_free(s);
}
END_TEST

START_TEST(what_was_good_before_the_error_is_not_laid_over)
{
	static const char text[] = "node: other\nstate_dir: /other\nhaproxy: {bind: ['*:1']}\n"
				   "dnsmasq: {reload: 'docker:x'}\n"
				   "targets: [{template: a, output: /a}, {template: b}]\n";
	struct settings *s = settings_new("n1");

	ck_assert_int_eq(settings_parse(s, text, strlen(text), NULL), MF_ECONFIG);
	ck_defaults(s);
	settings_free(s);
}
END_TEST

START_TEST(flags_and_variables_go_over_it)
{
	struct settings *s = settings_new("n1");
	struct mf_err err;

	ck_assert_int_eq(settings_set_endpoints(s, "e1:2379,https://e2:2379", &err), 0);
	CK_LIST(s->etcd.endpoints, "e1:2379", "https://e2:2379");
	ck_assert_int_eq(settings_set_endpoints(s, "e1:2379,", &err), MF_EUSAGE);
	ck_assert_str_eq(err.msg, "endpoints: \"\": must not be empty");
	ck_assert_int_eq(settings_set_endpoints(s, "", &err), MF_EUSAGE);
	ck_assert_int_eq(settings_set_endpoints(s, "a b", &err), MF_EUSAGE);
	CK_LIST(s->etcd.endpoints, "e1:2379", "https://e2:2379");
	ck_assert_int_eq(settings_set_prefix(s, "/x", &err), 0);
	ck_assert_int_eq(settings_set_prefix(s, "x", &err), MF_EUSAGE);
	ck_assert_str_eq(err.msg, "prefix: \"x\": must start with \"/\"");
	ck_assert_str_eq(s->etcd.prefix, "/x");
	settings_set_str(&s->node, s->node + 1); /* within itself */
	ck_assert_str_eq(s->node, "1");
	settings_set_str(&s->etcd.password, "secret");
	settings_free(s);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("settings");

	tcase_add_test(tc, defaults_hold_with_an_empty_file);
	tcase_add_test(tc, every_key_is_read);
	tcase_add_test(tc, a_second_file_changes_only_what_it_names);
	tcase_add_loop_test(tc, a_bad_file_is_refused_and_changes_nothing, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, what_was_good_before_the_error_is_not_laid_over);
	tcase_add_test(tc, flags_and_variables_go_over_it);
	tcase_add_test(tc, defaults_of_a_section_in_a_section_can_be_read);
	tcase_add_loop_test(tc, a_single_port_is_asked_for_or_of_this_host_alone, 0,
			    sizeof(doors) / sizeof(doors[0]));
	return unit_run("settings", tc);
}
