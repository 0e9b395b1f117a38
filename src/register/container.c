/*
 * One container's inspect reply, read: what it is, how it is, where it answers, and its instances.
 * What it says of itself in words is container_words' to find.
 */
#include "register/container.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/fields.h"
#include "model/name.h"
#include "register/check_kind.h"
#include "register/container_image.h"
#include "register/container_words.h"
#include "register/deployment.h"
#include "register/docker_event.h"
#include "register/netif.h"

enum { PORTS_MAX = 64, DOCKER_SIGRTMIN = 34 };

const char *const container_env_words[] = {[CONTAINER_ROUTE] = "route",
					   [CONTAINER_HOSTS] = "hosts",
					   [CONTAINER_EXTENDS] = "extends",
					   [CONTAINER_EXPIRES] = "expires",
					   NULL};

struct source {
	const struct container_options *options;
	const struct node *inspect;
	struct container_words *words;
	struct container *container;
	struct deployment deployment; /* name NULL: it counts as of none */
};

/* --- what it is, and how it is --------------------------------------------------------------- */

static enum container_state read_state(const struct node *inspect)
{
	const struct node *state = node_find(inspect, "State");
	const char *health = node_text_at(node_find(state, "Health"), "Status", "");

	if (!node_is_true(node_find(state, "Running")) ||
	    node_is_true(node_find(state, "Restarting")) || node_is_true(node_find(state, "Dead")))
		return CONTAINER_DOWN;
	if (node_is_true(node_find(state, "Paused")))
		return CONTAINER_PAUSED;
	if (strcmp(health, "starting") == 0)
		return CONTAINER_STARTING;
	return strcmp(health, "unhealthy") == 0 ? CONTAINER_UNHEALTHY : CONTAINER_UP;
}

/* "SIGQUIT", "quit", "3", "SIGRTMIN+3"; Docker's default for all else. */
static int parse_signal(const char *text)
{
	int64_t number;

	if (text == NULL)
		return SIGTERM;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	if (str_parse_int(text, 1, 64, &number))
		return (int)number;
	if (strncasecmp(text, "RTMIN+", 6) == 0 && str_parse_int(text + 6, 0, 30, &number))
		return DOCKER_SIGRTMIN + (int)number;
	for (int signo = 1; signo < 32; signo++)
		if (sigabbrev_np(signo) != NULL && strcasecmp(text, sigabbrev_np(signo)) == 0)
			return signo;
	return SIGTERM;
}

/* --- ports ----------------------------------------------------------------------------------- */

static const struct node *published_ports(const struct source *s)
{
	return node_find(node_find(s->inspect, "NetworkSettings"), "Ports");
}

static const char *network_mode(const struct source *s)
{
	return node_text_at(node_find(s->inspect, "HostConfig"), "NetworkMode", "");
}

static bool is_on_host(const struct source *s)
{
	return strcmp(network_mode(s), "host") == 0;
}

/* "8080/tcp", "8080"; 0: another protocol, or no port. */
static unsigned parse_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	char number[6];
	int64_t port;

	if (digits >= sizeof(number) ||
	    (text[digits] != '\0' && strcmp(text + digits, "/tcp") != 0))
		return 0;
	memcpy(number, text, digits);
	number[digits] = '\0';
	return str_parse_int(number, 1, 65535, &port) ? (unsigned)port : 0;
}

/* Ascending, each once; false when there is no room. */
static bool insert_port(unsigned *ports, size_t *count, size_t max, unsigned port)
{
	size_t i = *count;

	while (i > 0 && ports[i - 1] > port)
		i--;
	if (i > 0 && ports[i - 1] == port)
		return true;
	if (*count == max)
		return false;
	memmove(ports + i + 1, ports + i, (*count - i) * sizeof(*ports));
	ports[i] = port;
	++*count;
	return true;
}

struct port_list {
	unsigned *ports;
	size_t count, max;
	bool is_full;
};

