/* One container's inspect reply, read: what it is, how it is, and its instances. */
#include "register/container.h"

#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "model/fields.h"
#include "register/container_internal.h"
#include "register/docker_event.h"

enum { PORTS_MAX = 64, REMARKS_MAX = 2048, DOCKER_SIGRTMIN = 34 };

void container_remark(struct container *container, bool is_wrong, const char *format, ...)
{
	char text[512];
	char *longer;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	container->is_wrong |= is_wrong;
	if (container->remarks != NULL && strlen(container->remarks) > REMARKS_MAX)
		return;
	longer = container->remarks == NULL ? mem_dup_str(text)
					    : mem_printf("%s; %s", container->remarks, text);
	free(container->remarks);
	container->remarks = longer;
}

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

/* --- an instance ----------------------------------------------------------------------------- */

/* One name for several ports is told apart by them, as registrator does. */
static char *make_service(const struct container_source *s, const char *image_name, unsigned port,
			  size_t port_count)
{
	const char *base = container_find_label(s, "service");
	const char *own = container_find_word(s, port, "NAME");

	if (base == NULL && own != NULL)
		return mem_dup_str(own);
	if (base == NULL)
		base = container_find_word(s, 0, "NAME");
	if (base == NULL && s->options->takes_all)
		base = image_name;
	if (base == NULL)
		return NULL;
	return port_count == 1 ? mem_dup_str(base) : mem_printf("%s-%u", base, port);
}

static int set(struct announcement *want, const char *key, const char *value, struct mf_err *err)
{
	return value == NULL ? 0 : fields_set(&announcement_fields, key, value, want, err);
}

static int read_instance(const struct container_source *s, const char *service,
			 const char *image_version, struct container_instance *instance,
			 struct mf_err *err)
{
	unsigned port = instance->container_port;
	const char *version = container_find(s, port, "version"),
		   *id = container_find(s, port, "id");
	mem_auto_free char *made =
	    mem_printf("%s-%s-%u", s->options->node, s->container->name, port);
	struct announcement *want = &instance->want;

	if (set(want, "service", service, err) != 0 ||
	    set(want, "version", version == NULL ? image_version : version, err) != 0 ||
	    set(want, "id", id == NULL ? made : id, err) != 0 ||
	    set(want, "env", container_find_label(s, "env"), err) != 0 ||
	    container_find_endpoint(s, port, &want->address, &want->port, err) != 0 ||
	    set(want, "weight", container_find(s, port, "weight"), err) != 0 ||
	    container_read_check(s, instance, err) != 0)
		return err->code;
	want->tags = container_split_tags(container_find(s, port, "tags"));
	want->tag_count = strlist_count(want->tags);
	container_read_attributes(s, instance);
	return 0;
}

/* --- all of them ----------------------------------------------------------------------------- */

static bool says_so(const struct container_source *s)
{
	if (s->options->takes_all || container_find_label(s, "service") != NULL)
		return true;
	for (size_t i = 0; i < s->word_count; i++)
		if (container_find_word(s, s->words[i].port, "NAME") != NULL)
			return true;
	return false;
}

static bool is_ignored(const struct container_source *s)
{
	return container_is_true(container_find_label(s, "ignore")) ||
	       container_is_true(container_find_word(s, 0, "IGNORE"));
}

static void add_instance(const struct container_source *s, unsigned port, const char *service,
			 const char *image_version)
{
	struct container *container = s->container;
	struct container_instance *instance = &container->instances[container->instance_count];
	struct mf_err err;

	instance->container_port = port;
	announcement_init(&instance->want);
	instance->want.weight = s->options->weight;
	if (read_instance(s, service, image_version, instance, &err) == 0) {
		container->instance_count++;
		return;
	}
	container_remark(container, true, "port %u: %s", port, err.msg);
	announcement_fini(&instance->want);
}

static void read_instances(const struct container_source *s)
{
	struct container *container = s->container;
	const char *image = node_text_at(node_find(s->inspect, "Config"), "Image", "");
	const char *image_id = node_text_at(s->inspect, "Image", "");
	mem_auto_free char *name = NULL, *version = NULL;
	unsigned ports[PORTS_MAX];
	size_t count = container_list_ports(s, ports, PORTS_MAX);

	container_parse_image(image, image_id, &name, &version);
	container->instances = mem_alloc(count * sizeof(*container->instances));
	for (size_t i = 0; i < count; i++) {
		mem_auto_free char *service = make_service(s, name, ports[i], count);

		if (service == NULL)
			container_remark(container, false, "port %u: no SERVICE_%u_NAME", ports[i],
					 ports[i]);
		else
			add_instance(s, ports[i], service, version);
	}
	if (count > 1 && (container_find_label(s, "service") != NULL ||
			  container_find_word(s, 0, "NAME") != NULL))
		container_remark(container, false,
				 "%zu ports, so the port is part of the service's name; "
				 "mayfly.port chooses one",
				 count);
}

static int read_container(struct container_source *s, struct mf_err *err)
{
	const char *id = node_text_at(s->inspect, "Id", "");
	const char *name = node_text_at(s->inspect, "Name", NULL);
	const struct node *state = node_find(s->inspect, "State");
	struct container *container = s->container;

	if (!docker_is_id(id) || name == NULL || state == NULL || state->kind != NODE_MAP)
		return mf_err_set(err, MF_EDATA, "no description of a container");
	container->id = mem_dup_str(id);
	container->name = mem_dup_str(name[0] == '/' ? name + 1 : name);
	container->state = read_state(s->inspect);
	container->stop_signal =
	    parse_signal(node_text_at(node_find(s->inspect, "Config"), "StopSignal", NULL));
	container_read_words(s);
	if (is_ignored(s))
		container_remark(container, false, "is to be ignored");
	else if (!says_so(s))
		container_remark(container, false, "has neither mayfly.service nor SERVICE_NAME");
	else
		read_instances(s);
	return 0;
}

int container_parse(const char *json, size_t len, const struct container_options *options,
		    struct container **ret_container, struct mf_err *err)
{
	struct container_source s = {.options = options};
	struct node *inspect;
	int code;

	if (docker_parse(json, len, NODE_MAP, &inspect, err) != 0)
		return MF_EDATA;
	s.inspect = inspect;
	s.container = MEM_NEW(s.container);
	code = read_container(&s, err);
	free(s.words);
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
	free(container->remarks);
	free(container->id);
	free(container->name);
	free(container);
}
