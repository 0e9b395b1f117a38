/* Compose files: labels, ports and networks.  Runs nothing. */
#include "operator/compose_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strlist.h"
#include "base/yaml.h"
#include "model/node.h"

#define SAYS  "x-mayfly"
#define LABEL "mayfly."

struct compose_file {
	struct node *root;
	const struct node *services; /* also of a file that has no such key, as fig.yml */
	bool is_fig;
	char **hosts;
	struct node *root_of_labels; /* {services: labels} */
	struct node *labels;	     /* of those services that say some: NAME: {labels: {...}} */
};

/* A member's text, quoted or not. */
static const char *text_at(const struct node *map, const char *key, const char *otherwise)
{
	const struct node *member = node_find(map, key);

	return member == NULL || member->text == NULL ? otherwise : member->text;
}

/* --- what x-mayfly says ----------------------------------------------------------------------- */

/* As svcregister and envwatch know them. */
static const char *const words[] = {"service", "version", "port",    "weight",
				    "check",   "ignore",  "network", "route",
				    "hosts",   "extends", "expires", "protocol"};

static struct node *add_member(struct node *parent, const char *key, enum node_kind kind)
{
	struct node *member = node_add_child(parent);

	member->kind = kind;
	member->key = mem_dup_str(key);
	return member;
}

static void add_label(struct node *labels, const char *word, const char *value)
{
	mem_auto_free char *key = mem_printf(LABEL "%s", word);
	struct node *label = add_member(labels, key, NODE_SCALAR);

	label->style = NODE_QUOTED;
	label->text = mem_dup_str(value);
}

/* A list becomes words with commas between them. */
static int read_value(const struct node *node, struct buf *value, struct mf_err *err)
{
	const char *text;

	if (node->kind != NODE_LIST) {
		if (node_get_text(node, &text, err) != 0)
			return mf_err_wrap(err, "%s", node->key);
		buf_add_str(value, text);
		return 0;
	}
	for (size_t i = 0; i < node->child_count; i++) {
		if (node_get_text(&node->children[i], &text, err) != 0)
			return mf_err_wrap(err, "%s", node->key);
		buf_printf(value, "%s%s", i == 0 ? "" : ",", text);
	}
	return 0;
}

static void add_hosts(struct compose_file *file, const char *text)
{
	char **list = strlist_split(text, ',');

	for (size_t i = 0; list[i] != NULL; i++)
		if (list[i][strspn(list[i], " ")] != '\0')
			strlist_add(&file->hosts, list[i] + strspn(list[i], " "));
	strlist_free(list);
}

static int read_word(struct compose_file *file, const struct node *member, struct node *labels,
		     struct mf_err *err)
{
	buf_auto struct buf value = BUF_INIT;

	if (read_value(member, &value, err) != 0)
		return err->code;
	if (strcmp(member->key, "protocol") != 0)
		add_label(labels, member->key, buf_str(&value));
	else if (strcmp(buf_str(&value), "tcp") == 0)
		add_label(labels, "ignore", "true");
	else if (strcmp(buf_str(&value), "http") != 0)
		return mf_err_set(err, MF_EDATA, "protocol: \"%.32s\": must be http or tcp",
				  buf_str(&value));
	if (strcmp(member->key, "hosts") == 0)
		add_hosts(file, buf_str(&value));
	return 0;
}

static int read_service(struct compose_file *file, const struct node *service, struct mf_err *err)
{
	const struct node *says = node_find(service, SAYS);
	const char *hosts = text_at(node_find(service, "labels"), LABEL "hosts", NULL);
	struct node *labels;

	if (hosts != NULL)
		add_hosts(file, hosts);
	if (says == NULL)
		return 0;
	if (node_check_keys(says, words, sizeof(words) / sizeof(words[0]), err) != 0)
		return mf_err_wrap(err, SAYS);
	labels = add_member(add_member(file->labels, service->key, NODE_MAP), "labels", NODE_MAP);
	for (size_t i = 0; i < says->child_count; i++)
		if (read_word(file, &says->children[i], labels, err) != 0)
			return mf_err_wrap(err, SAYS);
	return 0;
}

int compose_file_parse(const char *text, size_t len, struct compose_file **ret_file,
		       struct mf_err *err)
{
	struct compose_file *file = MEM_NEW(file);
	const char *version;