/* The keys of an object of ports; is_bound: only those that are published. */
static void add_ports(const struct source *s, const struct node *object, bool is_bound,
		      struct port_list *list)
{
	for (size_t i = 0; i < node_count(object, NODE_MAP); i++) {
		const struct node *bindings = &object->children[i];
		unsigned port = parse_port(bindings->key);

		if (port == 0 || (is_bound && node_count(bindings, NODE_LIST) == 0) ||
		    container_words_is_true(container_words_service(s->words, port, "IGNORE")))
			continue;
		list->is_full |= !insert_port(list->ports, &list->count, list->max, port);
	}
}

static void remark_no_port(const struct source *s, bool is_published)
{
	if (is_published)
		container_remark(s->container, false,
				 "no TCP port is published: publish one, or use --internal");
	else
		container_remark(s->container, false,
				 "no TCP port is exposed: name one in the label mayfly.port");
}

/* Whether its own address counts, not what it publishes. */
static bool is_internal(const struct source *s)
{
	return s->options->is_internal || container_words_label(s->words, "network") != NULL;
}

/* In the host's network nothing is published, but what was asked for says what is meant. */
static void add_host_ports(const struct source *s, struct port_list *list)
{
	add_ports(s, node_find(node_find(s->inspect, "HostConfig"), "PortBindings"), true, list);
	if (list->count == 0)
		add_ports(s, node_find(node_find(s->inspect, "Config"), "ExposedPorts"), false,
			  list);
}

/* One that does not run says only what was asked for. */
static void add_planned_ports(const struct source *s, bool is_published, struct port_list *list)
{
	add_ports(s, node_find(node_find(s->inspect, "HostConfig"), "PortBindings"), is_published,
		  list);
	if (!is_published)
		add_ports(s, node_find(node_find(s->inspect, "Config"), "ExposedPorts"), false,
			  list);
}

static size_t list_ports(const struct source *s, unsigned *ports, size_t max)
{
	const char *wanted = container_words_label(s->words, "port");
	bool is_published = !is_internal(s) && !is_on_host(s);
	struct port_list list = {.ports = ports, .max = max};

	if (wanted != NULL) {
		ports[0] = parse_port(wanted);
		if (ports[0] == 0)
			container_remark(s->container, true, "mayfly.port=%.32s: no TCP port",
					 wanted);
		return ports[0] == 0 ? 0 : 1;
	}
	if (is_on_host(s)) {
		add_host_ports(s, &list);
	} else if (s->options->is_planned) {
		add_planned_ports(s, is_published, &list);
	} else {
		add_ports(s, published_ports(s), is_published, &list);
		if (!is_published)
			add_ports(s, node_find(node_find(s->inspect, "Config"), "ExposedPorts"),
				  false, &list);
	}
	if (list.is_full)
		container_remark(s->container, true, "has more than %zu ports: the rest is ignored",
				 max);
	if (list.count == 0)
		remark_no_port(s, is_published);
	return list.count;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int take_node_address(const struct source *s, char **ret_address, struct mf_err *err)
{
	if (s->options->address == NULL)
		return mf_err_set(err, MF_EDATA, "this node's address is not known: say --ip");
	*ret_address = mem_dup_str(s->options->address);
	return 0;
}

/* Whether a binding to all addresses holds for the node's, which may be of one family only. */
static bool is_wildcard(const struct source *s, const char *host)
{
	bool is_v6 = s->options->address != NULL && strchr(s->options->address, ':') != NULL;

	return host[0] == '\0' || strcmp(host, is_v6 ? "::" : "0.0.0.0") == 0;
}

static bool is_loopback(const char *address)
{
	return str_has_prefix(address, "127.") || strcmp(address, "::1") == 0;
}

/* Fine where all run on one host, as their --ip says. */
static void remark_loopback(const struct source *s, unsigned port, const char *address)
{
	if (is_loopback(address) &&
	    (s->options->address == NULL || !is_loopback(s->options->address)))
		container_remark(s->container, false,
				 "port %u: published on %s, where only this host reaches it", port,
				 address);
}

static int find_published(const struct source *s, unsigned port, char **ret_address,
			  unsigned *ret_port, struct mf_err *err)
{
	mem_auto_free char *key = mem_printf("%u/tcp", port);
	const struct node *bindings = node_find(published_ports(s), key);

	for (size_t i = 0; i < node_count(bindings, NODE_LIST); i++) {
		const struct node *binding = &bindings->children[i];
		const char *host = node_text_at(binding, "HostIp", "");
		unsigned host_port = parse_port(node_text_at(binding, "HostPort", ""));

		if (host_port == 0)
			continue;
		if (is_wildcard(s, host)) {
			*ret_port = host_port;
			return take_node_address(s, ret_address, err);
		}
		if (name_parse_address(host, strlen(host), ret_address, NULL) == 0) {
			remark_loopback(s, port, *ret_address);
			*ret_port = host_port;
			return 0;
		}
	}
	return mf_err_set(err, MF_EDATA, "is not published");
}

int container_check_network(const char *network, struct mf_err *err)
{
	struct netif_want range;

	if (network[0] != '\0' &&
	    (strchr(network, '/') == NULL || netif_parse_range(network, &range)))
		return 0;
	return mf_err_set(err, MF_EDATA,
			  "\"%.64s\": neither a network's name nor a range such as 10.1.0.0/16",
			  network);
}

/* A network's address that fits; "" is none.  IPv4 first. */
static const char *address_in(const struct node *network, const char *choice)
{
	static const char *const families[] = {"IPAddress", "GlobalIPv6Address"};
	struct netif_want range;
	bool is_range = choice != NULL && netif_parse_range(choice, &range);

	if (choice != NULL && !is_range && strcmp(network->key, choice) != 0)
		return "";
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const char *address = node_text_at(network, families[i], "");

		if (address[0] != '\0' && (!is_range || netif_has(&range, address)))
			return address;
	}
	return "";
}

