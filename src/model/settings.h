/*
 * The settings: /etc/mayfly/mayfly.yaml, every key optional.  Only shapes and defaults; flags and
 * environment variables are laid over it by the tools.
 */
#ifndef MF_MODEL_SETTINGS_H
#define MF_MODEL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/users.h"

struct fields;
struct mf_err;

enum dnsmasq_reload { DNSMASQ_NONE, DNSMASQ_PIDFILE, DNSMASQ_DOCKER };

struct settings_target {
	char *template; /* name, or path when it has a '/' */
	char *output;	/* absolute path */
	char **check;	/* argv, the staged file appended; NULL: none */
	char **reload;	/* argv; NULL: none */
	unsigned mode;	/* default 0644 */
	char *escape;	/* "none" by default */
};

struct settings {
	char *node;
	char *state_dir;
	char *max_removal;			  /* "50%" */
	char *removal_grace;			  /* "5m" */
	char *expiry_grace;			  /* "30s" */
	char *state_grace;			  /* "1h" */
	char *metrics_bind;			  /* "" none */
	char *status_token;			  /* "" none */
	char *policy, *services, *users;	  /* "" none */
	char **deny_addresses, **allow_addresses; /* items of model/address_list.h */
	struct {
		char **endpoints;	   /* NULL at the end, here and below */
		char *prefix;		   /* starts with '/', no '/' at the end */
		char *cacert, *cert, *key; /* NULL: none */
		char *user, *password;	   /* NULL: none; password is not in the file */
		char *password_file;
	} etcd;
	struct {
		char *config;
		char *admin_socket;
		char *master_socket;
		char **bind, **internal_bind, **local_bind;
		struct {
			char **bind;
			char *certificates; /* a directory; "": no TLS */
			char *min_version;
			char *acme; /* http://ADDRESS:PORT; "": none */
			bool redirect;
			int64_t hsts; /* ms; 0: none */
		} tls;
		char *link_key; /* a file; "": links are not taken */
		char **trusted; /* networks of proxies */
		bool accept_proxy;
		bool single_port;
		bool audit; /* count who calls whom */
		bool tap;
		bool metrics;	  /* count answers by environment */
		char *stats_bind; /* "" none */
		struct {
			char *to;     /* stdout, stderr, ring, a socket or ADDRESS:PORT; "" none */
			char *format; /* json or text */
			bool query;
			char **headers; /* in lower case */
		} log;			/* of requests */
		/* Of its worker, and of the admin socket; "": none; NULL: not said */
		char *user, *group, *chroot, *socket_group;
		char *tcp_range; /* a network of IPv4; "" none */
		char **nameservers;
		unsigned max_old_workers;
		unsigned reserve;	   /* backends of each kind */
		int64_t consolidate_after; /* ms */
		char **check;
		int64_t check_timeout; /* ms */
	} haproxy;
	struct {
		char *hosts;	/* "" not driven ... */
		char *hostsdir; /* ... unless there is this, which wins; "": there is not */
		char *address;
		bool environments; /* names of services by environment, too */
		enum dnsmasq_reload reload;
		char *reload_arg; /* the PID file's path or the container's name */
	} dnsmasq;
	struct {
		char *service_suffix;
		char *default_environment; /* "" none */
	} routing;
	struct {
		char **allow_services; /* patterns of fnmatch(3); empty: all */
	} registrar;
	struct {
		char **from;	      /* networks; empty: any */
		char *users;	      /* "" none */
	} access;		      /* of environments that do not say it */
	struct user_lists user_lists; /* those of users: store/users_dir.h fills them in */
	struct {
		char *listen; /* where it is served */
		char **hosts; /* names that it is served under, beside localhost and addresses */
		bool allow_writes; /* to everybody, where etcd asks nobody */
	} console;
	struct settings_target *targets;
	size_t target_count;
};

extern const struct fields fields_of_settings; /* the format, of struct settings */

/* All defaults.  node is the host's name, given by the caller. */
struct settings *settings_new(const char *node);
/* Lay a YAML text over settings.  MF_ECONFIG with key, line and column; then settings is unchanged.
 */
int settings_parse(struct settings *settings, const char *text, size_t len, struct mf_err *err);
void settings_free(struct settings *settings);

/* What a flag or variable says instead. */
void settings_set_str(char **field, const char *value);
int settings_set_endpoints(struct settings *settings, const char *comma_separated,
			   struct mf_err *err);
int settings_set_prefix(struct settings *settings, const char *prefix, struct mf_err *err);
int settings_set_max_removal(struct settings *settings, const char *percent, struct mf_err *err);
int settings_set_removal_grace(struct settings *settings, const char *time, struct mf_err *err);
int settings_set_expiry_grace(struct settings *settings, const char *time, struct mf_err *err);
int settings_set_state_grace(struct settings *settings, const char *time, struct mf_err *err);
int settings_set_metrics_bind(struct settings *settings, const char *bind, struct mf_err *err);

/*
 * Whether calls between services are taken on haproxy.bind, too: that has to be asked for, unless
 * nobody outside this host can reach it.
 */
bool settings_has_single_port(const struct settings *settings);

/* Whether HAProxy takes external traffic by TLS, too. */
bool settings_has_tls(const struct settings *settings);

/* Where calls between services come in: internal_bind, or bind of a single port, or nowhere. */
char *const *settings_internal_bind(const struct settings *settings);

/* Whether HAProxy is to listen on that port for itself, at any address. */
bool settings_has_port(const struct settings *settings, unsigned port);

/* As numbers. */
unsigned settings_max_removal(const struct settings *settings); /* percent */
int64_t settings_removal_grace_ms(const struct settings *settings);
int64_t settings_expiry_grace_ms(const struct settings *settings);
int64_t settings_state_grace_ms(const struct settings *settings);

#endif
