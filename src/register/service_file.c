/* Service files as lists of announcements.  Knows nothing of directories, nor of etcd. */
#include "register/service_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/fields.h"
#include "store/itemfile.h"

struct list {
	void **items;
	size_t count;
	struct strmap *lines; /* an entry's name -> its node */
};

/* Everything that is written, but for where it stands. */
static uint64_t hash_node(uint64_t hash, const struct node *node)
{
	if (node->key != NULL)
		hash = str_hash(hash, node->key, strlen(node->key) + 1);
	hash = str_hash(hash, &node->kind, sizeof(node->kind));
	if (node->text != NULL)
		hash = str_hash(hash, node->text, strlen(node->text) + 1);
	hash = str_hash(hash, &node->child_count, sizeof(node->child_count));
	for (size_t i = 0; i < node->child_count; i++)
		hash = hash_node(hash, &node->children[i]);
	return hash;
}

static char *make_name(const struct announcement *want)
{
	bool has_brackets = want->where.kind != NETIF_INTERFACE && want->where.family == AF_INET6;

	if (want->id != NULL)
		return mem_printf("%s/%s/%s", want->service, want->version, want->id);
	return mem_printf(has_brackets ? "%s/%s/[%s]:%u" : "%s/%s/%s:%u", want->service,
			  want->version, want->where.text, want->port);
}

static void *ref(void *item)
{
	struct service_entry *entry = item;

	entry->refs++;
	return entry;
}

static void unref(void *item)
{
	struct service_entry *entry = item;

	if (entry == NULL || --entry->refs != 0)
		return;
	announcement_fini(&entry->want);
	free(entry->name);
	free(entry);
}

/* NULL, with the reason in err. */
static struct service_entry *read_entry(const struct node *node, struct mf_err *err)
{
	struct service_entry *entry = MEM_NEW(entry);

	entry->refs = 1;
	announcement_init(&entry->want);
	if (fields_read(&announcement_fields, node, &entry->want, false, err) != 0) {
		unref(entry);
		return NULL;
	}
	entry->name = make_name(&entry->want);
	entry->digest = hash_node(STR_HASH_INIT, node);
	return entry;
}

/* --- a file ----------------------------------------------------------------------------------- */

static int add_entry(struct list *list, const struct node *node, struct mf_err *err)
{
	struct service_entry *entry = read_entry(node, err);
	const struct node *first;

	if (entry == NULL)
		return err->code;
	first = strmap_find(list->lines, entry->name);
	if (first != NULL) {
		(void)node_error(node, err,
				 "service %s: is there already, in line %u: give it an id",
				 entry->name, first->line);
		unref(entry);
		return err->code;
	}
	strmap_set(list->lines, entry->name, (void *)node);
	list->items[list->count++] = entry;
	return 0;
}

static int read_root(const struct node *root, struct list *list, item_bad_fn *on_bad, void *ctx,
		     struct mf_err *err)
{
	const struct node *nodes = root->kind == NODE_LIST ? root->children : root;
	size_t count = root->kind == NODE_LIST ? root->child_count : 1;
	struct mf_err why;

	if (count == 0 || (root->kind == NODE_SCALAR && root->style == NODE_NULL))
		return node_error(root, err, "holds no service");
	if (root->kind == NODE_SCALAR)
		return node_error(root, err, "must be a service (a map) or a list of them");
	if (count > SERVICE_FILE_MAX)
		return node_error(root, err, "%zu services, at most %d are allowed in one file",
				  count, SERVICE_FILE_MAX);
	list->items = mem_alloc(count * sizeof(*list->items));
	for (size_t i = 0; i < count; i++)
		if (add_entry(list, &nodes[i], &why) != 0)
			on_bad(ctx, &why);
	return 0;
}

/* One service, or a list of them. */
static int parse(const char *text, size_t len, void ***ret_items, size_t *ret_count,
		 item_bad_fn *on_bad, void *ctx, struct mf_err *err)
{
	struct list list = {0};
	struct node *root;
	int code = node_parse_yaml(text, len, &root, err);

	if (code != 0)
		return code;
	list.lines = strmap_new(NULL);
	code = read_root(root, &list, on_bad, ctx, err);
	strmap_free(list.lines);
	node_free(root);
	if (code != 0)
		return code;
	*ret_items = list.items;
	*ret_count = list.count;
	return 0;
}

/* --- as an item of a directory ---------------------------------------------------------------- */

static const char *get_name(const void *item)
{
	return ((const struct service_entry *)item)->name;
}

static bool is_equal(const void *a, const void *b)
{
	return ((const struct service_entry *)a)->digest ==
	       ((const struct service_entry *)b)->digest;
}

const struct item_kind service_kind = {
    .noun = "service",
    .gone = "withdrawn",
    .parse = parse,
    .name = get_name,
    .is_equal = is_equal,
    .ref = ref,
    .unref = unref,
};