static int find_internal(const struct source *s, char **ret_address, struct mf_err *err)
{
	const struct node *networks =
	    node_find(node_find(s->inspect, "NetworkSettings"), "Networks");
	const char *choice = container_words_label(s->words, "network");
	const char *found = "", *found_name = "";

	if (choice == NULL)
		choice = s->options->network;
	for (size_t i = 0; i < node_count(networks, NODE_MAP); i++) {
		const char *name = networks->children[i].key;
		const char *address = address_in(&networks->children[i], choice);

		if (address[0] == '\0')
			continue;
		if (found[0] != '\0' && choice == NULL)
			return mf_err_set(err, MF_EDATA,
					  "is in the networks %.64s and %.64s: choose by the label "
					  "mayfly.network or --network",
					  found_name, name);
		if (found[0] == '\0' || strcmp(name, found_name) < 0) {
			found = address;
			found_name = name;
		}
	}
	if (found[0] == '\0' && choice != NULL)
		return mf_err_set(err, MF_EDATA, "has no address in the network %.64s", choice);
	if (found[0] == '\0')
		return mf_err_set(err, MF_EDATA, "has no address of its own");
	return name_parse_address(found, strlen(found), ret_address, err);
}

static int find_endpoint(const struct source *s, unsigned port, char **ret_address,
			 unsigned *ret_port, struct mf_err *err)
{
	if (str_has_prefix(network_mode(s), "container:"))
		return mf_err_set(err, MF_EDATA,
				  "shares another container's network: register that one");
	if (!is_on_host(s) && !is_internal(s))
		return find_published(s, port, ret_address, ret_port, err);
	if ((is_on_host(s) ? take_node_address(s, ret_address, err)
			   : find_internal(s, ret_address, err)) != 0)
		return err->code;
	*ret_port = port;
	return 0;
}

/* --- the check ------------------------------------------------------------------------------- */

