/* The backends file, parsed into what etcd would hold.  Opens no file, and follows none. */
#include "store/backends_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/name.h"
#include "model/node.h"
#include "store/instances.h"

static int check_key(const struct node *node, enum name_kind kind, struct mf_err *err)
{
	struct mf_err why;

	if (name_check(kind, node->key, strlen(node->key), &why) == 0)
		return 0;
	return node_error_key(node, err, "%s", why.msg);
}

static int add_endpoint(const char *service, const char *version, const struct node *node,
			struct strmap *values, struct mf_err *err)
{
	mem_auto_free char *address = NULL, *key = NULL;
	buf_auto struct buf endpoint = BUF_INIT;
	struct mf_err why;
	const char *text;
	unsigned port;

	if (node_get_text(node, &text, err) != 0)
		return err->code;
	if (name_parse_endpoint(text, strlen(text), &address, &port, &why) != 0)
		return node_error(node, err, "%s", why.msg);
	instances_add_endpoint(&endpoint, address, port);
	key = mem_printf("backends/%s/%s/%s", service, version, endpoint.data);
	if (strmap_find(values, key) != NULL)
		return node_error(node, err, "%s: given twice", endpoint.data);
	strmap_set(values, key, buf_take(&endpoint));
	return 0;
}

static int parse_version(const char *service, const struct node *version, struct strmap *values,
			 struct mf_err *err)
{
	if (check_key(version, NAME_VERSION, err) != 0)
		return mf_err_wrap(err, "version");
	if (version->kind != NODE_LIST) {
		(void)node_error(version, err, "a list of \"address:port\" is expected here");
		return mf_err_wrap(err, "version %s", version->key);
	}
	for (size_t i = 0; i < version->child_count; i++)
		if (add_endpoint(service, version->key, &version->children[i], values, err) != 0)
			return mf_err_wrap(err, "version %s", version->key);
	return 0;
}

static int parse_service(const struct node *service, struct strmap *values, struct mf_err *err)
{
	if (check_key(service, NAME_SERVICE, err) != 0)
		return mf_err_wrap(err, "service");
	if (service->kind != NODE_MAP) {
		(void)node_error(service, err, "versions with their instances are expected here");
		return mf_err_wrap(err, "service %s", service->key);
	}
	for (size_t i = 0; i < service->child_count; i++)
		if (parse_version(service->key, &service->children[i], values, err) != 0)
			return mf_err_wrap(err, "service %s", service->key);
	return 0;
}

static int parse_services(const struct node *root, struct strmap *values, struct mf_err *err)
{
	if (root->kind != NODE_MAP)
		return node_error(root, err, "services with their versions are expected here");
	for (size_t i = 0; i < root->child_count; i++)
		if (parse_service(&root->children[i], values, err) != 0)
			return err->code;
	return 0;
}

int backends_file_parse(const char *text, size_t len, struct strmap **ret_values,
			struct mf_err *err)
{
	struct strmap *values;
	struct node *root;
	int code = node_parse_yaml(text, len, &root, err);

	if (code != 0)
		return code;
	values = strmap_new(free);
	code = parse_services(root, values, err);
	node_free(root);
	if (code != 0) {
		strmap_free(values);
		return code;
	}
	*ret_values = values;
	return 0;
}