	file->root_of_labels = MEM_NEW(file->root_of_labels);
	file->root_of_labels->kind = NODE_MAP;
	file->labels = add_member(file->root_of_labels, "services", NODE_MAP);
	if (node_parse_yaml(text, len, &file->root, err) != 0)
		goto failed;
	version = text_at(file->root, "version", "");
	file->is_fig = strcmp(version, "1") == 0;
	file->services = node_find(file->root, "services");
	if (node_count(file->services, NODE_MAP) == 0) {
		(void)mf_err_set(err, MF_EDATA, "has no services");
		goto failed;
	}
	for (size_t i = 0; i < file->services->child_count; i++)
		if (read_service(file, &file->services->children[i], err) != 0) {
			mf_err_cut_place(err);
			(void)mf_err_wrap(err, "service %s", file->services->children[i].key);
			goto failed;
		}
	*ret_file = file;
	return 0;
failed:
	compose_file_free(file);
	return err->code;
}

void compose_file_free(struct compose_file *file)
{
	if (file == NULL)
		return;
	node_free(file->root);
	node_free(file->root_of_labels);
	strlist_free(file->hosts);
	free(file);
}

void compose_file_add_labels(const struct compose_file *file, struct buf *ret_yaml)
{
	const char *version = text_at(file->root, "version", NULL);

	if (file->labels->child_count == 0)
		return;
	if (file->is_fig) {
		yaml_add(file->labels, ret_yaml);
		return;
	}
	if (version != NULL)
		buf_printf(ret_yaml, "version: \"%s\"\n", version);
	yaml_add(file->root_of_labels, ret_yaml);
}

char *const *compose_file_hosts(const struct compose_file *file)
{
	return file->hosts;
}

/* --- ports and networks ----------------------------------------------------------------------- */

/* "8080:80/tcp", "127.0.0.1:8080:80", {published: 8080, target: 80}; 0: Docker finds one. */
static unsigned find_published(const struct node *port)
{
	const char *text = port->kind == NODE_MAP ? text_at(port, "published", "")
			   : port->text == NULL	  ? ""
						  : port->text;
	const char *last = strrchr(text, ':');
	mem_auto_free char *host = NULL;
	int64_t number;

	if (port->kind != NODE_MAP) {
		if (last == NULL)
			return 0;
		host = mem_dup_bytes(text, (size_t)(last - text));
		last = strrchr(host, ':');
		text = last == NULL ? host : last + 1;
	}
	return str_parse_int(text, 1, 65535, &number) ? (unsigned)number : 0;
}

/* A line of another project that has ":PORT->" in it; its project is handed over. */
static char *find_other(unsigned port, const char *project, const char *lines)
{
	mem_auto_free char *what = mem_printf(":%u->", port);

	while (lines[0] != '\0') {
		size_t len = strcspn(lines, "\n"), name_len = strcspn(lines, " \n");
		mem_auto_free char *line = mem_dup_bytes(lines, len);
		bool is_ours =
		    name_len == strlen(project) && strncmp(lines, project, name_len) == 0;

		if (!is_ours && strstr(line, what) != NULL)
			return name_len == 0 ? mem_dup_str("a container of no project")
					     : mem_printf("the project %.*s", (int)name_len, line);
		lines += len + (lines[len] == '\n');
	}
	return NULL;
}

int compose_file_check_ports(const struct compose_file *file, const char *project,
			     const char *lines, struct mf_err *err)
{
	for (size_t i = 0; i < file->services->child_count; i++) {
		const struct node *service = &file->services->children[i];
		const struct node *ports = node_find(service, "ports");

		for (size_t j = 0; j < node_count(ports, NODE_LIST); j++) {
			unsigned port = find_published(&ports->children[j]);
			mem_auto_free char *other =
			    port == 0 ? NULL : find_other(port, project, lines);

			if (other != NULL)
				return mf_err_set(err, MF_EDATA,
						  "service %.64s: port %u is published by %s: "
						  "write only the container's port, and Docker "
						  "finds a free one",
						  service->key, port, other);
		}
	}
	return 0;
}

char *compose_file_find_shared(const struct compose_file *file, const char *project)
{
	const struct node *networks = node_find(file->root, "networks");
	mem_auto_free char *own = mem_printf("%s_", project);

	for (size_t i = 0; i < node_count(networks, NODE_MAP); i++) {
		const struct node *network = &networks->children[i];
		const char *name = text_at(network, "name", NULL);

		if (node_find(network, "external") == NULL &&
		    (name == NULL || str_has_prefix(name, own)))
			continue;
		return mem_printf(
		    "network %.64s: its name is not of this project alone: projects "
		    "that share it get each other's containers under a service's name",
		    name == NULL ? network->key : name);
	}
	return NULL;
}