/* In the form of check_spec_parse; NULL: none.  What asks more goes before a plain connection. */
static char *find_check(const struct source *s, const struct announcement *want, unsigned port)
{
	const struct check_target target = {.address = want->address, .port = want->port};
	const char *label = container_words_label(s->words, "check");
	size_t count = 0;

	if (label != NULL)
		return mem_dup_str(label);
	while (check_kinds[count] != NULL)
		count++;
	for (size_t i = 1; i <= count; i++) {
		const struct check_kind *kind =
		    check_kinds[i % count]; /* tcp, the first, is last */
		mem_auto_free char *name = mem_printf("check_%s", kind->word);
		const char *value = container_words_find(s->words, port, name);
		char *check = value == NULL ? NULL : kind->parse_word(value, &target);

		if (check != NULL)
			return check;
	}
	return NULL;
}

/* Its other settings: SERVICE_CHECK_INTERVAL and so on. */
static int read_settings(const struct source *s, unsigned port, struct check_spec *spec,
			 struct mf_err *err)
{
	for (size_t i = 0; check_spec_setting(i) != NULL; i++) {
		mem_auto_free char *name = mem_printf("check_%s", check_spec_setting(i));
		const char *value = container_words_find(s->words, port, name);

		if (value != NULL && check_spec_set(spec, check_spec_setting(i), value, err) != 0)
			return err->code;
	}
	return 0;
}

static int read_spec(const struct source *s, unsigned port, const char *text,
		     struct check_spec **ret_spec, struct mf_err *err)
{
	const char *risk;

	if (check_spec_parse(text, ret_spec, err) != 0)
		return err->code;
	risk = check_spec_find_risk(*ret_spec);
	if (risk != NULL && !s->options->trusts_checks)
		(void)mf_err_set(err, MF_EDATA, "%s: only with --trust-checks", risk);
	else if (read_settings(s, port, *ret_spec, err) == 0)
		return 0;
	check_spec_free(*ret_spec);
	return err->code;
}

static int read_check(const struct source *s, struct container_instance *instance,
		      struct mf_err *err)
{
	unsigned port = instance->container_port;
	mem_auto_free char *text = find_check(s, &instance->want, port);
	const char *initial = container_words_find(s->words, port, "check_initial_status");
	struct check_spec *spec;

	if (text == NULL)
		return 0;
	if (read_spec(s, port, text, &spec, err) != 0)
		return mf_err_wrap(err, "check");
	announcement_add_check(&instance->want, spec);
	instance->want.is_initially_up = initial != NULL && strcasecmp(initial, "passing") == 0;
	return 0;
}

/* --- an instance ----------------------------------------------------------------------------- */

/* One name for several ports is told apart by them, as registrator does. */
static char *make_service(const struct source *s, const char *image_name, unsigned port,
			  size_t port_count)
{
	const char *base = container_words_label(s->words, "service");
	const char *own = container_words_service(s->words, port, "NAME");

	if (base == NULL && own != NULL)
		return mem_dup_str(own);
	if (base == NULL)
		base = container_words_service(s->words, 0, "NAME");
	if (base == NULL)
		base = s->deployment.service;
	if (base == NULL && s->options->takes_all)
		base = image_name;
	if (base == NULL)
		return NULL;
	return port_count == 1 ? mem_dup_str(base) : mem_printf("%s-%u", base, port);
}

/* Names of services are lower case, those of others need not be. */
static void lower_name(const struct source *s, char *service)
{
	mem_auto_free char *written = mem_dup_str(service);

	str_lower(service);
	if (strcmp(written, service) != 0)
		container_remark(s->container, false, "service %.64s is registered as %.64s",
				 written, service);
}

static int set(struct announcement *want, const char *key, const char *value, struct mf_err *err)
{
	return value == NULL ? 0 : fields_set(&announcement_fields, key, value, want, err);
}

/* A word that reaches beyond the container; NULL, with a remark, where no option allows it. */
static const char *find_trusted(const struct source *s, unsigned port, const char *name,
				const char *value, bool is_trusted)
{
	mem_auto_free char *title = NULL;

	if (value == NULL || is_trusted)
		return value;
	title = container_words_title(s->words, port, name);
	container_remark(s->container, true, "%s=%.64s is ignored: only with --trust-%s", title,
			 value, name);
	return NULL;
}

/* Its copies are told apart by people and programs by these.  The names are checked by then. */
static void add_deployment(const struct source *s, struct announcement *want)
{
	mem_auto_free char *name = NULL;

	if (s->deployment.name == NULL)
		return;
	name = deployment_make_name(&s->deployment);
	announcement_add_attribute(want, "deployment", s->deployment.name);
	announcement_add_attribute(want, "name", name);
}

/* The name of a deployment stands in attributes, and for the version. */
static int check_deployment(const struct source *s, struct mf_err *err)
{
	const char *const names[] = {s->deployment.name, s->deployment.service};

	for (size_t i = 0; s->deployment.name != NULL && i < 2; i++)
		if (name_check(i == 0 ? NAME_VERSION : NAME_SERVICE, names[i], strlen(names[i]),
			       err) != 0)
			return mf_err_wrap(err, i == 0 ? "deployment" : "service");
	return 0;
}

static int read_instance(const struct source *s, const char *service, const char *default_version,
			 struct container_instance *instance, struct mf_err *err)
{
	unsigned port = instance->container_port;
	const char *version = container_words_find(s->words, port, "version");
	const char *id = find_trusted(s, port, "id", container_words_find(s->words, port, "id"),
				      s->options->trusts_id);
	const char *env = find_trusted(s, port, "env", container_words_label(s->words, "env"),
				       s->options->trusts_env);
	mem_auto_free char *made =
	    mem_printf("%s-%s-%u", s->options->node, s->container->name, port);
	struct announcement *want = &instance->want;

	want->has_made_id = id == NULL;
	if (set(want, "service", service, err) != 0 ||
	    announcement_check_allowed(want, s->options->allow_services, err) != 0 ||
	    set(want, "version", version == NULL ? default_version : version, err) != 0 ||
	    set(want, "id", id == NULL ? made : id, err) != 0 || set(want, "env", env, err) != 0 ||
	    set(want, "weight", container_words_find(s->words, port, "weight"), err) != 0)
		return err->code;
	if (!s->options->is_planned &&
	    (find_endpoint(s, port, &want->address, &want->port, err) != 0 ||
	     read_check(s, instance, err) != 0))
		return err->code;
	add_deployment(s, want);
	container_words_read_extra(s->words, port, want);
	return 0;
}

/* --- all of them ----------------------------------------------------------------------------- */

static bool says_so(const struct source *s)
{
	return s->options->takes_all || s->deployment.name != NULL ||
	       container_words_label(s->words, "service") != NULL ||
	       container_words_has_name(s->words);
}

static bool is_ignored(const struct source *s)
{
	return container_words_is_true(container_words_label(s->words, "ignore")) ||
	       container_words_is_true(container_words_service(s->words, 0, "IGNORE"));
}

static void add_instance(const struct source *s, unsigned port, const char *service,
			 const char *default_version)
{
	struct container *container = s->container;
	struct container_instance *instance = &container->instances[container->instance_count];
	struct mf_err err;

	instance->container_port = port;
	announcement_init(&instance->want);
	instance->want.weight = s->options->weight;
	if (check_deployment(s, &err) == 0 &&
	    read_instance(s, service, default_version, instance, &err) == 0) {
		container->instance_count++;
		return;
	}
	container_remark(container, true, "port %u: %s", port, err.msg);
	announcement_fini(&instance->want);
}

static void read_deployment(const struct source *s)
{
	s->container->deployment = mem_dup_str(s->deployment.name);
	s->container->is_stack = s->deployment.is_stack;
	for (size_t i = 0; i < CONTAINER_WORD_COUNT; i++)
		s->container->words[i] =
		    mem_dup_str(container_words_label(s->words, container_env_words[i]));
}

static void read_instances(const struct source *s)
{
	struct container *container = s->container;
	const char *image = node_text_at(node_find(s->inspect, "Config"), "Image", "");
	const char *image_id = node_text_at(s->inspect, "Image", "");
	mem_auto_free char *name = NULL, *version = NULL;
	unsigned ports[PORTS_MAX];
	size_t count = list_ports(s, ports, PORTS_MAX);

	if (s->deployment.name != NULL)
		read_deployment(s);
	container_parse_image(image, image_id, &name, &version);
	container->instances = mem_alloc(count * sizeof(*container->instances));
	for (size_t i = 0; i < count; i++) {
		mem_auto_free char *service = make_service(s, name, ports[i], count);

		if (service == NULL) {
			container_remark(container, false, "port %u: no SERVICE_%u_NAME", ports[i],
					 ports[i]);
			continue;
		}
		lower_name(s, service);
		add_instance(s, ports[i], service,
			     s->deployment.name == NULL ? version : s->deployment.name);
	}
	container_words_check(s->words, true);
	if (count > 1 && (container_words_label(s->words, "service") != NULL ||
			  container_words_service(s->words, 0, "NAME") != NULL))
		container_remark(container, false,
				 "%zu ports, so the port is part of the service's name; "
				 "mayfly.port chooses one",
				 count);
}

static void remark_no_service(const struct source *s)
{
	container_remark(s->container, false, "has neither mayfly.service nor SERVICE_NAME%s",
			 s->options->takes_deployments ? ", and is of no deployment" : "");
	container_words_check(s->words, false);
}

static void find_deployment(struct source *s)
{
	const struct node *config = node_find(s->inspect, "Config");

	if (!deployment_find(node_find(config, "Labels"), &s->deployment))
		s->deployment = (struct deployment){0};
}

static int read_container(struct source *s, struct mf_err *err)
{
	const char *id = node_text_at(s->inspect, "Id", "");
	const char *name = node_text_at(s->inspect, "Name", NULL);
	const struct node *state = node_find(s->inspect, "State");
	struct container *container = s->container;

	if (!docker_is_id(id) || name == NULL || state == NULL || state->kind != NODE_MAP)
		return mf_err_set(err, MF_EDATA, "no description of a container");
	container->id = mem_dup_str(id);
	container->name = mem_dup_str(name[0] == '/' ? name + 1 : name);
	container->created = mem_dup_str(node_text_at(s->inspect, "Created", ""));
	container->state = read_state(s->inspect);
	container->stop_signal =
	    parse_signal(node_text_at(node_find(s->inspect, "Config"), "StopSignal", NULL));
	s->words = container_words_new(node_find(s->inspect, "Config"), container);
	if (s->options->takes_deployments)
		find_deployment(s);
	if (is_ignored(s))
		container_remark(container, false, "is to be ignored");
	else if (s->deployment.is_oneoff)
		container_remark(container, false, "was started by `docker-compose run`");
	else if (says_so(s))
		read_instances(s);
	else
		remark_no_service(s);
	container_words_free(s->words);
	return 0;
}

int container_parse(const char *json, size_t len, const struct container_options *options,
		    struct container **ret_container, struct mf_err *err)
{
	struct source s = {.options = options};
	struct node *inspect;
	int code;

	if (docker_parse(json, len, NODE_MAP, &inspect, err) != 0)
		return MF_EDATA;
	s.inspect = inspect;
	s.container = MEM_NEW(s.container);
	code = read_container(&s, err);
	node_free(inspect);
	if (code != 0)
		container_free(s.container);
	else
		*ret_container = s.container;
	return code;
}

void container_free(struct container *container)
{
	if (container == NULL)
		return;
	for (size_t i = 0; i < container->instance_count; i++)
		announcement_fini(&container->instances[i].want);
	free(container->instances);
	for (size_t i = 0; i < CONTAINER_WORD_COUNT; i++)
		free(container->words[i]);
	free(container->deployment);
	free(container->created);
	free(container->remarks);
	free(container->id);
	free(container->name);
	free(container);
}
